"""Why a document has its score: every evidence of a plan for one hit, as the server sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from opensearchpy import OpenSearch

from opensearch_clir.calibration.bend import STRAIGHT
from opensearch_clir.cluster import deepest_cause, guarded
from opensearch_clir.errors import QueryError
from opensearch_clir.query.dsl import Query, evidence_clause, one_stage
from opensearch_clir.query.plan import DenseLine, QueryPlan
from opensearch_clir.query.scripts import cosines

__all__ = ["BEND", "FEEDBACK", "NAMES", "RERANKED", "Evidence", "Explanation", "explain"]

#: What explanations call the kinds of evidence that clauses give.
NAMES = {
    "own": "own language",
    "any": "any language",
    "entity": "entities",
    "translated": "translated words",
    "head": "translated words in headings",
}

#: What explanations call the step from the sum of all evidence to the score's log-odds.
BEND = "as a shown hit"

#: What explanations call the step that likeness to the first hits makes.
FEEDBACK = "like the first hits"

#: What explanations call the step that a reranker takes.
RERANKED = "reranker"


@dataclass(frozen=True)
class Evidence:
    """One term of the log-odds.

    Attributes:
        kind: ``dense``, one of `NAMES`, or `BEND`: how likely the first hits with such a sum are
            relevant, beyond what the sum says; its value is the sum, its weight the slope there. Or
            `FEEDBACK`: what the cosine to the first hits, its value, changes. Or
            `RERANKED`: what a reranker's score, its value, changes.
        field: where it was found; of the reranker, its name.
        value: the evidence itself: cosine in [-1, 1], BM25 / bound, >= 0, or the share of the
            query's entities or pieces that was found, in [0, 1]; ``None`` where the document has
            no vector.
        weight: log-odds per unit of `value`.
        log_odds: what it adds to the score; for the dense evidence with the intercept.
    """

    kind: str
    field: str
    value: float | None
    weight: float
    log_odds: float


@dataclass(frozen=True)
class Explanation:
    """Score of one document for one query.

    Attributes:
        index, id: the document.
        query_languages: posterior of the query.
        document_language: tag of the document, or ``und``.
        pair: ``fr>en``, from the most probable query language.
        matching: probability that the two are in the same language.
        probability: score of the search, in (0, 1); ``None`` where the query does not find it.
        log_odds: sum over the evidences.
        evidences: what it is made of.
        calibration: where the weights come from.
        notes: what was not as it should be when the question was read.
    """

    index: str
    id: str
    query_languages: dict[str, float]
    document_language: str
    pair: str
    matching: float
    probability: float | None
    log_odds: float
    evidences: tuple[Evidence, ...]
    calibration: str = ""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts and lists."""
        return asdict(self)


