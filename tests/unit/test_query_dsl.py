from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensearch_clir.errors import QueryError
from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.query.dsl import evidence_clause, one_stage
from opensearch_clir.query.evidence import SoughtTerm, TermSetEvidence
from opensearch_clir.query.plan import QueryPlan, make_plan
from opensearch_clir.query.request import MAX_WINDOW, neighbours, search_body
from opensearch_clir.query.words import QueryWords
from query_cases import PARAMETERS, schema, statistics, vector

FILTER = {"term": {"product": "KX-410"}}


def some_plan(*, with_vector: bool = True, words: bool = True, indexed: bool = True) -> QueryPlan:
    chosen = schema()
    if not indexed:
        generation = replace(chosen.generation, indexed=False)
        chosen = schema(generations={"abc": generation})
    found = {"clir.text.de": statistics("text"), "clir.text.any": statistics("text")}
    return make_plan(
        QueryWords.plain("Text"),
        LanguagePosterior({"de": 1.0}),
        vector() if with_vector else None,
        found if words else {},
        chosen,
        PARAMETERS,
        50,
    )


def test_the_query_is_plain_json_and_the_input_is_not_shared() -> None:
    filters = [dict(FILTER)]
    query = one_stage(some_plan(), filters)
    assert json.loads(json.dumps(query)) == query
    assert filters == [FILTER]


def test_the_filter_is_inside_the_neighbour_search_too() -> None:
    inner = one_stage(some_plan(), [FILTER])["script_score"]["query"]["bool"]
    assert inner["filter"] == [FILTER]
    knn = inner["should"][-1]["constant_score"]["filter"]["knn"]["clir.v.abc"]
    assert knn["filter"] == {"bool": {"filter": [FILTER]}}
    assert knn["k"] == 50


def test_a_filter_does_not_let_unmatched_documents_in() -> None:
    inner = one_stage(some_plan(), [FILTER])["script_score"]["query"]["bool"]
    assert inner["minimum_should_match"] == 1


def test_neighbours_add_nothing_to_the_words_score() -> None:
    inner = one_stage(some_plan())["script_score"]["query"]["bool"]
    assert inner["should"][-1]["constant_score"]["boost"] == 0.0


def test_the_survivors_are_for_other_languages_only() -> None:
    clauses = one_stage(some_plan())["script_score"]["query"]["bool"]["should"]
    survivors = clauses[1]["bool"]
    assert survivors["must_not"] == [{"terms": {"clir.lang": ["de"]}}]


def test_without_vector_no_cosine_is_asked_for() -> None:
    query = one_stage(some_plan(with_vector=False))["script_score"]
    assert "cosineSimilarity" not in query["script"]["source"]
    assert all("constant_score" not in clause for clause in query["query"]["bool"]["should"])


def test_without_graph_every_document_with_a_vector_is_scored() -> None:
    inner = one_stage(some_plan(indexed=False))["script_score"]["query"]["bool"]
    assert inner["should"][-1]["constant_score"]["filter"] == {"exists": {"field": "clir.v.abc"}}


def test_scripts_are_constant_so_that_the_server_compiles_them_once() -> None:
    one = one_stage(some_plan())["script_score"]["script"]["source"]
    other = one_stage(some_plan(words=False))["script_score"]["script"]["source"]
    assert one == other


def test_no_evidence_at_all_finds_nothing() -> None:
    assert one_stage(some_plan(with_vector=False, words=False)) == {"match_none": {}}


