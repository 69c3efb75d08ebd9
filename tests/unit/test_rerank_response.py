"""What becomes of a response; the server's part is in tests/server."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

from opensearch_clir.calibration.second import SecondLine, SecondStage
from opensearch_clir.query.preferences import Readers
from opensearch_clir.rerank import Rerank
from opensearch_clir.rerank.search import Question, asked_for, reranked
from query_cases import schema
from rerank_cases import ByTable

SCHEMA = schema()
FIELD = SCHEMA.fields[0].name
LANG = SCHEMA.names.lang
HITS = [("a", "en", 0.8), ("b", "fr", 0.6), ("c", "en", 0.4), ("d", "fr", 0.2)]
TABLE = ByTable({"a": 0.0, "b": 1.0, "c": 2.0, "d": 4.0})
LINE = SecondLine(0.0, 1.0, 1.0, 1.0, 0.5)
STAGE = SecondStage("table", TABLE.fingerprint, LINE, LINE)


def response(**changes: Any) -> dict[str, Any]:
    hits = [
        {"_id": i, "_score": p, "_source": {FIELD: i}, "fields": {LANG: [lang]}}
        for i, lang, p in HITS
    ]
    total = {"value": 9, "relation": "eq"}
    return {"took": 3, "hits": {"total": total, "max_score": 0.8, "hits": hits}, **changes}


def question(**changes: Any) -> Question:
    return Question(**{"text": "q", "languages": {"en": 1.0}, "schema": SCHEMA, "stage": STAGE}
                    | changes)  # fmt: skip


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def scores(found: dict[str, Any]) -> dict[str, float]:
    return {hit["_id"]: hit["_score"] for hit in found["hits"]["hits"]}


def test_evidence_is_added_to_the_log_odds() -> None:
    found = reranked(response(), question(), Rerank(TABLE), size=10)
    for i, _, p in HITS:
        expected = logit(p) + (TABLE.table[i] - 1.0) / 0.5
        assert logit(scores(found)[i]) == pytest.approx(expected, abs=1e-4)
    assert list(scores(found)) == ["d", "c", "b", "a"]
    assert found["hits"]["max_score"] == scores(found)["d"]
    assert found["hits"]["total"] == {"value": 9, "relation": "eq"}
    about = found["clir"]["rerank"]
    assert (about["window"], about["rescored"], about["fitted"]) == (4, 4, True)
    assert "note" not in about


def test_pages_are_cut_from_one_order() -> None:
    pages = [reranked(response(), question(), Rerank(TABLE), size=1, from_=i) for i in range(4)]
    assert [list(scores(page)) for page in pages] == [["d"], ["c"], ["b"], ["a"]]
    assert len({page["hits"]["max_score"] for page in pages}) == 1


def test_outside_of_the_window_hits_keep_their_probability() -> None:
    table = ByTable(TABLE.table)
    found = reranked(response(), question(), Rerank(table, window=2, floor=0), size=2)
    assert table.asked == [["a", "b"]]
    assert found["clir"]["rerank"]["rescored"] == 2
    rest = reranked(response(), question(), Rerank(table, window=2, floor=0), size=4)
    assert {i: scores(rest)[i] for i in "cd"} == {"c": 0.4, "d": 0.2}


def test_a_least_score_is_one_of_the_reranked_hits() -> None:
    found = reranked(response(), question(), Rerank(TABLE), size=10, min_score=0.5)
    assert set(scores(found)) == {"b", "c", "d"}
    assert found["hits"]["total"] == {"value": 3, "relation": "eq"}
    few = reranked(response(), question(), Rerank(TABLE, window=2), size=2, min_score=0.1)
    assert few["hits"]["total"]["relation"] == "gte"
    none = reranked(response(), question(), Rerank(TABLE), size=10, min_score=1.0)
    assert (none["hits"]["hits"], none["hits"]["max_score"]) == ([], None)


@pytest.mark.parametrize("table", [{}, {"x": math.nan}])
def test_what_is_not_scored_stays(table: dict[str, float]) -> None:
    found = reranked(response(), question(), Rerank(ByTable(table)), size=10)
    assert scores(found) == {i: p for i, _, p in HITS}
    assert found["clir"]["rerank"]["rescored"] == 0


def test_a_reranker_that_fails_leaves_the_first_stage(caplog: pytest.LogCaptureFixture) -> None:
    broken = ByTable(TABLE.table, fails="model on fire")
    found = reranked(response(), question(), Rerank(broken), size=10)
    assert scores(found) == {i: p for i, _, p in HITS}
    assert found["clir"]["rerank"]["note"] == "model on fire"
    assert "keep their first-stage probabilities: model on fire" in caplog.text


def test_documents_without_text_are_not_sent() -> None:
    given = response()
    given["hits"]["hits"][1]["_source"] = {FIELD: " "}
    given["hits"]["hits"][2]["_source"] = {}
    table = ByTable(TABLE.table)
    found = reranked(given, question(), Rerank(table), size=10)
    assert table.asked == [["a", "d"]]
    assert (scores(found)["b"], scores(found)["c"]) == (0.6, 0.4)


def test_without_fitted_weights_scores_count_by_their_spread() -> None:
    found = reranked(response(), question(stage=None), Rerank(TABLE), size=10)
    about = found["clir"]["rerank"]
    assert about["fitted"] is False
    assert "clir calibrate" in about["note"]
    moved = {i: logit(scores(found)[i]) - logit(p) for i, _, p in HITS}
    assert sum(moved.values()) == pytest.approx(0, abs=1e-3)
    assert moved["a"] < moved["b"] < moved["c"] < moved["d"]
    other = SecondStage("table", "another version", LINE, LINE)
    about = reranked(response(), question(stage=other), Rerank(TABLE), size=1)["clir"]["rerank"]
    assert "another version" in about["note"]


def test_pairs_and_possible_languages_count() -> None:
    across = SecondLine(-1.0, 0.5, 2.0, 0.0, 1.0)
    stage = SecondStage("table", TABLE.fingerprint, LINE, across, {"en>fr": (1.0, 2.0)})
    sure = reranked(response(), question(stage=stage), Rerank(TABLE), size=10)
    assert logit(scores(sure)["b"]) == pytest.approx(-1 + 0.5 * logit(0.6) + 2 * (1 - 1) / 2)
    unsure = reranked(
        response(), question(stage=stage, languages={"fr": 0.6, "en": 0.4}), Rerank(TABLE), size=10
    )
    same = 0.6  # a score of 1 is the mean of the class
    assert scores(unsure)["b"] == pytest.approx(0.6 * same + 0.4 * scores(sure)["b"])


def test_an_unlikely_language_does_not_decide_where_scores_are_far_apart() -> None:
    """In French all scores lie 1,000 higher; the question may be French with 0.2."""
    far = SecondLine(0.0, 1.0, 1.0, 1000.0, 0.5)
    stage = SecondStage("table", TABLE.fingerprint, LINE, far)
    unsure = {"en": 0.8, "fr": 0.2}
    found = scores(
        reranked(response(), question(stage=stage, languages=unsure), Rerank(TABLE), size=10)
    )
    assert found["c"] > 0.6 * 0.8
    assert found["c"] > found["a"]


def test_usefulness_of_languages_stays_a_factor() -> None:
    given = response()
    for hit in given["hits"]["hits"]:
        hit["_score"] *= 0.5 if hit["fields"][LANG] == ["fr"] else 1.0
    read = Readers({"en": 1.0, "fr": 0.5}, 0.0)
    found = scores(reranked(given, question(readers=read), Rerank(TABLE), size=10))
    plain = scores(reranked(response(), question(), Rerank(TABLE), size=10))
    assert found["d"] == pytest.approx(plain["d"] * 0.5)
    assert found["c"] == pytest.approx(plain["c"])


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_certain_hits_are_reranked_too(p: float) -> None:
    given = response()
    given["hits"]["hits"][0]["_score"] = p
    found = scores(reranked(given, question(), Rerank(ByTable({"a": 1e6, "b": 1.0})), size=10))
    assert 0 < found["a"] <= 1


def test_our_own_fields_are_asked_for_and_taken_out_again() -> None:
    rerank = Rerank(TABLE)
    assert asked_for(rerank, SCHEMA, {}) == {"docvalue_fields": [LANG]}
    mine = {"_source": ["x"], "fields": ["y"], "docvalue_fields": ["z"]}
    before = copy.deepcopy(mine)
    found = asked_for(rerank, SCHEMA, mine)
    assert mine == before
    assert found["_source"] == ["x"]
    assert found["fields"] == ["y", *(field.name for field in SCHEMA.fields)]
    assert found["docvalue_fields"] == ["z", LANG]
    hits = reranked(response(), question(), rerank, size=10)["hits"]["hits"]
    assert all("fields" not in hit for hit in hits)
    kept = reranked(response(), question(), rerank, size=10, body=mine)["hits"]["hits"]
    assert all("fields" in hit for hit in kept)


def test_texts_come_from_fields_where_there_is_no_source() -> None:
    given = response()
    for hit in given["hits"]["hits"]:
        hit["fields"][FIELD] = [hit.pop("_source")[FIELD]]
    table = ByTable(TABLE.table)
    reranked(given, question(), Rerank(table), size=10, body={"_source": False})
    assert table.asked == [["a", "b", "c", "d"]]
