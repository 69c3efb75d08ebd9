"""Remembered document frequencies: what is asked again, and when they are void."""

from __future__ import annotations

from opensearch_clir.query import term_cache
from opensearch_clir.query.term_cache import POSTINGS, SECONDS, STAMPS, Stamp, TermCache

STAMP = Stamp(100, POSTINGS, 2 * POSTINGS)
PLACE = (("index", "0"), "field")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_known_terms_are_not_asked_again() -> None:
    cache = TermCache()
    assert cache.missing(PLACE, ["a", "b"]) == ["a", "b"]
    assert cache.completed(PLACE, STAMP, {"a": 3, "b": 0}, ["a", "b"]) == {"a": 3}
    assert cache.missing(PLACE, ["a", "b", "c"]) == ["c"]
    assert cache.completed(PLACE, STAMP, {"c": 1}, ["a", "b", "c"]) == {"a": 3, "c": 1}
    assert cache.missing(("other", "field"), ["a"]) == ["a"]


def test_one_known_term_is_asked_for_the_stamp() -> None:
    cache = TermCache()
    cache.completed(PLACE, STAMP, {"a": 3, "b": 0}, ["a", "b"])
    assert cache.missing(PLACE, ["b", "a"]) == ["b"]


def test_a_changed_shard_voids_what_was_told() -> None:
    cache = TermCache()
    cache.completed(PLACE, STAMP, {"a": 3, "b": 1}, ["a", "b"])
    written = Stamp(101, POSTINGS + 5, 2 * POSTINGS + 5)
    assert cache.completed(PLACE, written, {"a": 4}, ["a", "b"]) is None
    assert cache.completed(PLACE, written, {"a": 4, "b": 2}, ["a", "b"]) == {"a": 4, "b": 2}
    # The copy that has not been refreshed yet still answers by its own.
    assert cache.completed(PLACE, STAMP, {"a": 3}, ["a", "b"]) == {"a": 3, "b": 1}


def test_small_fields_are_not_remembered() -> None:
    cache = TermCache()
    small = Stamp(10, POSTINGS - 1, POSTINGS)
    assert cache.completed(PLACE, small, {"a": 3}, ["a"]) == {"a": 3}
    assert cache.completed(PLACE, small, {"b": 3}, ["a", "b"]) is None
    assert cache.missing(PLACE, ["a"]) == ["a"]


def test_nothing_is_remembered_for_long() -> None:
    clock = Clock()
    cache = TermCache(clock)
    cache.completed(PLACE, STAMP, {"a": 3, "b": 1}, ["a", "b"])
    clock.now = SECONDS + 1
    assert cache.missing(PLACE, ["a", "b"]) == ["a", "b"]
    assert cache.completed(PLACE, STAMP, {"a": 3}, ["a", "b"]) is None


def test_memory_is_bounded() -> None:
    cache = TermCache()
    for count in range(STAMPS + 1):
        stamp = Stamp(count, POSTINGS, POSTINGS)
        cache.completed(PLACE, stamp, {"a": 1, "b": 1}, ["a", "b"])
    first = Stamp(0, POSTINGS, POSTINGS)
    assert cache.completed(PLACE, first, {"a": 1}, ["a", "b"]) is None
    many = {str(n): 1 for n in range(term_cache.TERMS)}
    cache.completed(PLACE, STAMP, {"a": 1, "b": 1}, ["a", "b"])
    cache.completed(PLACE, STAMP, many, ["0"])
    assert cache.completed(PLACE, STAMP, {}, ["a"]) is None
