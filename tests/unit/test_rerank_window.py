from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensearch_clir.errors import QueryError
from opensearch_clir.rerank import Rerank
from opensearch_clir.rerank.options import check_request, wanted
from opensearch_clir.rerank.window import choose
from rerank_cases import ByTable


def test_languages_with_few_hits_keep_their_places() -> None:
    pool = ["en"] * 10 + ["fr", "de", "fr", "de", "ja"]
    assert choose(pool, 8, 2) == [0, 1, 2, 10, 11, 12, 13, 14]
    assert choose(pool, 8, 1) == [0, 1, 2, 3, 4, 10, 11, 14]
    assert choose(pool, 8, 0) == list(range(8))
    assert choose(pool, 20, 2) == list(range(15))
    assert choose([], 5, 2) == []


def test_more_languages_than_places_leave_the_best_hits() -> None:
    assert choose(["en", "fr", "de", "ja", "ko"], 3, 2) == [0, 1, 2]


@given(
    st.lists(st.sampled_from(["de", "en", "fr", "ja"]), max_size=60),
    st.integers(1, 60),
    st.integers(0, 10),
)
def test_floors_hold_wherever_they_can(pool: list[str], size: int, floor: int) -> None:
    found = choose(pool, size, floor)
    assert found == sorted(set(found))
    assert len(found) == min(size, len(pool))
    there, chosen = Counter(pool), Counter(pool[i] for i in found)
    if size >= floor * len(there):
        assert all(chosen[code] >= min(floor, count) for code, count in there.items())
    for code in there:  # of one language, the best
        places = [i for i, language in enumerate(pool) if language == code]
        assert [i for i in found if pool[i] == code] == places[: chosen[code]]


@pytest.mark.parametrize(
    "arguments",
    [
        {"window": 0}, {"window": 1001}, {"window": True}, {"window": 1.5}, {"floor": -1},
        {"seconds": 0}, {"seconds": -1.0}, {"seconds": float("nan")}, {"seconds": "2"},
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(QueryError, match=f"rerank: {next(iter(arguments))} must be"):
        Rerank("embedded", **arguments)  # type: ignore[arg-type]


def test_what_stands_for_a_reranker() -> None:
    table = ByTable({})
    given_one = Rerank(table, window=7)
    assert wanted(None) is None
    assert wanted(False) is None
    assert wanted("embedded") == Rerank("embedded")
    assert wanted(table) == Rerank(table)
    assert wanted(given_one) is given_one
    for wrong in (True, 3, ["embedded"], {"reranker": "embedded"}):
        with pytest.raises(QueryError, match="rerank must be"):
            wanted(wrong)


def test_requests_that_can_t_be_reranked_say_why() -> None:
    rerank = Rerank("embedded", window=20)
    check_request(rerank, 10, 10, {"sort": "_score", "aggs": {}, "collapse": {"field": "g"}})
    with pytest.raises(QueryError, match="ends at hit 21, and 20 are reranked"):
        check_request(rerank, 10, 11, {})
    for body in ({"sort": [{"date": "asc"}]}, {"search_after": [1]}, {"rescore": {}}):
        with pytest.raises(QueryError, match=next(iter(body))):
            check_request(rerank, 10, 0, body)
