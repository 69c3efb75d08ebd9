"""The plan as an OpenSearch query: pure functions that return dicts.

One-stage form: ``script_score`` around a ``bool.should`` of nearest neighbours and words. The
lexical clauses' boosts make ``_score`` the log-odds of all words; the script adds the exact dense
evidence of every matched document, near neighbour or not, and returns the probability. Sorting,
``search_after``, ``min_score``, collapse, aggregations and filter context then mean what they say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.query.evidence import (
    ClauseEvidence,
    LexicalEvidence,
    SoughtTerm,
    TermSetEvidence,
)
from opensearch_clir.query.plan import QueryPlan
from opensearch_clir.query.preferences import EVERYBODY, Readers
from opensearch_clir.query.scripts import evidence_script

__all__ = [
    "candidates",
    "evidence_clause",
    "nearest",
    "one_stage",
    "probabilities",
    "unscored",
]

Query = dict[str, Any]

#: Evidence that makes a document worth scoring by itself.
_STRICT = ("own", "any", "entity")


def one_stage(
    plan: QueryPlan,
    filters: Sequence[Query] = (),
    readers: Readers = EVERYBODY,
    *,
    least_pieces: float = 0.0,
) -> Query:
    """Return the query whose ``_score`` is the probability of relevance in (0, 1).

    Args:
        plan: what counts, and how much.
        filters: the user's conditions; they also apply inside the nearest-neighbour search, so
            that a narrow filter does not empty the result.
        readers: usefulness of languages, which the probability is multiplied by.
        least_pieces: share of the query's pieces, in [0, 1], that a document must have in
            translation to be found by nothing else. Without a bound, most documents of a large
            index have one of them, and the script scores them all.
    """
    if plan.empty:
        return {"match_none": {}}
    inner: Query = {"should": candidates(plan, filters), "minimum_should_match": 1}
    pieces = next((e for e in plan.sets if e.kind == "translated"), None)
    if least_pieces and pieces is not None:
        inner = _focused(plan, filters, pieces, least_pieces)
    if filters:
        inner["filter"] = list(filters)
    return probabilities(plan, {"bool": inner}, readers)


def probabilities(plan: QueryPlan, matched: Query, readers: Readers = EVERYBODY) -> Query:
    """Return the query that turns log-odds of words into probabilities, for matched documents."""
    return {"script_score": {"query": matched, "script": evidence_script(plan, readers)}}


def candidates(
    plan: QueryPlan, filters: Sequence[Query] = (), neighbours: Sequence[Query] | None = None
) -> list[Query]:
    """Return the clauses of which a document must match one.

    Scores of words, entities and translations are log-odds; the nearest neighbours score 0 here,
    since the script computes their cosine exactly.

    Args:
        plan, filters: as `one_stage` takes them.
        neighbours: clauses that find documents by their vectors, in place of the plan's k nearest.
    """
    clauses = [evidence_clause(evidence, plan.lang_field) for evidence in plan.clauses]
    if neighbours is not None:
        clauses += neighbours
    elif plan.vector is not None:
        clauses.append(unscored(nearest(plan, filters)))
        if plan.indexed and plan.centre is not None:
            clauses.append(unscored(_neighbours(plan, plan.centre.vector, filters)))
    return clauses


def _focused(
    plan: QueryPlan, filters: Sequence[Query], pieces: TermSetEvidence, least: float
) -> Query:
    """Return clauses that score as `candidates` do, but find fewer documents by translations."""
    strict = [evidence_clause(e, plan.lang_field) for e in plan.clauses if e.kind in _STRICT]
    if plan.vector is not None:
        strict.append(unscored(nearest(plan, filters)))
    enough = max(1, math.ceil(least * len(pieces.sought)))
    many = [_sought(part, pieces) for part in pieces.sought]
    strict.append(unscored({"bool": {"should": many, "minimum_should_match": enough}}))
    soft = [evidence_clause(e, plan.lang_field) for e in plan.clauses if e.kind not in _STRICT]
    found: Query = {"bool": {"should": strict, "minimum_should_match": 1}}
    return {"must": [found], "should": soft}


def evidence_clause(evidence: ClauseEvidence, lang_field: str) -> Query:
    """Return the query of one evidence; it scores in log-odds."""
    if isinstance(evidence, TermSetEvidence):
        return {"bool": {"should": [_sought(part, evidence) for part in evidence.sought]}}
    return _words(evidence, lang_field)


def _sought(part: SoughtTerm, evidence: TermSetEvidence) -> Query:
    full = evidence.weight * part.share
    tiers: list[Query] = [
        {
            "constant_score": {
                "filter": {"terms": {evidence.field: list(terms)}},
                "boost": full * strength,
            }
        }
        for strength, terms in part.tiers
    ]
    return tiers[0] if len(tiers) == 1 else {"dis_max": {"queries": tiers}}


def _words(evidence: LexicalEvidence, lang_field: str) -> Query:
    if evidence.text is not None:
        words: Query = {
            "match": {evidence.field: {"query": evidence.text, "boost": evidence.boost}}
        }
    else:
        terms = [
            {"term": {evidence.field: {"value": t.token, "boost": evidence.boost * t.frequency}}}
            for t in evidence.terms
        ]
        words = {"bool": {"should": terms}}
    scope: Query = {}
    if evidence.only:
        scope["filter"] = [{"terms": {lang_field: list(evidence.only)}}]
    if evidence.besides:
        scope["must_not"] = [{"terms": {lang_field: list(evidence.besides)}}]
    return {"bool": {"must": [words], **scope}} if scope else words


def nearest(plan: QueryPlan, filters: Sequence[Query] = ()) -> Query:
    """Return the query for the nearest neighbours of a plan's vector, which it must have."""
    assert plan.vector is not None
    if not plan.indexed:
        # No graph: every document with a vector is a candidate, and the script scores it.
        return {"exists": {"field": plan.vector_field}}
    return _neighbours(plan, plan.vector, filters)


def _neighbours(plan: QueryPlan, vector: NDArray[np.float32], filters: Sequence[Query]) -> Query:
    nearest: Query = {"vector": vector.tolist(), "k": plan.k}
    if filters:
        nearest["filter"] = {"bool": {"filter": list(filters)}}
    return {"knn": {plan.vector_field: nearest}}


def unscored(query: Query) -> Query:
    """Return a query that finds the same and scores nothing."""
    return {"constant_score": {"filter": query, "boost": 0.0}}
