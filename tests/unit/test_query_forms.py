"""Forms, preferences and highlighting as pure functions."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from opensearch_clir.calibration.bend import Bend
from opensearch_clir.errors import ConfigurationError, QueryError
from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.query.counted import _words
from opensearch_clir.query.evidence import SoughtTerm, TermSetEvidence
from opensearch_clir.query.forms import (
    Page,
    check_version,
    checked_form,
    form_of,
    obstacles,
    query_keys,
)
from opensearch_clir.query.highlight import highlighting, snippets, translations
from opensearch_clir.query.hybrid import identity_pipeline
from opensearch_clir.query.plan import DenseLine, QueryPlan
from opensearch_clir.query.preferences import EVERYBODY, Readers, readers
from opensearch_clir.query.rescore import MAX_RESCORE_WINDOW, rescored, window
from query_cases import schema, vector

SOUGHT = SoughtTerm("refund", 1.0, ((1.0, ("▁refund", "s")), (0.6, ("▁erstattung", "返金")),
                                    (0.35, ("▁money",))))  # fmt: skip


def some_plan(*, with_vector: bool = True, indexed: bool = True) -> QueryPlan:
    return QueryPlan(
        text="my refund",
        posterior=LanguagePosterior({"en": 1.0}),
        vector=vector() if with_vector else None,
        vector_field="clir.v.abc",
        indexed=indexed,
        lang_field="clir.lang",
        lines={"en": DenseLine(-6.0, 5.0, -5.5)},
        other=DenseLine(-8.0, 20.0, -6.0),
        lexical=(),
        k=50,
        sets=(TermSetEvidence("translated", "clir.pieces.x.body", (SOUGHT,), 7.0),),
    )


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"sort": [{"price": "asc"}]}, "sort"),
        ({"sort": [{"_score": "desc"}, {"id": "asc"}]}, "sort"),
        ({"sort": [{"_score": "asc"}]}, "sort"),
        ({"collapse": {"field": "clir.group"}}, "collapse"),
        ({"search_after": [1]}, "search_after"),
        ({"rescore": {}}, "rescore"),
        ({"aggs": {"best": {"top_hits": {}}}}, "aggregation"),
        ({"aggs": {"s": {"terms": {"field": "a", "order": {"max_score": "desc"}}}}}, "aggregation"),
        ({"min_score": 0.5}, "min_score"),
    ],
)
def test_what_needs_exact_scores_of_all_matches_refuses_two_passes(
    extra: dict[str, Any], named: str
) -> None:
    page = Page(extra=extra)
    with pytest.raises(QueryError, match=f"{named}.*one-stage"):
        form_of("rescore", some_plan(), page)
    assert form_of("one-stage", some_plan(), page) == "one-stage"
    assert form_of("auto", some_plan(), page) == "one-stage"


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"sort": "_score"},
        {"sort": [{"_score": {"order": "desc"}}]},
        {"aggs": {"l": {"terms": {"field": "clir.lang"}}}, "_source": False, "highlight": {}},
    ],
)
def test_what_two_passes_can_do(extra: dict[str, Any]) -> None:
    assert form_of("rescore", some_plan(), Page(extra=extra)) == "rescore"


def test_min_score_deep_pages_and_vectors_without_graph_refuse_two_passes() -> None:
    plan = some_plan()
    assert obstacles("rescore", plan, Page(min_score=0.1))
    assert obstacles("rescore", plan, Page(size=10, from_=MAX_RESCORE_WINDOW))
    assert obstacles("rescore", some_plan(indexed=False), Page())
    assert not obstacles("one-stage", some_plan(indexed=False), Page(min_score=0.1))


def test_the_window_covers_the_page_several_times() -> None:
    assert window(10, 0) == window(100, 100) == 1000
    assert window(100, 300) == 1600
    assert window(1000, 9000) == MAX_RESCORE_WINDOW


def test_two_passes_count_the_second_alone() -> None:
    keys = rescored(some_plan(), [{"term": {"a": 1}}], EVERYBODY, 200)
    assert json.loads(json.dumps(keys)) == keys
    second = keys["rescore"]["query"]
    assert (second["query_weight"], second["rescore_query_weight"]) == (0.0, 1.0)
    one = query_keys("one-stage", some_plan(), Page())["query"]["script_score"]["script"]
    assert second["rescore_query"]["script_score"]["script"] == one
    assert keys["query"]["bool"]["filter"] == [{"term": {"a": 1}}]


def test_the_first_pass_adds_what_languages_start_above_the_lowest() -> None:
    shifts = rescored(some_plan(), [], EVERYBODY, 200)["query"]["bool"]["should"]
    assert shifts == [
        {
            "constant_score": {
                "filter": {"terms": {"clir.lang": ["en"]}},
                "boost": pytest.approx(0.5),
            }
        }
    ]
    halved = rescored(some_plan(), [], Readers({"en": 0.25}, 1.0), 200)["query"]["bool"]["should"]
    rest = halved[0]["constant_score"]
    assert rest["filter"] == {"bool": {"must_not": [{"terms": {"clir.lang": ["en"]}}]}}
    assert rest["boost"] == pytest.approx(-6.0 + 5.5 - math.log(0.25))


def test_the_first_pass_knows_what_the_bend_does_between_classes() -> None:
    plan = replace(
        some_plan(),
        knot=-2.0,
        lines={"en": DenseLine(-6.0, 5.0, -5.5, Bend(-1.5, 1.0, 0.5))},
        other=DenseLine(-8.0, 20.0, -6.0, Bend(-2.5, 1.0, 0.5)),
    )
    (shift,) = rescored(plan, [], EVERYBODY, 200)["query"]["bool"]["should"]
    assert shift["constant_score"]["boost"] == pytest.approx(0.5 + 1.0)


def test_both_legs_of_a_hybrid_score_the_whole_probability() -> None:
    keys = query_keys("hybrid", some_plan(), Page(filters=[{"term": {"a": 1}}]))
    words, near = keys["query"]["hybrid"]["queries"]
    assert words["script_score"]["script"] == near["script_score"]["script"]
    assert (
        words["script_score"]["query"]["bool"]["should"]
        == (near["script_score"]["query"]["bool"]["should"])
    )
    nearest, condition = near["script_score"]["query"]["bool"]["filter"]
    assert nearest["knn"]["clir.v.abc"]["filter"] == {"bool": {"filter": [{"term": {"a": 1}}]}}
    assert condition == {"term": {"a": 1}}
    assert keys["search_pipeline"] == identity_pipeline(2)
    (alone,) = query_keys("hybrid", some_plan(with_vector=False), Page())["query"]["hybrid"][
        "queries"
    ]
    assert "knn" not in json.dumps(alone)


def test_the_pipeline_has_bounds_for_each_leg() -> None:
    (processor,) = identity_pipeline(2)["phase_results_processors"]
    body = processor["normalization-processor"]
    parameters = body["normalization"]["parameters"]
    assert parameters["lower_bounds"] == [{"mode": "clip", "min_score": 0.0}] * 2
    assert parameters["upper_bounds"] == [{"mode": "clip", "max_score": 1.0}] * 2
    assert body["combination"] == {"technique": "geometric_mean"}


def test_hybrid_needs_a_server_that_has_upper_bounds() -> None:
    with pytest.raises(QueryError, match=r"3\.2 or newer, this is 2\.19\.1"):
        check_version("hybrid", (2, 19, 1))
    check_version("hybrid", (3, 2, 0))
    check_version("one-stage", (2, 19, 1))


def test_an_unknown_form() -> None:
    with pytest.raises(QueryError, match="one of auto, one-stage, focused, rescore, hybrid"):
        checked_form("two-stage")


def test_readers_of_some_languages_leave_out_the_others() -> None:
    found = readers(["fr", "EN"])
    assert (found.of("fr"), found.of("en"), found.of("de")) == (1.0, 1.0, 0.0)
    assert found.filters("clir.lang") == [{"terms": {"clir.lang": ["en", "fr"]}}]


def test_readers_who_read_some_languages_better() -> None:
    found = readers({"fr": 1.0, "en": 0.8, "ja": 0, "*": 0.1})
    assert (found.of("en"), found.of("de")) == (0.8, 0.1)
    assert found.filters("l") == [{"bool": {"must_not": [{"terms": {"l": ["ja"]}}]}}]
    assert readers(None) == EVERYBODY
    assert EVERYBODY.filters("l") == []


@pytest.mark.parametrize(
    "value", [3, {"fr": 1.5}, {"fr": "much"}, {"fr": math.nan}, {"fr": True}, [], {}, {"fr": 0.0}]
)
def test_preferences_that_mean_nothing(value: Any) -> None:
    with pytest.raises(QueryError, match="languages_read"):
        readers(value)


def test_an_unknown_language_is_not_a_preference() -> None:
    with pytest.raises(ConfigurationError, match="klingon"):
        readers(["klingon"])


def test_usefulness_is_in_the_script_and_useless_languages_in_the_filter() -> None:
    page = Page(readers=readers({"fr": 1.0, "en": 0.8}))
    query = query_keys("one-stage", some_plan(), page)["query"]["script_score"]
    assert query["script"]["params"]["use"] == {"fr": 1.0, "en": 0.8}
    assert query["script"]["params"]["rest"] == 0.0
    assert query["query"]["bool"]["filter"] == [{"terms": {"clir.lang": ["en", "fr"]}}]
    knn = query["query"]["bool"]["should"][-1]["constant_score"]["filter"]["knn"]["clir.v.abc"]
    assert knn["filter"]["bool"]["filter"] == [{"terms": {"clir.lang": ["en", "fr"]}}]


def test_translations_are_no_fragments_and_near_ones() -> None:
    assert translations(some_plan()) == ["refund", "erstattung", "返金"]


def test_source_fields_get_the_words_to_mark() -> None:
    wanted = {"fields": {"text": {"type": "plain"}, "other": {}}, "pre_tags": ["<b>"]}
    found = highlighting(wanted, some_plan(), schema(), [])
    assert found is not None
    assert found["pre_tags"] == ["<b>"]
    assert found["fields"]["other"] == {}
    assert found["fields"]["text"] == {
        "type": "plain",
        "highlight_query": {
            "bool": {
                "should": [
                    {"match": {"text": {"query": "my refund refund erstattung 返金"}}},
                    {"prefix": {"text": {"value": "refund"}}},
                    {"prefix": {"text": {"value": "erstattung"}}},
                ]
            }
        },
    }
    listed = highlighting({"fields": [{"text": {}}]}, some_plan(), schema(), [])
    assert listed is not None
    assert "highlight_query" in listed["fields"][0]["text"]


def test_the_callers_own_highlight_query_stays() -> None:
    own = {"highlight_query": {"match_all": {}}, "fields": {"text": {}}}
    assert highlighting(own, some_plan(), schema(), []) == own


def test_true_marks_the_text_of_the_corpus_languages() -> None:
    found = highlighting(True, some_plan(), schema(), ["de", "xx", "en"])
    assert found is not None
    assert list(found["fields"]) == ["clir.text.de", "clir.text.en", "clir.text.und"]
    assert highlighting(None, some_plan(), schema(), []) is None
    with pytest.raises(QueryError, match="highlight must be True"):
        highlighting("text", some_plan(), schema(), [])


def test_marked_snippets_come_first_and_once() -> None:
    hit = {"highlight": {"a": ["plain", "the <em>refund</em>"], "b": ["plain"]}}
    assert snippets(hit) == ["the <em>refund</em>", "plain"]
    assert snippets({}) == []


def test_words_to_count_are_pairs_of_characters_where_there_are_no_spaces() -> None:
    assert dict(_words("Refund refund 返金する BMW-i3 茶")) == {
        "refund": 2, "返金": 1, "金す": 1, "する": 1, "bmw": 1, "i3": 1, "茶": 1
    }  # fmt: skip
    assert dict(_words(["▁a", "▁a"])) == {"▁a": 1}
