"""Rewriting: what is understood, what is left alone, and what a clause becomes."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensearch_clir.errors import QueryError
from opensearch_clir.query.rewrite import rewrite
from opensearch_clir.query.rewrite.build import least_cosine
from rewrite_cases import FixedPlanner

TEXT = "Drucker geht nicht"

#: With all defaults filled in, as a server hands a query to a pipeline's model.
EXPANDED = {
    "query": TEXT,
    "fields": [],
    "type": "best_fields",
    "default_operator": "or",
    "max_determinized_states": 10000,
    "enable_position_increments": True,
    "fuzziness": "AUTO",
    "fuzzy_prefix_length": 0,
    "fuzzy_max_expansions": 50,
    "phrase_slop": 0,
    "analyze_wildcard": True,
    "time_zone": "Europe/Paris",
    "escape": False,
    "auto_generate_synonyms_phrase_query": True,
    "fuzzy_transpositions": True,
    "boost": 1.0,
}

UNDERSTOOD: list[dict[str, Any]] = [
    {"match": {"text": TEXT}},
    {"match": {"title": {"query": TEXT, "operator": "OR", "boost": 1.0}}},
    {"match_phrase": {"text": TEXT}},
    {"multi_match": {"query": TEXT}},
    {"multi_match": {"query": TEXT, "type": "best_fields", "lenient": True}},
    {"multi_match": {"query": TEXT, "type": "phrase", "lenient": True}},
    {"multi_match": {"query": TEXT, "fields": ["product", "title^3"]}},
    {"multi_match": {"query": TEXT, "fields": {"ti*": 1.0}}},
    {"combined_fields": {"query": TEXT, "fields": ["title", "text"]}},
    {"query_string": {"query": TEXT, "analyze_wildcard": True}},
    {"query_string": {"query": TEXT, "default_field": "text"}},
    {"query_string": {"query": "geht: nicht", "escape": True}},
    {"query_string": {"query": "Warum geht der Drucker nicht?"}},
    {"query_string": EXPANDED},
    {"simple_query_string": {"query": "geht der Drucker?"}},
    {"simple_query_string": {"query": "Multi-Funktions-Drucker kaputt"}},
]

LEFT_ALONE: list[Any] = [
    {"match_all": {}},
    {"match_none": {}},
    {"ids": {"values": ["1"]}},
    {"term": {"text": TEXT}},
    {"terms": {"text": [TEXT]}},
    {"range": {"@timestamp": {"from": "now-15m", "to": None, "include_lower": True}}},
    {"exists": {"field": "text"}},
    {"prefix": {"text": "druck"}},
    {"wildcard": {"text": "druck*"}},
    {"regexp": {"text": "druck.*"}},
    {"fuzzy": {"text": "drucker"}},
    {"match": {"product": TEXT}},
    {"match": {"text.keyword": TEXT}},
    {"match": {"clir.text.de": TEXT}},
    {"match": {"text": {"query": 17}}},
    {"match": {"text": {"query": TEXT, "boost": 0}}},
    {"match": {"text": "KX-410"}},
    {"match": {"text": "a8098c1a-f86e-11da-bd1a-00112444be1e"}},
    {"match": {"text": "10.0.0.1 8080"}},
    {"match": {"text": "jane@example.org"}},
    {"match": {"text": "   "}},
    {"match": {"text": "too long"}},
    {"match_phrase_prefix": {"text": TEXT}},
    {"match_bool_prefix": {"text": TEXT}},
    {"multi_match": {"query": TEXT, "fields": ["product"]}},
    {"multi_match": {"query": TEXT, "type": "phrase_prefix"}},
    {"multi_match": {"query": TEXT, "type": "bool_prefix", "fields": ["text"]}},
    *(
        {"query_string": {"query": query}}
        for query in (
            "*",
            "product:KX",
            "title:Drucker geht nicht",
            '"geht nicht"',
            "Drucker AND Scanner",
            "Drucker OR Scanner",
            "NOT Drucker",
            "+Drucker -Scanner",
            "Druck*",
            "Druck?",
            "ein Druck? geht",
            "Drucker~",
            "Drucker^2 kaputt",
            "(Drucker kaputt)",
            "/druck.*/",
            "Drucker && kaputt",
            "Preis >10",
            "[a TO b]",
            r"a\:b",
            "_exists_:text",
        )
    ),
    *(
        {"simple_query_string": {"query": query}}
        for query in (
            "Drucker + Scanner",
            "Drucker | Scanner",
            '"geht nicht"',
            "Druck*",
            "Drucker -Scanner",
            "Drucker~1",
            "(geht nicht)",
        )
    ),
    {"knn": {"clir.v.abc": {"vector": [0.6, 0.8], "k": 5}}},
    {"hybrid": {"queries": [{"match": {"text": TEXT}}]}},
    {"neural": {"v": {"query_text": TEXT}}},
    {"nested": {"path": "a", "query": {"match": {"text": TEXT}}}},
    {"script_score": {"query": {"match": {"text": TEXT}}, "script": {"source": "_score"}}},
    {"bool": {"must_not": [{"match": {"text": TEXT}}]}},
    {"bool": {"should": [{"match": {"text": TEXT}}], "minimum_should_match": 1}},
    {"bool": {"should": [{"match_phrase": {"title": TEXT}}], "minimum_should_match": "1"}},
    {"bool": {}},
    {"bool": [1]},
    {"wrapper": {"query": "eyJtYXRjaF9hbGwiOnt9fQ=="}},
    {"percolate": {"field": "q", "document": {"text": TEXT}}},
    {"match": {"text": TEXT, "title": TEXT}},
    {"match": TEXT},
    {},
    {"a": 1, "b": 2},
    [],
    None,
    "text",
]


@pytest.mark.parametrize("query", UNDERSTOOD, ids=json.dumps)
@pytest.mark.parametrize("scored", [True, False])
def test_free_text_is_understood_in_query_and_filter_context(
    query: dict[str, Any], scored: bool
) -> None:
    kept = copy.deepcopy(query)
    whole = query if scored else {"bool": {"filter": [query]}}
    new = rewrite(whole, FixedPlanner())
    assert query == kept
    body = new["script_score"] if scored else new["bool"]["filter"][0]["script_score"]
    gate = body["query"]["bool"]["should"][0]["script_score"]
    if scored:
        assert gate["query"] == query
    assert rewrite(new, FixedPlanner()) is new


@pytest.mark.parametrize("query", LEFT_ALONE, ids=json.dumps)
def test_what_is_not_understood_is_the_same_object(query: Any) -> None:
    assert rewrite(query, FixedPlanner()) is query
    deep = {"bool": {"must": [query], "should": query, "filter": [query, query]}}
    assert rewrite(deep, FixedPlanner()) is deep


def test_everything_around_the_text_stays() -> None:
    around = {
        "bool": {
            "must": [{"term": {"product": "KX"}}],
            "filter": [{"range": {"@timestamp": {"gte": "now-1d"}}}],
            "must_not": [{"match": {"text": "kaputt"}}],
            "minimum_should_match": 1,
            "boost": 2.0,
        }
    }
    query = copy.deepcopy(around)
    query["bool"]["should"] = [{"match": {"text": TEXT}}, {"ids": {"values": ["7"]}}]
    new = rewrite(query, FixedPlanner())
    rest = {key: value for key, value in new["bool"].items() if key != "should"}
    assert rest == around["bool"]
    assert list(new["bool"]) == list(query["bool"])
    assert new["bool"]["should"][1] == {"ids": {"values": ["7"]}}


@pytest.mark.parametrize(
    ("kind", "key", "scored"),
    [
        ("dis_max", "queries", True),
        ("function_score", "query", True),
        ("boosting", "positive", True),
        ("constant_score", "filter", False),
    ],
)
def test_other_compounds_are_looked_into(kind: str, key: str, scored: bool) -> None:
    leaf: dict[str, Any] = {"match": {"text": TEXT}}
    part = [leaf] if key == "queries" else leaf
    query = {kind: {key: part, "boost": 1.5, "negative": {"match": {"text": "b"}}}}
    new = rewrite(query, FixedPlanner())[kind]
    assert (new["boost"], new["negative"]) == (1.5, {"match": {"text": "b"}})
    inner = new[key][0] if key == "queries" else new[key]
    kept = inner["script_score"]["query"]["bool"]["should"][0]["script_score"]["query"]
    assert (kept == leaf) is scored


STRICT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"match": {"text": "a b"}}, {"match": {"text": {"query": "a b", "operator": "and"}}}),
    (
        {"multi_match": {"query": "a b", "lenient": True}},
        {"multi_match": {"query": "a b", "lenient": True, "operator": "and"}},
    ),
    (
        {"query_string": {"query": "a b", "default_operator": "or"}},
        {"query_string": {"query": "a b", "default_operator": "and"}},
    ),
    (
        {"simple_query_string": {"query": "a b"}},
        {"simple_query_string": {"query": "a b", "default_operator": "and"}},
    ),
    *(
        (said, said)
        for said in (
            {"match_phrase": {"text": {"query": "a b", "slop": 1}}},
            {"multi_match": {"query": "a b", "type": "phrase"}},
            {"match": {"text": {"query": "a b", "minimum_should_match": "75%"}}},
        )
    ),
]


@pytest.mark.parametrize(("query", "strict"), STRICT, ids=lambda q: json.dumps(q))
def test_in_filter_context_all_words_are_needed_or_the_probability(
    query: dict[str, Any], strict: dict[str, Any]
) -> None:
    new = rewrite({"constant_score": {"filter": query}}, FixedPlanner())
    body = new["constant_score"]["filter"]["script_score"]
    assert body["query"]["bool"]["should"][0]["script_score"]["query"] == strict


def test_one_text_said_to_several_fields_counts_once() -> None:
    planner = FixedPlanner()
    both = {"bool": {"should": [{"match": {"title": TEXT}}, {"match": {"text": TEXT}}]}}
    new = rewrite(both, planner)
    assert new["script_score"]["query"]["bool"]["should"][0]["script_score"]["query"] == both
    assert planner.asked == [TEXT]
    different = {"bool": {"should": [{"match": {"title": "Tinte"}}, {"match": {"text": TEXT}}]}}
    assert len(rewrite(different, FixedPlanner())["bool"]["should"]) == 2


def test_the_boost_of_a_clause_is_kept() -> None:
    new = rewrite({"match": {"text": {"query": TEXT, "boost": 3}}}, FixedPlanner())
    assert new["script_score"]["boost"] == 3


@pytest.mark.parametrize("least", [0.0, 1.0, -1, 2, float("nan")])
def test_a_threshold_is_a_probability(least: float) -> None:
    with pytest.raises(QueryError, match="between 0 and 1"):
        rewrite({"match_all": {}}, FixedPlanner(), least=least)


@given(least=st.floats(0.01, 0.99))
def test_the_radius_holds_exactly_what_the_vector_alone_makes_likely(least: float) -> None:
    plan = FixedPlanner().plan(TEXT)
    cosine = least_cosine(plan, least)
    for line in (*plan.lines.values(), plan.other):
        at = line.intercept + line.slope * cosine
        assert 1 / (1 + 2.718281828459045**-at) <= least + 1e-9
    query = rewrite({"match": {"text": TEXT}}, FixedPlanner(), least=least)
    clauses = query["script_score"]["query"]["bool"]["should"]
    found = [c["constant_score"]["filter"] for c in clauses if "constant_score" in c]
    if cosine > 1:
        assert found == []
    elif cosine > -1:
        assert found[0]["knn"]["clir.v.abc"]["min_score"] == pytest.approx((1 + cosine) / 2)


@given(
    query=st.recursive(
        st.sampled_from([*UNDERSTOOD, *(q for q in LEFT_ALONE if isinstance(q, dict))]),
        lambda inner: st.dictionaries(
            st.just("bool"),
            st.dictionaries(
                st.sampled_from(["must", "should", "filter", "must_not"]),
                st.one_of(inner, st.lists(inner, max_size=3)),
            ),
            min_size=1,
        ),
        max_leaves=8,
    )
)
def test_any_nest_is_rewritten_once(query: dict[str, Any]) -> None:
    before = copy.deepcopy(query)
    once = rewrite(query, FixedPlanner())
    assert query == before
    assert rewrite(once, FixedPlanner()) is once
    json.dumps(once)
