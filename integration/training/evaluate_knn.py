"""Exhaustive nearest-neighbour nDCG@10 on evaluation folders: a progress figure of training.

Not an evaluation of search: no lexical leg, no calibration, no intervals.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from opensearch_clir.training.static_model import Floats, embed

__all__ = ["EvalSet", "encode", "figures", "read_set"]

#: Turns texts into unit vectors (n, d).
Encode = Callable[[Sequence[str]], Floats]

DEPTH = 10


@dataclass(frozen=True)
class EvalSet:
    """Documents, queries and relevance (queries, documents) of one folder."""

    name: str
    documents: list[str]
    document_langs: list[str]
    queries: list[str]
    query_langs: list[str]
    relevant: NDArray[np.bool_]


def read_set(folder: Path) -> EvalSet:
    """Read ``corpus.jsonl.gz``, ``queries.tsv`` and ``qrels.tsv.gz`` of `folder`."""
    with gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    lines = (folder / "queries.tsv").read_text(encoding="utf-8").splitlines()
    queries = [line.split("\t") for line in lines if line]
    query_at = {row[0]: i for i, row in enumerate(queries)}
    document_at = {row["id"]: i for i, row in enumerate(rows)}
    relevant = np.zeros((len(queries), len(rows)), bool)
    with gzip.open(folder / "qrels.tsv.gz", "rt", encoding="utf-8") as stream:
        for line in stream:
            query, _, document, grade = line.split()
            if int(grade) > 0:
                relevant[query_at[query], document_at[document]] = True
    texts = [f"{row.get('title') or ''} {row['text']}".strip() for row in rows]
    return EvalSet(
        folder.name,
        texts,
        [row["lang"] for row in rows],
        [row[2] for row in queries],
        [row[1] for row in queries],
        relevant,
    )


def encode(tokenizer: Tokenizer, vectors: Floats) -> Encode:
    """Return an encoder of texts by the piece vectors (V, d)."""

    def run(texts: Sequence[str]) -> Floats:
        encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        rows = [np.array(encoding.ids, np.int64) for encoding in encodings]
        offsets = np.cumsum([0, *(len(row) for row in rows)])
        return embed(vectors, offsets, np.concatenate(rows))

    return run


def figures(data: EvalSet, run: Encode) -> dict[str, dict[str, float]]:
    """Return mean nDCG@10 ``all`` and per query language, each pooled, same and cross.

    ``same`` ranks the query's own language only, ``cross`` all others; a query without a
    relevant document there is left out.
    """
    scores = run(data.queries) @ run(data.documents).T
    same = np.array(data.query_langs)[:, None] == np.array(data.document_langs)[None, :]
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    views = {"pooled": np.ones_like(same), "same": same, "cross": ~same}
    for view, allowed in views.items():
        for lang, value in zip(
            data.query_langs, _ndcg(scores, data.relevant, allowed), strict=True
        ):
            if not np.isnan(value):
                found["all"][view].append(value)
                found[lang][view].append(value)
    return {
        lang: {view: float(np.mean(values)) for view, values in views.items()}
        for lang, views in found.items()
    }


def _ndcg(
    scores: Floats, relevant: NDArray[np.bool_], allowed: NDArray[np.bool_]
) -> Iterable[float]:
    """Return nDCG@10 per query among allowed documents; NaN where none is relevant."""
    relevant = relevant & allowed
    masked = np.where(allowed, scores, -np.inf)
    top = np.argsort(-masked, axis=1, kind="stable")[:, :DEPTH]
    hits = np.take_along_axis(relevant, top, axis=1)
    discount = 1 / np.log2(np.arange(2, DEPTH + 2))
    ideal = np.concatenate([[np.nan], np.cumsum(discount)])
    best = ideal[np.minimum(relevant.sum(axis=1), DEPTH)]
    return [float(value) for value in (hits @ discount) / best]
