"""A small evaluation set written by hand, and strategies that make random ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from opensearch_clir.evaluation.sets import Document, EvaluationSet, Query

LANGUAGES = ("de", "en", "fr", "ja")

DOCUMENTS: list[dict[str, Any]] = [
    {"id": "a.en", "lang": "en", "text": "apple", "group": "a"},
    {"id": "a.fr", "lang": "fr", "text": "pomme", "group": "a", "title": "Fruits"},
    {"id": "b.en", "lang": "en", "text": "bread", "colour": "brown"},
    {"id": "c.zh", "lang": "zh-TW", "text": "茶", "topic": "drinks"},
]
QUERIES = ["q1\ten\tan apple", "q2\tfr\tdu pain", "q3\tfr\tune pomme"]
QRELS = ["q1 0 a.en 2", "q2 0 b.en 1", "q2\t0\tc.zh\t0", "q3 0 a.fr 1"]


def write(
    folder: Path,
    documents: list[dict[str, Any]] | None = None,
    queries: list[str] | None = None,
    qrels: list[str] | None = None,
) -> Path:
    """Write a set folder from lines; whatever is left out comes from the constants above."""
    folder.mkdir(parents=True, exist_ok=True)
    corpus = [json.dumps(document) for document in documents or DOCUMENTS]
    for name, lines in (
        ("corpus.jsonl", corpus),
        ("queries.tsv", queries or QUERIES),
        ("qrels.tsv", qrels or QRELS),
    ):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def make(
    documents: Mapping[str, tuple[str, str | None]],
    queries: Mapping[str, str],
    qrels: Mapping[str, Mapping[str, int]],
) -> EvaluationSet:
    """Return a set of documents (id -> language, group) and queries (id -> language)."""
    return EvaluationSet(
        name="made",
        documents={d: Document(d, lang, d, group=group) for d, (lang, group) in documents.items()},
        queries={q: Query(q, lang, q) for q, lang in queries.items()},
        qrels=qrels,
    )


@st.composite
def random_sets(draw: st.DrawFn) -> EvaluationSet:
    """Return a set with random languages, groups and judgments; every query has an answer."""
    names = st.none() | st.sampled_from(["g0", "g1", "g2", "g3"])
    kinds = draw(st.lists(st.tuples(st.sampled_from(LANGUAGES), names), min_size=1, max_size=12))
    documents = {f"d{number}": kind for number, kind in enumerate(kinds)}
    count = draw(st.integers(1, 8))
    judged = st.dictionaries(
        st.sampled_from(sorted(documents)), st.integers(0, 3), min_size=1, max_size=4
    ).filter(lambda grades: any(grades.values()))
    return make(
        documents,
        {f"q{n}": draw(st.sampled_from(LANGUAGES)) for n in range(count)},
        {f"q{n}": draw(judged) for n in range(count)},
    )


def random_experiment(
    seed: int, queries: int = 60, documents: int = 80
) -> tuple[EvaluationSet, dict[str, dict[str, float]]]:
    """Return a set with graded judgments and a run with ties and unanswered queries."""
    rng = np.random.default_rng(seed)
    languages = [str(lang) for lang in rng.choice(LANGUAGES, documents)]
    made = make(
        {f"d{n}": (languages[n], None) for n in range(documents)},
        {f"q{n}": LANGUAGES[n % len(LANGUAGES)] for n in range(queries)},
        {
            f"q{n}": {f"d{d}": int(g) for d, g in _grades(rng, documents).items()}
            for n in range(queries)
        },
    )
    run = {
        f"q{n}": {
            f"d{d}": float(score)
            for d, score in zip(
                rng.choice(documents, 40, replace=False), rng.integers(0, 12, 40) / 8, strict=True
            )
        }
        for n in range(queries)
        if n % 10 != 7
    }
    return made, run


def _grades(rng: np.random.Generator, documents: int) -> dict[int, int]:
    chosen = rng.choice(documents, 12, replace=False)
    return {int(d): int(g) for d, g in zip(chosen, [3, *rng.integers(0, 4, 11)], strict=True)}
