"""Exhaustive nearest-neighbour nDCG@10 on evaluation folders: a progress figure of training.

Not an evaluation of search: no lexical leg, no calibration, no intervals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.training.static_model import Floats, embed

__all__ = ["Encode", "EvalSet", "as_arrays", "encode", "figures", "ndcg", "read_sets"]

#: Turns texts into unit vectors (n, d).
Encode = Callable[[Sequence[str]], Floats]

DEPTH = 10


@dataclass(frozen=True)
class EvalSet:
    """Documents, queries and relevance (queries, documents) of one folder.

    Languages are those written in the files: ``zh`` and ``zh-TW`` are two.
    """

    name: str
    documents: list[str]
    document_langs: list[str]
    queries: list[str]
    query_langs: list[str]
    relevant: NDArray[np.bool_]


def read_sets(folder: Path) -> list[EvalSet]:
    """Read every evaluation set of a folder, see `opensearch_clir.evaluation.read_set`.

    Raises:
        ConfigurationError: there is no such folder.
        DataError: a set is malformed.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"no such folder of evaluation sets: {folder}")
    return [as_arrays(read_set(path)) for path in sorted(folder.iterdir()) if path.is_dir()]


def as_arrays(found: EvaluationSet) -> EvalSet:
    """Return what nearest neighbours need of an evaluation set."""
    documents, queries = list(found.documents.values()), list(found.queries.values())
    column = {document.id: number for number, document in enumerate(documents)}
    relevant = np.zeros((len(queries), len(documents)), bool)
    for row, query in enumerate(queries):
        relevant[row, [column[document] for document in found.relevant(query.id)]] = True
    return EvalSet(
        found.name,
        [f"{document.title} {document.text}".strip() for document in documents],
        [document.tag for document in documents],
        [query.text for query in queries],
        [query.tag for query in queries],
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
    """Return mean nDCG@10 (0 to 1) ``all`` and per query language, each pooled, same and cross.

    ``same`` ranks the query's own language only, ``cross`` all others; a query without a
    relevant document there is left out.
    """
    scores = run(data.queries) @ run(data.documents).T
    same = np.array(data.query_langs)[:, None] == np.array(data.document_langs)[None, :]
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    views = {"pooled": np.ones_like(same), "same": same, "cross": ~same}
    for view, allowed in views.items():
        for lang, value in zip(data.query_langs, ndcg(scores, data.relevant, allowed), strict=True):
            if not np.isnan(value):
                found["all"][view].append(value)
                found[lang][view].append(value)
    return {
        lang: {view: float(np.mean(values)) for view, values in views.items()}
        for lang, views in found.items()
    }


def ndcg(
    scores: Floats, relevant: NDArray[np.bool_], allowed: NDArray[np.bool_]
) -> Iterable[float]:
    """Return nDCG@10 per query among allowed documents; NaN where none is relevant."""
    relevant = relevant & allowed
    masked = np.where(allowed, scores, -np.inf)
    top = np.argsort(-masked, axis=1, kind="stable")[:, :DEPTH]
    hits = np.take_along_axis(relevant, top, axis=1)
    discount = 1 / np.log2(np.arange(2, top.shape[1] + 2))
    ideal = np.concatenate([[np.nan], np.cumsum(discount)])
    best = ideal[np.minimum(relevant.sum(axis=1), len(discount))]
    return [float(value) for value in (hits @ discount) / best]