def explain(
    client: OpenSearch, index: str, plan: QueryPlan, document: str, search_type: str
) -> Explanation:
    """Return the evidence of one document, each taken from the server on its own.

    Args:
        client: connected client.
        index: name or alias.
        plan: of the query.
        document: ``_id``.
        search_type: as the search itself uses it, so that scores are the same.

    Raises:
        QueryError: no such document.
        ClusterError: the server refused.
    """
    only: Query = {"ids": {"values": [document]}}
    queries: list[Query] = [{"bool": {"filter": [only]}}, one_stage(plan, [only])]
    queries += [
        {"bool": {"must": [evidence_clause(e, plan.lang_field)], "filter": [only]}}
        for e in plan.clauses
    ]
    if plan.vector is not None:
        queries.append(cosines(plan, plan.vector, only))
    if plan.centre is not None:
        queries.append(cosines(plan, plan.centre.vector, only))
    found = _run(client, index, queries, [plan.lang_field], search_type)
    if found[0] is None:
        raise QueryError(f"no document with id {document!r} in {index!r}")
    lang = found[0].get("fields", {}).get(plan.lang_field, ["und"])[0]
    line = plan.lines.get(lang, plan.other)
    clauses = found[2 : 2 + len(plan.clauses)]
    dense = found[2 + len(plan.clauses)] if plan.vector is not None else None
    evidences = [_dense(plan, line, dense)]
    for evidence, hit in zip(plan.clauses, clauses, strict=True):
        if hit is not None:
            evidences.append(
                Evidence(
                    NAMES[evidence.kind],
                    evidence.field,
                    hit["_score"] / evidence.weight,
                    evidence.weight,
                    hit["_score"],
                )
            )
    evidences += _bent(plan, line, math.fsum(e.log_odds for e in evidences))
    if plan.centre is not None:
        evidences.append(_fed_back(plan, lang, evidences, found[-1]))
    query_language = plan.posterior.primary
    return Explanation(
        index=found[0]["_index"],
        id=document,
        query_languages=dict(plan.posterior.probabilities),
        document_language=lang,
        pair=f"{query_language}>{lang}",
        matching=plan.posterior.probabilities.get(lang, 0.0),
        probability=found[1]["_score"] if found[1] else None,
        log_odds=math.fsum(e.log_odds for e in evidences),
        evidences=tuple(evidences),
        notes=(*plan.notes, *_first_hits(plan)),
    )


def _dense(plan: QueryPlan, line: DenseLine, hit: dict[str, Any] | None) -> Evidence:
    if hit is None or hit["_score"] == 0:
        return Evidence("dense", plan.vector_field, None, line.slope, line.missing)
    cosine = hit["_score"] - 1.0
    log_odds = line.intercept + line.slope * cosine
    return Evidence("dense", plan.vector_field, cosine, line.slope, log_odds)


def _bent(plan: QueryPlan, line: DenseLine, total: float) -> list[Evidence]:
    """Return what the bend adds to the sum, where there is one."""
    if line.bend == STRAIGHT.matching:
        return []
    bent = float(line.bend.of(np.array(total), plan.knot))
    slope = line.bend.below if total < plan.knot else line.bend.above
    return [Evidence(BEND, "", total, slope, bent - total)]


def _fed_back(
    plan: QueryPlan, lang: str, before: Sequence[Evidence], hit: dict[str, Any] | None
) -> Evidence:
    """Return what likeness to the first hits changes."""
    assert plan.feedback is not None
    at, keep, slope, missing = plan.feedback.numbers(plan.feedback.line(lang))
    total = math.fsum(e.log_odds for e in before)
    known = hit is not None and hit["_score"] != 0
    cosine = hit["_score"] - 1.0 if hit is not None and known else None
    new = keep * total + (missing if cosine is None else at + slope * cosine)
    if (shown := plan.feedback.shown) is not None:
        new = float(shown.of(np.array(new), plan.feedback.standing))
    return Evidence(FEEDBACK, plan.vector_field, cosine, slope, new - total)


def _first_hits(plan: QueryPlan) -> list[str]:
    if plan.feedback is None or not plan.feedback.documents:
        return []
    known = ", ".join(f"{id_!r} ({score:.2f})" for id_, score in plan.feedback.documents)
    return [f"the first hits are {known}"]


def _run(
    client: OpenSearch, index: str, queries: list[Query], fields: list[str], search_type: str
) -> list[dict[str, Any] | None]:
    lines: list[dict[str, Any]] = []
    for query in queries:
        lines.append({"index": index, "search_type": search_type})
        lines.append({"query": query, "size": 1, "_source": False, "docvalue_fields": fields})
    with guarded(f"explaining a hit of {index!r}"):
        answers = client.msearch(body=lines)["responses"]
    hits: list[dict[str, Any] | None] = []
    for answer in answers:
        if "error" in answer:
            raise QueryError(f"explaining a hit of {index!r}: {deepest_cause(answer['error'])[1]}")
        hits.append(next(iter(answer["hits"]["hits"]), None))
    return hits
