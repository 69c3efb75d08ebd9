"""Evidence of judged queries, read from the index: what the fusion is fitted on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from opensearchpy import OpenSearch

from opensearch_clir.calibration.parameters import WORDS, DensePair, Parameters
from opensearch_clir.cluster import deepest_cause, guarded
from opensearch_clir.errors import ClusterError
from opensearch_clir.languages import UND
from opensearch_clir.query.dsl import Query, evidence_clause
from opensearch_clir.query.plan import QueryPlan
from opensearch_clir.query.prepare import Preparer
from opensearch_clir.query.scripts import cosines

__all__ = ["UNIT", "JudgedQuery", "Rows", "gather"]

#: Under these a clause scores the evidence itself.
UNIT = Parameters(DensePair(0.0, 1.0), DensePair(0.0, 1.0), 1.0, 1.0, 0.0, "unit", 1.0, 1.0, 1.0)

#: Nearest neighbours, and best lexical matches, looked at for each query.
NEAREST, LEXICAL = 100, 50

#: Documents drawn at random for each query; each stands for many.
RANDOM = 100

#: Queries in one ``_msearch``.
BATCH = 20


@dataclass(frozen=True)
class JudgedQuery:
    """A query whose relevant documents are known.

    Attributes:
        id, text: the query.
        lang: its language.
        relevant: ids of the documents that answer it.
    """

    id: str
    text: str
    lang: str
    relevant: frozenset[str]


@dataclass(frozen=True)
class Rows:
    """Evidence of (query, document) pairs of one query.

    Attributes:
        query: id.
        lang: of the query.
        documents: language of each document, strings of shape (n,).
        cosine: shape (n,); NaN where one of the two has no vector.
        words: evidence of the clauses, >= 0, shape (n, len(WORDS)), columns as in `WORDS`.
        relevant: 0 or 1, shape (n,).
        weight: 1 / probability of the row being sampled, >= 1, shape (n,).
        ids: of the documents, n of them; empty where nobody asks for their texts.
    """

    query: str
    lang: str
    documents: NDArray[np.str_]
    cosine: NDArray[np.float64]
    words: NDArray[np.float64]
    relevant: NDArray[np.float64]
    weight: NDArray[np.float64]
    ids: tuple[str, ...] = ()

    @property
    def matching(self) -> NDArray[np.bool_]:
        """Whether each document is in the query's language, shape (n,)."""
        return np.asarray(self.documents == self.lang)

    def subset(self, keep: NDArray[np.bool_]) -> Rows:
        """Return some of the documents; `keep` has shape (n,)."""
        return Rows(
            self.query,
            self.lang,
            self.documents[keep],
            self.cosine[keep],
            self.words[keep],
            self.relevant[keep],
            self.weight[keep],
            tuple(self.ids[i] for i in np.flatnonzero(keep)) if self.ids else (),
        )


@dataclass
class _Candidates:
    plan: QueryPlan
    query: JudgedQuery
    likely: set[str] = field(default_factory=set)
    drawn: set[str] = field(default_factory=set)

    @property
    def ids(self) -> list[str]:
        return sorted(self.likely | self.drawn)


def gather(
    preparer: Preparer,
    queries: Sequence[JudgedQuery],
    documents: Sequence[str],
    *,
    seed: int = 0,
    total: int | None = None,
) -> Iterator[Rows]:
    """Read the evidence of each query's relevant, likely and randomly drawn documents.

    Negatives are what the search itself brings up, and a uniform sample of the rest that is
    weighted by the inverse of its sampling probability.

    Args:
        preparer: of the index.
        queries: judged ones; a document that is not named relevant counts as not relevant.
        documents: ids of all documents of the index, or of a random sample of them.
        seed: of the sample.
        total: how many documents the index has, where `documents` is a sample.

    Raises:
        ClusterError: the server refused or did not answer.
    """
    rng = np.random.default_rng(seed)
    for batch in _batches(queries, BATCH):
        candidates = [_Candidates(_unit_plan(preparer, q), q, set(q.relevant)) for q in batch]
        _find_likely(preparer, candidates)
        for candidate in candidates:
            drawn = rng.choice(len(documents), min(RANDOM, len(documents)), replace=False)
            candidate.drawn = {documents[i] for i in drawn} - candidate.likely
        yield from _read(preparer, candidates, total or len(documents))


