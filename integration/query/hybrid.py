"""The plan as a stock ``hybrid`` query whose normalisation leaves probabilities as they are.

For clusters where something else (a pipeline, a client) insists on ``hybrid``. Two legs, documents
found by words and near neighbours, each score the whole probability. Bounds of 0 and 1 make
``min_max`` the identity, and the geometric mean passes over a leg that lacks a document, so a
document found by one leg or by both keeps its probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opensearch_clir.query.dsl import (
    Query,
    evidence_clause,
    nearest,
    probabilities,
)
from opensearch_clir.query.plan import QueryPlan
from opensearch_clir.query.preferences import Readers

__all__ = ["HYBRID_SINCE", "hybrid", "identity_pipeline"]

#: First server whose ``min_max`` takes bounds from above as well as from below.
HYBRID_SINCE = (3, 2)


def hybrid(
    plan: QueryPlan, filters: Sequence[Query], readers: Readers, depth: int
) -> dict[str, Any]:
    """Return the keys ``query`` and ``search_pipeline`` of a search body.

    Args:
        plan: what counts, and how much.
        filters: the user's conditions.
        readers: usefulness of languages.
        depth: hits of each leg and shard that are combined, at least the end of the page.
    """
    legs: list[Query] = []
    words = [evidence_clause(evidence, plan.lang_field) for evidence in plan.clauses]
    if words:
        found: dict[str, Any] = {"should": words, "minimum_should_match": 1}
        if filters:
            found["filter"] = list(filters)
        legs.append(probabilities(plan, {"bool": found}, readers))
    if plan.vector is not None:
        near: dict[str, Any] = {
            "filter": [nearest(plan, filters), *filters],
            "should": words,
        }
        legs.append(probabilities(plan, {"bool": near}, readers))
    if not legs:
        return {"query": {"match_none": {}}}
    return {
        "query": {"hybrid": {"queries": legs, "pagination_depth": depth}},
        "search_pipeline": identity_pipeline(len(legs)),
    }


def identity_pipeline(legs: int) -> dict[str, Any]:
    """Return the search pipeline that gives every document the score of the legs that found it."""
    normalization = {
        "technique": "min_max",
        "parameters": {
            "lower_bounds": [{"mode": "clip", "min_score": 0.0}] * legs,
            "upper_bounds": [{"mode": "clip", "max_score": 1.0}] * legs,
        },
    }
    processor = {
        "normalization": normalization,
        "combination": {"technique": "geometric_mean"},
    }
    return {"phase_results_processors": [{"normalization-processor": processor}]}
