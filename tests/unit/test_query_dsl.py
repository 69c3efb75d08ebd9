from __future__ import annotations

import json

import pytest

from opensearch_clir.errors import QueryError
from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.query.dsl import one_stage
from opensearch_clir.query.plan import QueryPlan, make_plan
from opensearch_clir.query.request import MAX_WINDOW, neighbours, search_body
from query_cases import PARAMETERS, schema, statistics, vector

FILTER = {"term": {"product": "KX-410"}}


def some_plan(*, with_vector: bool = True, words: bool = True, indexed: bool = True) -> QueryPlan:
    chosen = schema()
    if not indexed:
        from dataclasses import replace

        generation = replace(chosen.generation, indexed=False)
        chosen = schema(generations={"abc": generation})
    found = {"clir.text.de": statistics("text"), "clir.text.any": statistics("text")}
    return make_plan(
        "Text",
        LanguagePosterior({"de": 1.0}),
        vector() if with_vector else None,
        found if words else {},
        "text",
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
