"""What a free-text clause becomes: one ``script_score`` that keeps what it found and adds to it.

The invariant: nothing the clause found is lost, and whatever is added has at least a given
probability of relevance. In filter context the clause's strict form is kept instead: there every
match counts alike, so one common word must not do.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from opensearch_clir.query.dsl import Query, candidates, unscored
from opensearch_clir.query.plan import DenseLine, QueryPlan
from opensearch_clir.query.rewrite.leaves import Leaf, word_count
from opensearch_clir.query.scripts import Gate, evidence_script

__all__ = ["LEAST_PROBABILITY", "by_meaning", "fitted", "leaf_count", "least_cosine", "word_count"]

#: Probability of relevance from which a document is found without the clause's own words.
LEAST_PROBABILITY = 0.1

#: Evidence that a text with too many clauses gives up, in order.
_GIVEN_UP = ("head", "translated", "entity")

#: The server leaves out what scores less; what is not to be found scores 0.
_FOUND = 1e-30

#: Words of a document that is not enriched: BM25 at which they count half of a full match.
_HALF = 10.0

# BM25 of documents without our fields is not on the scale of evidence, so it is squeezed.
_OWN_MATCHES = """
if (doc.containsKey(params.lang) && doc[params.lang].size() > 0) { return params.mark; }
return params.mark + params.weight * _score / (_score + params.half);
"""


def by_meaning(leaf: Leaf, plan: QueryPlan, *, scored: bool, least: float) -> Query:
    """Return the query in place of a clause; its score is the probability of relevance.

    Args:
        leaf: the clause.
        plan: of its text.
        scored: whether scores count; if not, a document is found or it is not.
        least: probability in (0, 1) that a document needs if the clause itself, or its strict
            form where scores don't count, does not match it.
    """
    kept = leaf.original if scored else leaf.strict
    weights = [e.weight * (4 if e.kind == "any" else 1) for e in plan.clauses]
    words = max([e.weight for e in plan.lexical], default=0.0)
    # A power of two above all evidence: adding and taking it away costs seven bits at most.
    mark = 2.0 ** math.ceil(math.log2(1 + words + sum(weights)))
    gate = {
        "script_score": {
            "query": kept,
            "script": {
                "source": _OWN_MATCHES,
                "params": {"lang": plan.lang_field, "mark": mark, "weight": words, "half": _HALF},
            },
        }
    }
    should = [gate, *candidates(plan, neighbours=near(plan, least))]
    body: dict[str, Any] = {
        "query": {"bool": {"should": should, "minimum_should_match": 1}},
        "script": evidence_script(plan, gate=Gate(mark, least)),
        "min_score": _FOUND,
    }
    if leaf.boost != 1:
        body["boost"] = leaf.boost
    return {"script_score": body}


def near(plan: QueryPlan, least: float) -> list[Query]:
    """Return the clause that finds every document whose vector alone makes it likely enough.

    It is radial: what is found does not depend on the number of hits or shards.
    """
    if plan.vector is None:
        return []
    cosine = least_cosine(plan, least)
    if cosine > 1:
        return []
    if cosine <= -1 or not plan.indexed:
        return [unscored({"exists": {"field": plan.vector_field}})]
    radius = {"vector": plan.vector.tolist(), "min_score": (1 + cosine) / 2}
    # Pipelines also see searches over several indices, of which some may not have the field.
    return [unscored({"knn": {plan.vector_field: {**radius, "ignore_unmapped": True}}})]


def least_cosine(plan: QueryPlan, least: float) -> float:
    """Return the cosine from which a document in some language reaches a probability by it alone.

    Infinite where none can; minus infinite where all do.
    """
    lowest = math.inf
    for line in (*plan.lines.values(), plan.other):
        wanted = log_odds_for(least, line, plan.knot)
        if line.slope > 0:
            lowest = min(lowest, (wanted - line.intercept) / line.slope)
        elif line.intercept >= wanted:
            return -math.inf
    return lowest


def log_odds_for(least: float, line: DenseLine, knot: float) -> float:
    """Return the sum of all evidence at which a document on a line reaches a probability."""
    return line.bend.before(math.log(least / (1 - least)), knot)


def fitted(plan: QueryPlan, room: int) -> QueryPlan | None:
    """Return a plan with at most so many leaf clauses, which the server limits.

    Long texts give up translations in headings first, then those in the whole text, then names,
    and at last words; what they mean is left.

    Returns:
        The same plan where it fits; None where nothing is left of it.
    """
    smaller = [plan]
    for kind in _GIVEN_UP:
        last = smaller[-1]
        smaller.append(replace(last, sets=tuple(e for e in last.sets if e.kind != kind)))
    smaller.append(replace(smaller[-1], lexical=()))
    return next((p for p in smaller if leaf_count(p) <= room and not p.empty), None)


def leaf_count(plan: QueryPlan) -> int:
    """Return how many leaf clauses a plan becomes, at most."""
    words = sum(len(e.terms) or word_count(e.text or "") for e in plan.lexical)
    # Two for the vector and the condition on the language.
    return words + sum(len(part.tiers) for e in plan.sets for part in e.sought) + 2
