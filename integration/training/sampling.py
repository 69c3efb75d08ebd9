"""Which texts meet in a batch: temperature over languages, caps over sources, kinds of pairs.

A batch is two sides of rows. A row is a bag of texts (one sentence, or the lines of a passage),
and carries a key: rows with equal keys are about the same thing and are no negatives of each
other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from opensearch_clir.errors import DataError
from opensearch_clir.training.mixture import Batch, Kind, Mixture, Rows
from opensearch_clir.training.tokenized import Ints, Tables

__all__ = ["Sampler"]

#: Where the keys of a kind start: those at 0 are text numbers and comparable; the
#: others are numbers of groups and of meanings, and must not meet them.
_KEYS: dict[Kind, int] = {
    "sentences": 0,
    "windows": 0,
    "switched": 0,
    "words": 0,
    "pages": 1 << 32,
    "senses": 2 << 32,
    "questions": 3 << 32,
}

#: Lines up to which a page or passage is read whole.
WHOLE = 9


class Sampler:
    """Draws batches from the tables of a token cache."""

    def __init__(self, tables: Tables, mixture: Mixture, seed: int) -> None:
        """Index the tables; `seed` is at least 0.

        Raises:
            DataError: no kind of pairs has both a share and rows.
        """
        self.tables, self.mixture, self.seed = tables, mixture, seed
        self.rng = np.random.default_rng(seed)
        self.makers: dict[Kind, Callable[[int], Batch]] = {
            "sentences": self._sentences,
            "windows": self._windows,
            "switched": self._switched,
            "pages": self._pages,
            "words": self._words,
            "senses": self._senses,
            "questions": self._questions,
        }
        self.kinds = [
            kind for kind in self.makers if mixture.shares.get(kind, 0) > 0 and self._has(kind)
        ]
        if not self.kinds:
            raise DataError("the training data has no rows of any kind with a share in the mixture")
        names = tables.files
        self.pair_rows = Rows(tables.pairs[:, 2], names, mixture)
        self.switched_rows = Rows(tables.switched[:, 3], names, mixture)
        self.word_rows = Rows(tables.words[:, 2], names, mixture)
        self.sense_rows = Rows(tables.senses[:, 2], names, mixture)
        self.page_rows = Rows(tables.pages[:, 3], names, mixture)
        self.question_rows = Rows(tables.questions[:, 4], names, mixture)
        self.by_english = np.argsort(tables.pairs[:, 0], kind="stable")
        english = tables.pairs[self.by_english, 0]
        size = int(english.max()) + 1 if len(english) else 0
        self.english_first = np.searchsorted(english, np.arange(size + 1))
        self.sense_first = _runs(tables.senses[:, 1])
        self.page_first = _runs(tables.pages[:, 2])

    def batch(self, size: int, step: int) -> Batch:
        """Return a batch of `size` rows, each kind by its share.

        It depends on tables, mixture, seed and `step` alone, not on earlier batches.
        """
        self.rng = np.random.default_rng((self.seed, step))
        shares = np.array([self.mixture.shares[kind] for kind in self.kinds])
        counts = self.rng.multinomial(size, shares / shares.sum())
        made = []
        for kind, count in zip(self.kinds, counts, strict=True):
            if count:
                rows = self.makers[kind](int(count))
                made.append(Batch(rows.left, rows.right, rows.keys + _KEYS[kind]))
        return self._swapped(_joined(made))

    def _has(self, kind: Kind) -> bool:
        table = "pairs" if kind in ("sentences", "windows") else kind
        return len(getattr(self.tables, table)) > 0

    def _swapped(self, batch: Batch) -> Batch:
        """Exchange the sides of a random half of the rows."""
        swap = self.rng.random(len(batch.keys)) < 0.5
        rows = np.concatenate([batch.left[0], batch.right[0]])
        texts = np.concatenate([batch.left[1], batch.right[1]])
        on_left = np.concatenate([~swap[batch.left[0]], swap[batch.right[0]]])
        order = np.argsort(rows, kind="stable")
        rows, texts, on_left = rows[order], texts[order], on_left[order]
        left, right = (rows[on_left], texts[on_left]), (rows[~on_left], texts[~on_left])
        return Batch(left, right, batch.keys)

    def _sentences(self, count: int) -> Batch:
        """Return sentences against translations; a share of the English ones gives way to a third.

        A row keeps its English sentence where the third language drawn is its own.
        """
        pairs = self.tables.pairs
        drawn = self.pair_rows.draw(self.rng, count, self.rng.random() < self.mixture.focus)
        english, other = pairs[drawn, 0], pairs[drawn, 1]
        first, end = self.english_first[english], self.english_first[english + 1]
        third = pairs[self.by_english[first + (self.rng.random(count) * (end - first)).astype(int)]]
        pivot = (self.rng.random(count) < self.mixture.pivot) & (third[:, 2] != pairs[drawn, 2])
        return _single(np.where(pivot, third[:, 1], english), other, english)

    def _windows(self, count: int) -> Batch:
        """Return sentences against those around them, in the other language or the same."""
        pairs, width = self.tables.pairs, self.mixture.window
        drawn = self.pair_rows.draw(self.rng, count, self.rng.random() < self.mixture.focus)
        offsets = np.arange(1, width)
        around = drawn[:, None] + offsets - self.rng.integers(0, width, (count, 1))
        around = np.clip(around, 0, len(pairs) - 1)
        valid = pairs[around, 2] == pairs[drawn, 2][:, None]
        side = self.rng.random(count)
        query_side = (side < 0.6).astype(int)  # 0 is English
        passage_side = np.where(side < 0.4, 0, 1)  # .4 other>en, .2 other>other, .4 en>other
        same = query_side == passage_side
        valid &= ~((around == drawn[:, None]) & same[:, None])
        # A sentence without neighbours, as in a file of one row, stands for itself.
        alone = ~valid.any(axis=1)
        around[alone, 0] = drawn[alone]
        valid[alone, 0] = True
        rows, column = np.nonzero(valid)
        texts = pairs[around[rows, column], passage_side[rows]]
        left = (np.arange(count), pairs[drawn, query_side])
        return Batch(left, (rows, texts), pairs[drawn, 0].astype(np.int64))

    def _pages(self, count: int) -> Batch:
        """Return titles, summaries or lines against a stretch of the page or its translation."""
        pages, parts, rng = self.tables.pages, self.tables.parts, self.rng
        drawn = self.page_rows.draw(rng, count, False)
        queries = np.zeros(count, np.int64)
        rows: list[int] = []
        texts: list[int] = []
        for row, page in enumerate(drawn):
            first, end, group, _ = pages[page]
            low, high = self.page_first[group], self.page_first[group + 1]
            here = rng.random() < self.mixture.same_page or high - low < 2
            other = page if here else rng.integers(low, high)
            first2, end2 = pages[other, :2]
            at = 0 if rng.random() < 0.5 else int(rng.integers(0, end - first))
            queries[row] = parts[first + at]
            length = int(end2 - first2)
            width = length if length <= WHOLE else self.mixture.window
            if at == 0:
                start = int(rng.integers(0, length - width + 1))
            else:
                near = round(at * length / int(end - first)) - int(rng.integers(0, width))
                start = min(max(near, 0), length - width)
            chosen = [i for i in range(start, start + width) if not (other == page and i == at)]
            rows.extend([row] * len(chosen))
            texts.extend(parts[first2 + i] for i in chosen)
        left = (np.arange(count), queries)
        return Batch(left, (np.array(rows), np.array(texts)), pages[drawn, 2].astype(np.int64))

    def _switched(self, count: int) -> Batch:
        """Return code-switched sentences against what they mean."""
        rows = self.tables.switched[self.switched_rows.draw(self.rng, count, False)]
        return _single(rows[:, 0], rows[:, 1], rows[:, 2])

    def _words(self, count: int) -> Batch:
        """Return words against their translations."""
        words = self.tables.words[self.word_rows.draw(self.rng, count, False)]
        return _single(words[:, 0], words[:, 1], words[:, 0])

    def _senses(self, count: int) -> Batch:
        """Return words against any of the same meaning, at times themselves."""
        senses = self.tables.senses
        drawn = senses[self.sense_rows.draw(self.rng, count, False)]
        low, high = self.sense_first[drawn[:, 1]], self.sense_first[drawn[:, 1] + 1]
        other = senses[low + (self.rng.random(count) * (high - low)).astype(int), 0]
        return _single(drawn[:, 0], other, drawn[:, 1])

    def _questions(self, count: int) -> Batch:
        """Return questions against their passages, or a stretch of those that are long."""
        drawn = self.tables.questions[self.question_rows.draw(self.rng, count, False)]
        length = drawn[:, 2] - drawn[:, 1]
        width = np.minimum(length, WHOLE)
        start = drawn[:, 1] + (self.rng.random(count) * (length - width + 1)).astype(np.int64)
        rows = np.repeat(np.arange(count), width)
        line = np.arange(len(rows)) - np.repeat(np.cumsum(width) - width, width)
        texts = self.tables.parts[start[rows] + line]
        return Batch((np.arange(count), drawn[:, 0]), (rows, texts), drawn[:, 3].astype(np.int64))


def _runs(numbers: Ints) -> Ints:
    """Return where each number starts in a sorted array: (largest + 2,)."""
    return np.searchsorted(numbers, np.arange(int(numbers.max(initial=0)) + 2))


def _single(left: Ints, right: Ints, keys: Ints) -> Batch:
    """Return rows of one text (n,) on each side."""
    rows = np.arange(len(keys))
    return Batch((rows, left), (rows, right), keys.astype(np.int64))


def _joined(batches: list[Batch]) -> Batch:
    """Return the batches end to end."""
    starts = np.cumsum([0, *(len(batch.keys) for batch in batches)])
    sides: list[tuple[Ints, Ints]] = []
    for chosen in ([batch.left for batch in batches], [batch.right for batch in batches]):
        rows = np.concatenate([rows + s for (rows, _), s in zip(chosen, starts[:-1], strict=True)])
        sides.append((rows, np.concatenate([texts for _, texts in chosen])))
    return Batch(sides[0], sides[1], np.concatenate([batch.keys for batch in batches]))
