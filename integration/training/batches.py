"""Batches in which every row is a fair negative of every other.

A batch has several languages and several passages of each: negatives in the language of the right
passage teach what is said, those in other languages that the language does not matter. No two rows
of a batch are of one group or share a text: they would be wrong negatives.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from opensearch_clir.errors import DataError

__all__ = ["Row", "batches"]


@dataclass(frozen=True)
class Row:
    """What of a row matters to its batch.

    Attributes:
        lang: of the passage.
        own: group and texts of the pair.
        other: groups and texts of its own negatives.
    """

    lang: str
    own: frozenset[str]
    other: frozenset[str] = frozenset()


class _Deck:
    """The rows of a language in random order, without end."""

    def __init__(self, rows: Sequence[int], rng: np.random.Generator) -> None:
        self._rows, self._rng = np.array(rows), rng
        self._left: deque[int] = deque()

    def take(self, most: int, fits: Callable[[int], bool]) -> None:
        """Offer rows until `fits` took so many, or refused all; those refused are offered next."""
        refused: list[int] = []
        taken = 0
        for _ in range(len(self._rows)):
            if taken == most:
                break
            if not self._left:
                self._left.extend(self._rng.permutation(self._rows).tolist())
            row = self._left.popleft()
            if fits(row):
                taken += 1
            else:
                refused.append(row)
        self._left.extendleft(reversed(refused))


class _Batch:
    """Rows that are fair negatives of one another."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._all, self.rows = rows, list[int]()
        self._own: set[str] = set()
        self._other: set[str] = set()

    def add(self, number: int) -> bool:
        """Add a row where it does not clash with one that is there; say whether it did."""
        row = self._all[number]
        if not self._own.isdisjoint(row.own | row.other) or not self._other.isdisjoint(row.own):
            return False
        self._own |= row.own
        self._other |= row.other
        self.rows.append(number)
        return True


def batches(
    rows: Sequence[Row], size: int, languages: int, steps: int, seed: int
) -> Iterator[list[int]]:
    """Yield so many batches of row numbers; the same arguments give the same ones.

    Languages are drawn by the square root of their number of rows. Where they have too few rows
    that go together, others fill the batch; where there are not enough in all, it is smaller.

    Args:
        rows: all there are.
        size: of a batch, at least 2.
        languages: passage languages in a batch, at most; each has the same number of rows.
        steps: number of batches.
        seed: of the order.

    Raises:
        DataError: no two rows go together.
    """
    rng = np.random.default_rng(seed)
    by_lang: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        by_lang[row.lang].append(number)
    names = sorted(by_lang)
    decks = [_Deck(by_lang[name], rng) for name in names]
    weights = np.sqrt([len(by_lang[name]) for name in names])
    for _ in range(steps):
        order = rng.choice(len(names), len(names), replace=False, p=weights / weights.sum())
        chosen = order[:languages]
        batch = _Batch(rows)
        for place, deck in enumerate(chosen):
            decks[deck].take(size // len(chosen) + (place < size % len(chosen)), batch.add)
        for deck in order:
            if len(batch.rows) < size:
                decks[deck].take(size - len(batch.rows), batch.add)
        if len(batch.rows) < 2:
            raise DataError("no two pairs to train on are about different things")
        yield batch.rows
