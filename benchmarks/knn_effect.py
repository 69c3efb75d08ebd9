"""Nearest neighbours alone before and after: nDCG@10 per query, differences by topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from offline import ndcg

from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.statistics import intervals, topic_table

#: Turns texts into unit vectors (n, d).
Encode = Callable[[Sequence[str]], NDArray[np.float32]]

#: View or ordered pair -> query id -> nDCG@10.
Values = Mapping[str, Mapping[str, float]]

#: Kind of the queries that mix languages, and the view of them.
MIXED = "codeswitch"

#: A pair of languages with fewer topics says nothing.
LEAST_TOPICS = 20


def read_sets(folders: Sequence[Path]) -> dict[str, EvaluationSet]:
    """Return the sets of folders by name."""
    return {folder.name: read_set(folder) for folder in folders}


def measured(data: EvaluationSet, encode: Encode) -> Values:
    """Return nDCG@10 per query: ``pooled`` over all documents, ``same`` within the query's
    language, ``cross`` over all others, ``codeswitch`` over all documents for queries that mix
    languages, and within the target language of each ordered pair.

    A query without a relevant document in a view is left out of it; so is a pair with fewer than
    `LEAST_TOPICS` topics.
    """
    queries, documents = list(data.queries.values()), list(data.documents.values())
    texts = [f"{document.title}\n{document.text}".strip() for document in documents]
    scores = (encode([q.text for q in queries]) @ encode(texts).T).astype(np.float64)
    place = {document.id: column for column, document in enumerate(documents)}
    gains = np.zeros(scores.shape)
    for row, query in enumerate(queries):
        for document, grade in data.qrels.get(query.id, {}).items():
            gains[row, place[document]] = max(grade, 0)
    source = np.array([query.lang for query in queries])
    target = np.array([document.lang for document in documents])
    same = source[:, None] == target[None, :]
    names = [query.id for query in queries]
    found: dict[str, dict[str, float]] = {}
    for view, allowed in (("pooled", same | True), ("same", same), ("cross", ~same)):
        found[view] = _within(names, scores, gains, allowed)
    mixed = [name for name in found["pooled"] if data.queries[name].kind == MIXED]
    if mixed:
        found[MIXED] = {name: found["pooled"][name] for name in mixed}
    for lang in np.unique(target):
        values = _within(names, scores, gains, np.broadcast_to(target == lang, scores.shape))
        for other in np.unique(source):
            mine = {q: v for q, v in values.items() if data.queries[q].lang == other}
            if len({data.topics[query] for query in mine}) >= LEAST_TOPICS:
                found[f"{other}>{lang}"] = mine
    return found


def _within(
    names: list[str],
    scores: NDArray[np.float64],
    gains: NDArray[np.float64],
    allowed: NDArray[np.bool_],
) -> dict[str, float]:
    kept = np.where(allowed, gains, 0)
    rows = np.flatnonzero((kept > 0).any(axis=1))
    values = ndcg(np.where(allowed, scores, -np.inf)[rows], kept[rows])
    return dict(zip((names[row] for row in rows), values.tolist(), strict=True))


def compared(data: EvaluationSet, before: Values, after: Values) -> dict[str, Any]:
    """Return means before and after, and their difference with its 95% interval by topic."""
    views = [view for view in before if before[view]]
    less = {v: {q: after[v][q] - value for q, value in before[v].items()} for v in views}
    found = intervals(topic_table(data.topics, less), {v: [v] for v in views}, resamples=2000)
    return {
        view: {
            "before": round(float(np.mean(list(before[view].values()))), 4),
            "after": round(float(np.mean(list(after[view].values()))), 4),
            **{k: _rounded(v) for k, v in found[view].as_json("diff").items()},
        }
        for view in views
    }


def mean_of_sets(
    sets: Mapping[str, EvaluationSet],
    before: Mapping[str, Values],
    after: Mapping[str, Values],
    view: str = "cross",
) -> dict[str, Any]:
    """Return the mean over sets of the difference in a view, with its 95% interval by topic."""
    topics: dict[str, str] = {}
    less: dict[str, dict[str, float]] = {}
    for name, data in sets.items():
        less[name] = {}
        for query, value in before[name][view].items():
            topics[f"{name}/{query}"] = f"{name}/{data.topics[query]}"
            less[name][f"{name}/{query}"] = after[name][view][query] - value
    found = intervals(topic_table(topics, less), {view: list(less)}, resamples=2000)
    return {key: _rounded(value) for key, value in found[view].as_json("diff").items()}


def _rounded(value: float | int | None) -> float | int | None:
    return round(value, 4) if isinstance(value, float) else value
