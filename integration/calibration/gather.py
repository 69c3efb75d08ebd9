"""Evidence of judged queries, read from the index: what the fusion is fitted on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from opensearchpy import OpenSearch

from opensearch_clir.calibration.parameters import DensePair, Parameters
from opensearch_clir.cluster import deepest_cause, guarded
from opensearch_clir.errors import ClusterError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.query.dsl import Query, cosines, lexical_clause
from opensearch_clir.query.plan import QueryPlan
from opensearch_clir.query.prepare import Preparer

__all__ = ["UNIT", "JudgedQuery", "Rows", "gather"]

#: Under these a lexical clause scores the evidence itself.
UNIT = Parameters(DensePair(0.0, 1.0), DensePair(0.0, 1.0), 1.0, 1.0, 0.0, "unit")

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
        matching: bool array of shape (n,): document in the query's language.
        z: standardised cosine, shape (n,).
        x: lexical evidence of the pair's class, >= 0, shape (n,).
        relevant: 0 or 1, shape (n,).
        weight: 1 / probability of the row being sampled, >= 1, shape (n,).
    """

    query: str
    matching: NDArray[np.bool_]
    z: NDArray[np.float64]
    x: NDArray[np.float64]
    relevant: NDArray[np.float64]
    weight: NDArray[np.float64]


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
) -> Iterator[Rows]:
    """Read the evidence of each query's relevant, likely and randomly drawn documents.

    Negatives are what the search itself brings up, and a uniform sample of the rest that is
    weighted by the inverse of its sampling probability.

    Args:
        preparer: of the index.
        queries: judged ones; a document that is not named relevant counts as not relevant.
        documents: ids of all documents of the index.
        seed: of the sample.

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
        yield from _read(preparer, candidates, len(documents))


def _unit_plan(preparer: Preparer, query: JudgedQuery) -> QueryPlan:
    return preparer.plan(query.text, k=NEAREST, languages=query.lang, parameters=UNIT)


def _find_likely(preparer: Preparer, candidates: list[_Candidates]) -> None:
    searches: list[tuple[_Candidates, Query, int]] = []
    for candidate in candidates:
        plan = candidate.plan
        searches += [(candidate, lexical_clause(e, plan.lang_field), LEXICAL) for e in plan.lexical]
        if plan.vector is not None:
            vector = {"vector": plan.vector.tolist(), "k": NEAREST}
            searches.append((candidate, {"knn": {plan.vector_field: vector}}, NEAREST))
    bodies = [{"query": query, "size": size, "_source": False} for _, query, size in searches]
    for (candidate, _, _), hits in zip(searches, _search(preparer, bodies), strict=True):
        candidate.likely |= {hit["_id"] for hit in hits}


def _read(preparer: Preparer, candidates: list[_Candidates], total: int) -> Iterator[Rows]:
    bodies: list[dict[str, Any]] = []
    for candidate in candidates:
        bodies += [_words(candidate), _cosines(candidate)]
    answers = iter(_search(preparer, bodies))
    for candidate in candidates:
        words = {hit["_id"]: hit["_score"] for hit in next(answers)}
        yield _rows(candidate, words, list(next(answers)), preparer.schema, total)


def _words(candidate: _Candidates) -> dict[str, Any]:
    plan, ids = candidate.plan, candidate.ids
    clauses = [lexical_clause(evidence, plan.lang_field) for evidence in plan.lexical]
    query = {"bool": {"should": clauses, "filter": [{"ids": {"values": ids}}]}}
    return {"query": query, "size": len(ids), "_source": False}


def _cosines(candidate: _Candidates) -> dict[str, Any]:
    plan, ids = candidate.plan, candidate.ids
    query = cosines(plan, {"ids": {"values": ids}})
    fields = [plan.lang_field]
    return {"query": query, "size": len(ids), "_source": False, "docvalue_fields": fields}


def _rows(
    candidate: _Candidates,
    words: Mapping[str, float],
    hits: list[dict[str, Any]],
    schema: IndexSchema,
    total: int,
) -> Rows:
    plan, query = candidate.plan, candidate.query
    ids = [hit["_id"] for hit in hits]
    langs = [hit.get("fields", {}).get(plan.lang_field, ["und"])[0] for hit in hits]
    matching = np.array([lang == query.lang for lang in langs], dtype=np.bool_)
    cosine = np.array([hit["_score"] for hit in hits], dtype=np.float64) - 1.0
    places = [schema.generation.background["matching" if m else "non_matching"] for m in matching]
    location, scale = np.array(places, dtype=np.float64).reshape(-1, 2).T
    # A score of 0 stands for a document without vector: as likely as an unrelated one.
    known = (cosine > -1.0) & (plan.vector is not None)
    z = np.where(known, (cosine - location) / scale, 0.0)
    rest = total - len(candidate.likely)
    each = rest / len(candidate.drawn) if candidate.drawn else 1.0
    return Rows(
        query=query.id,
        matching=matching,
        z=z,
        x=np.array([words.get(i, 0.0) for i in ids]),
        relevant=np.array([float(i in query.relevant) for i in ids]),
        weight=np.array([each if i in candidate.drawn else 1.0 for i in ids]),
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