def _unit_plan(preparer: Preparer, query: JudgedQuery) -> QueryPlan:
    return preparer.plan(query.text, k=NEAREST, languages=query.lang, parameters=UNIT)


def _find_likely(preparer: Preparer, candidates: list[_Candidates]) -> None:
    searches: list[tuple[_Candidates, Query, int]] = []
    for candidate in candidates:
        plan = candidate.plan
        searches += [
            (candidate, evidence_clause(e, plan.lang_field), LEXICAL) for e in plan.clauses
        ]
        if plan.vector is not None:
            vector = {"vector": plan.vector.tolist(), "k": NEAREST}
            searches.append((candidate, {"knn": {plan.vector_field: vector}}, NEAREST))
    bodies = [{"query": query, "size": size, "_source": False} for _, query, size in searches]
    for (candidate, _, _), hits in zip(searches, _search(preparer, bodies), strict=True):
        candidate.likely |= {hit["_id"] for hit in hits}


def _read(preparer: Preparer, candidates: list[_Candidates], total: int) -> Iterator[Rows]:
    bodies: list[dict[str, Any]] = []
    for candidate in candidates:
        bodies += [_words(candidate, kind) for kind in _kinds(candidate.plan)]
        bodies.append(_cosines(candidate))
    answers = iter(_search(preparer, bodies))
    for candidate in candidates:
        words = {
            kind: {hit["_id"]: hit["_score"] for hit in next(answers)}
            for kind in _kinds(candidate.plan)
        }
        yield _rows(candidate, words, list(next(answers)), total)


def _kinds(plan: QueryPlan) -> list[str]:
    return [kind for kind in WORDS if any(e.kind == kind for e in plan.clauses)]


def _words(candidate: _Candidates, kind: str) -> dict[str, Any]:
    plan, ids = candidate.plan, candidate.ids
    clauses = [evidence_clause(e, plan.lang_field) for e in plan.clauses if e.kind == kind]
    query = {"bool": {"should": clauses, "filter": [{"ids": {"values": ids}}]}}
    return {"query": query, "size": len(ids), "_source": False}


def _cosines(candidate: _Candidates) -> dict[str, Any]:
    plan, ids = candidate.plan, candidate.ids
    query = cosines(plan, plan.vector, {"ids": {"values": ids}})
    fields = [plan.lang_field]
    return {"query": query, "size": len(ids), "_source": False, "docvalue_fields": fields}


def _rows(
    candidate: _Candidates,
    words: Mapping[str, Mapping[str, float]],
    hits: list[dict[str, Any]],
    total: int,
) -> Rows:
    plan, query = candidate.plan, candidate.query
    ids = [hit["_id"] for hit in hits]
    langs = [hit.get("fields", {}).get(plan.lang_field, [UND])[0] for hit in hits]
    cosine = np.array([hit["_score"] for hit in hits], dtype=np.float64) - 1.0
    # A score of 0 stands for a document without vector.
    known = (cosine > -1.0) & (plan.vector is not None)
    rest = total - len(candidate.likely)
    each = rest / len(candidate.drawn) if candidate.drawn else 1.0
    return Rows(
        query=query.id,
        lang=query.lang,
        documents=np.array(langs, dtype=np.str_),
        cosine=np.where(known, cosine, np.nan),
        words=np.array([[words.get(kind, {}).get(i, 0.0) for kind in WORDS] for i in ids]),
        relevant=np.array([float(i in query.relevant) for i in ids]),
        weight=np.array([each if i in candidate.drawn else 1.0 for i in ids]),
        ids=tuple(ids),
    )


def _search(preparer: Preparer, bodies: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    client: OpenSearch = preparer.client
    header = {"index": preparer.index, "search_type": "dfs_query_then_fetch"}
    lines = [line for body in bodies for line in (header, body)]
    if not lines:
        return
    with guarded(f"reading evidence from {preparer.index!r}"):
        answers = client.msearch(body=lines)["responses"]
    for answer in answers:
        if "error" in answer:
            raise ClusterError(
                f"reading evidence from {preparer.index!r}: {deepest_cause(answer['error'])[1]}"
            )
        yield answer["hits"]["hits"]


def _batches(items: Iterable[JudgedQuery], size: int) -> Iterator[list[JudgedQuery]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
