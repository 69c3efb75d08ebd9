"""The plan as an OpenSearch query: pure functions that return dicts.

One-stage form: ``script_score`` around a ``bool.should`` of nearest neighbours and words. The
lexical clauses' boosts make ``_score`` the log-odds of all words; the script adds the exact dense
evidence of every matched document, near neighbour or not, and returns the probability. Sorting,
``search_after``, ``min_score``, collapse, aggregations and filter context then mean what they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opensearch_clir.query.plan import DenseLine, LexicalEvidence, QueryPlan

__all__ = ["candidates", "cosines", "evidence_script", "lexical_clause", "one_stage"]

Query = dict[str, Any]

_LINE = """
String lang = doc[params.lang].size() == 0 ? 'und' : doc[params.lang].value;
def line = params.lines.containsKey(lang) ? params.lines[lang] : params.other;
"""

# A document without the vector must not fail the search, so both guards are needed: an index
# without the field, and a document without the value.
_DENSE = (
    _LINE
    + """
boolean known = doc.containsKey(params.field) && doc[params.field].size() > 0;
double dense = known
  ? line[0] + line[1] * cosineSimilarity(params.vector, doc[params.field])
  : line[2];
return 1.0 / (1.0 + Math.exp(-(_score + dense)));
"""
)

_COSINE = """
if (!doc.containsKey(params.field) || doc[params.field].size() == 0) { return 0; }
return 1.0 + cosineSimilarity(params.vector, doc[params.field]);
"""

_WORDS_ONLY = _LINE + "return 1.0 / (1.0 + Math.exp(-(_score + line[2])));"


def one_stage(plan: QueryPlan, filters: Sequence[Query] = ()) -> Query:
    """Return the query whose ``_score`` is the probability of relevance in (0, 1).

    Args:
        plan: what counts, and how much.
        filters: the user's conditions; they also apply inside the nearest-neighbour search, so
            that a narrow filter does not empty the result.
    """
    if plan.empty:
        return {"match_none": {}}
    inner: Query = {"should": candidates(plan, filters), "minimum_should_match": 1}
    if filters:
        inner["filter"] = list(filters)
    return {"script_score": {"query": {"bool": inner}, "script": evidence_script(plan)}}


def candidates(plan: QueryPlan, filters: Sequence[Query] = ()) -> list[Query]:
    """Return the clauses of which a document must match one.

    Scores of the lexical clauses are log-odds; the nearest neighbours score 0 here, since the
    script computes their cosine exactly.
    """
    clauses = [lexical_clause(evidence, plan.lang_field) for evidence in plan.lexical]
    if plan.vector is not None:
        clauses.append(_unscored(_nearest(plan, filters)))
    return clauses


def lexical_clause(evidence: LexicalEvidence, lang_field: str) -> Query:
    """Return the query of one lexical evidence; it scores in log-odds."""
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


def cosines(plan: QueryPlan, within: Query) -> Query:
    """Return the query that scores documents by 1 + cosine; 0 for those without a vector."""
    if plan.vector is None:
        return within
    params = {"field": plan.vector_field, "vector": plan.vector.tolist()}
    return {"script_score": {"query": within, "script": {"source": _COSINE, "params": params}}}


def evidence_script(plan: QueryPlan) -> Query:
    """Return the script that turns matched words and the cosine into the probability.

    The source is one of two constants, so the server compiles it once; all that varies is in the
    parameters.
    """
    parameters: dict[str, Any] = {
        "lang": plan.lang_field,
        "lines": {code: _numbers(line) for code, line in plan.lines.items()},
        "other": _numbers(plan.other),
    }
    if plan.vector is None:
        return {"source": _WORDS_ONLY, "params": parameters}
    parameters["field"] = plan.vector_field
    parameters["vector"] = plan.vector.tolist()
    return {"source": _DENSE, "params": parameters}


def _nearest(plan: QueryPlan, filters: Sequence[Query]) -> Query:
    assert plan.vector is not None
    if not plan.indexed:
        # No graph: every document with a vector is a candidate, and the script scores it.
        return {"exists": {"field": plan.vector_field}}
    nearest: Query = {"vector": plan.vector.tolist(), "k": plan.k}
    if filters:
        nearest["filter"] = {"bool": {"filter": list(filters)}}
    return {"knn": {plan.vector_field: nearest}}


def _unscored(query: Query) -> Query:
    return {"constant_score": {"filter": query, "boost": 0.0}}


def _numbers(line: DenseLine) -> list[float]:
    return [line.intercept, line.slope, line.missing]