def test_the_body_hides_our_fields_unless_asked() -> None:
    body = search_body(some_plan(), namespace="clir")
    assert body["_source"] == {"excludes": ["clir", "clir.*"]}
    body = search_body(some_plan(), namespace="clir", extra={"_source": ["title"], "aggs": {}})
    assert body["_source"] == ["title"]
    assert body["aggs"] == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": -1}, "must not be negative"),
        ({"from_": MAX_WINDOW}, "search_after"),
        ({"min_score": 1.5}, "probability"),
        ({"extra": {"query": {}}}, "filter"),
    ],
)
def test_refusals(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        search_body(some_plan(), namespace="clir", **arguments)  # type: ignore[arg-type]


def test_k_is_equal_over_the_first_pages() -> None:
    assert neighbours(10, 0) == neighbours(10, 50) == neighbours(10, 90)
    assert neighbours(100, 9900) == MAX_WINDOW


def score(query: Any, document: frozenset[str]) -> float:
    """Score of a document that holds these terms, as Lucene scores these four kinds of query."""
    ((kind, body),) = query.items()
    if kind == "constant_score":
        ((terms),) = body["filter"]["terms"].values()
        return float(body["boost"]) if document & set(terms) else 0.0
    if kind == "dis_max":
        return max(score(part, document) for part in body["queries"])
    assert (kind, set(body)) == ("bool", {"should"})
    return math.fsum(score(part, document) for part in body["should"])


COFFEE = SoughtTerm(
    "coffee", 0.6, ((1.0, ("coffee",)), (0.65, ("café", "Kaffee")), (0.3, ("tea",)))
)
FILTER_PIECE = SoughtTerm("filter", 0.3, ((1.0, ("filter",)),))
PIECES = TermSetEvidence("translated", "clir.pieces.x.body", (COFFEE, FILTER_PIECE), 7.0)


def test_a_document_counts_by_the_strongest_term_it_has() -> None:
    clause = evidence_clause(PIECES, "clir.lang")
    assert json.loads(json.dumps(clause)) == clause
    # By hand: 7 * (.6 * 1 + .3 * 1) for all; a translation counts by its similarity, once.
    assert score(clause, frozenset({"coffee", "café", "filter"})) == pytest.approx(6.3)
    assert score(clause, frozenset({"café", "Kaffee", "tea"})) == pytest.approx(7 * 0.6 * 0.65)
    assert score(clause, frozenset({"tea", "filter"})) == pytest.approx(7 * (0.6 * 0.3 + 0.3))
    assert score(clause, frozenset({"milk"})) == 0


def test_the_terms_are_looked_for_in_the_evidences_field() -> None:
    clause = evidence_clause(PIECES, "clir.lang")
    first, second = clause["bool"]["should"]
    fields = [q["constant_score"]["filter"]["terms"].keys() for q in first["dis_max"]["queries"]]
    assert fields == [{PIECES.field}] * 3
    # One strength needs no choice between strengths.
    assert set(second) == {"constant_score"}


terms = st.sampled_from([f"t{i}" for i in range(12)])


@st.composite
def term_sets(draw: st.DrawFn) -> TermSetEvidence:
    strengths = st.lists(
        st.sampled_from([n / 20 for n in range(6, 21)]), min_size=1, max_size=4, unique=True
    )
    tiers = strengths.map(lambda s: sorted(s, reverse=True)).flatmap(
        lambda s: st.tuples(*(st.tuples(st.just(x), st.lists(terms, min_size=1)) for x in s))
    )
    drawn = draw(st.lists(st.tuples(tiers, st.floats(0.01, 1)), min_size=1, max_size=6))
    total = max(1.0, math.fsum(share for _, share in drawn))
    sought = tuple(
        SoughtTerm(str(n), share / total, tuple((x, tuple(found)) for x, found in tier))
        for n, (tier, share) in enumerate(drawn)
    )
    return TermSetEvidence("translated", "f", sought, draw(st.floats(0.05, 20)))


@given(term_sets(), st.frozensets(terms))
def test_no_document_scores_more_than_the_weight(
    evidence: TermSetEvidence, document: frozenset[str]
) -> None:
    found = score(evidence_clause(evidence, "clir.lang"), document)
    assert 0 <= found <= evidence.weight * (1 + 1e-9)
    more = score(evidence_clause(evidence, "clir.lang"), document | {"t0"})
    assert more >= found - 1e-12
