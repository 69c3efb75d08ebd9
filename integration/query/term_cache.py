"""Document frequencies of terms that were asked before, as long as the shard has not changed.

With every answer a shard tells the field's totals: documents, postings, occurrences. Whatever
changes a document frequency (a refresh after writing, a merge that drops deleted documents) changes
these totals too, but for a coincidence that gets rarer with size; so they stamp what is remembered,
small fields are not remembered, and nothing longer than `SECONDS`. Copies of a shard may differ in
deleted documents; several stamps are remembered for each.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Stamp", "TermCache"]

#: Stamps remembered for one field of one shard: its copies, each before and after a refresh.
STAMPS = 4

#: Terms remembered for one stamp; all of it is forgotten beyond that.
TERMS = 100_000

#: Postings from which on a field is worth remembering, and equal totals are no coincidence.
POSTINGS = 10_000

SECONDS = 600.0


class Stamp(NamedTuple):
    """Totals of a field in a shard: documents that have it, postings, occurrences; -1 without."""

    documents: int
    postings: int
    occurrences: int


@dataclass
class _Remembered:
    until: float
    terms: dict[str, int] = field(default_factory=dict)


class TermCache:
    """Remembers document frequencies by place (a field of a shard) and stamp. Safe to share."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start empty; `clock` tells seconds."""
        self._clock = clock
        self._places: dict[Hashable, OrderedDict[Stamp, _Remembered]] = {}
        self._lock = threading.Lock()

    def missing(self, place: Hashable, terms: Sequence[str]) -> list[str]:
        """Return the terms to ask for, should the place still have the stamp it had last.

        At least one of those wanted, so that the answer tells the stamp.
        """
        with self._lock:
            stamps = self._places.get(place)
            last = next(reversed(stamps.values())) if stamps else None
            if last is None or last.until < self._clock():
                return list(terms)
            return [term for term in terms if term not in last.terms] or list(terms[:1])

    def completed(
        self, place: Hashable, stamp: Stamp, told: dict[str, int], terms: Sequence[str]
    ) -> dict[str, int] | None:
        """Remember what was told and return the terms that some document has, with how many.

        None where the frequency of one is unknown.

        Args:
            place: see the class.
            stamp: that came with the answer.
            told: document frequencies by term, of all terms that were asked for.
            terms: those wanted.
        """
        if stamp.postings < POSTINGS:
            return _present(told, terms)
        with self._lock:
            known = self._remembered(place, stamp, len(told)).terms
            known.update(told)
            return _present(known, terms)

    def _remembered(self, place: Hashable, stamp: Stamp, more: int) -> _Remembered:
        """Return what is remembered for a stamp, with room for `more`, and make it the last."""
        now = self._clock()
        stamps = self._places.setdefault(place, OrderedDict())
        found = stamps.pop(stamp, None)
        if found is None or found.until < now or len(found.terms) + more > TERMS:
            found = _Remembered(now + SECONDS)
        stamps[stamp] = found
        if len(stamps) > STAMPS:
            stamps.popitem(last=False)
        return found


def _present(known: dict[str, int], terms: Sequence[str]) -> dict[str, int] | None:
    frequencies = [known.get(term, -1) for term in terms]
    if -1 in frequencies:
        return None
    return {term: n for term, n in zip(terms, frequencies, strict=True) if n}
