"""The plan in two passes: a cheap ranking of everything, then exact probabilities at the top.

First pass: words, entities and translations score their log-odds, as in the one-stage form; the
nearest neighbours score how much their cosine says beyond the cosine of unrelated texts; each
language scores what its log-odds lie above those of the lowest. That is the exact log-odds of every
near neighbour, and a lower bound for all others, so a window several times the page catches the
page. Second pass: the probability, by the script of the one-stage form. The bend keeps the order
within a pair class; what it does between classes is taken into account at its knot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from opensearch_clir.query.dsl import Query, evidence_clause, nearest
from opensearch_clir.query.plan import DenseLine, QueryPlan
from opensearch_clir.query.preferences import Readers
from opensearch_clir.query.scripts import evidence_script, numbers

__all__ = ["MAX_RESCORE_WINDOW", "rescored", "window"]

#: The server's default ``index.max_rescore_window``.
MAX_RESCORE_WINDOW = 10_000

#: Documents of each shard that get their exact probability, at least, and by hit of the page.
_LEAST, _PER_HIT = 1000, 4

#: A language that is of little use still counts for something in the first pass.
_LEAST_USE = 1e-6

_EXCESS = """
String lang = doc[params.lang].size() == 0 ? 'und' : doc[params.lang].value;
def line = params.lines.containsKey(lang) ? params.lines[lang] : params.other;
if (!doc.containsKey(params.field) || doc[params.field].size() == 0) { return 0; }
double dense = line[0] + line[1] * cosineSimilarity(params.vector, doc[params.field]);
return Math.max(0, dense - line[2]);
"""


def window(size: int, from_: int) -> int:
    """Return how many documents of each shard the second pass looks at, for a page."""
    return min(MAX_RESCORE_WINDOW, max(_LEAST, _PER_HIT * (size + from_)))


def rescored(
    plan: QueryPlan, filters: Sequence[Query], readers: Readers, window_size: int
) -> dict[str, Any]:
    """Return the keys ``query`` and ``rescore`` of a search body.

    Args:
        plan: with a vector field that has a graph.
        filters: the user's conditions.
        readers: usefulness of languages.
        window_size: as `window` returns it.
    """
    if plan.empty:
        return {"query": {"match_none": {}}}
    words = [evidence_clause(evidence, plan.lang_field) for evidence in plan.clauses]
    everything: Query = {"constant_score": {"filter": {"match_all": {}}, "boost": 0.0}}
    exact: Query = {"bool": {"must": [everything], "should": words}}
    second: Query = {"script_score": {"query": exact, "script": evidence_script(plan, readers)}}
    return {
        "query": _first_pass(plan, words, filters, readers),
        "rescore": {
            "window_size": window_size,
            "query": {
                "rescore_query": second,
                "query_weight": 0.0,
                "rescore_query_weight": 1.0,
            },
        },
    }


def _first_pass(
    plan: QueryPlan, words: Sequence[Query], filters: Sequence[Query], readers: Readers
) -> Query:
    found = list(words)
    if plan.vector is not None:
        script = {"source": _EXCESS, "params": _line_parameters(plan)}
        found.append({"script_score": {"query": nearest(plan, filters), "script": script}})
    one_of: Query = {"bool": {"should": found, "minimum_should_match": 1}}
    inner: dict[str, Any] = {"must": [one_of]}
    if shifts := _shifts(plan, readers):
        inner["should"] = shifts
    if filters:
        inner["filter"] = list(filters)
    return {"bool": inner}


def _line_parameters(plan: QueryPlan) -> dict[str, Any]:
    assert plan.vector is not None
    return {
        "lang": plan.lang_field,
        "lines": {code: numbers(line) for code, line in plan.lines.items()},
        "other": numbers(plan.other),
        "field": plan.vector_field,
        "vector": plan.vector.tolist(),
    }


def _shifts(plan: QueryPlan, readers: Readers) -> list[Query]:
    """Return a constant for each language whose log-odds start above the lowest."""

    def start(line: DenseLine, use: float) -> float:
        bent = line.bend.at - plan.knot
        return line.missing + bent + math.log(max(use, _LEAST_USE))

    languages = {*plan.lines, *readers.use}
    starts = {c: start(plan.lines.get(c, plan.other), readers.of(c)) for c in sorted(languages)}
    rest = start(plan.other, readers.rest)
    lowest = min([rest, *starts.values()])
    shifts = [
        _constant({"terms": {plan.lang_field: [code]}}, value - lowest)
        for code, value in starts.items()
        if value > lowest
    ]
    if rest > lowest:
        others = {"bool": {"must_not": [{"terms": {plan.lang_field: list(starts)}}]}}
        shifts.append(_constant(others, rest - lowest))
    return shifts


def _constant(within: Query, boost: float) -> Query:
    return {"constant_score": {"filter": within, "boost": boost}}
