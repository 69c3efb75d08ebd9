"""How probable a word's letters are in each language, for words that no list has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["LetterModel"]

#: Slots of the hashed letter pairs and triples; a collision makes a rare one look less rare.
_PAIRS, _TRIPLES = 1 << 13, 1 << 16
_LETTERS = 1 << 10

#: Strength of the shorter context, in observations.
_BACKOFF = 8.0

#: Letters of a word that are looked at.
_LONGEST = 24


class LetterModel:
    """Letter trigrams of several languages, each backed off to pairs and single letters.

    P(c | ab) = (n(abc) + k P(c | b)) / (n(ab) + k), as in a hierarchical Dirichlet model
    (MacKay and Peto 1995), over the types of each language's word list.
    """

    def __init__(self, lists: Sequence[Sequence[str]]) -> None:
        """Count the words of each language.

        Args:
            lists: words by language; an empty list gives a language no opinion of its own.
        """
        shape = len(lists)
        triples = np.zeros((_TRIPLES, shape), dtype=np.float32)
        pairs = np.zeros((_PAIRS, shape), dtype=np.float32)
        singles = np.zeros((_LETTERS, shape), dtype=np.float32)
        for column, words in enumerate(lists):
            if not words:
                continue
            first, second, third = _contexts(words)
            triples[:, column] = np.bincount(_triple(first, second, third), minlength=_TRIPLES)
            pairs[:, column] = np.bincount(_pair(second, third), minlength=_PAIRS)
            singles[:, column] = np.bincount(third, minlength=_LETTERS)
        self._triples, self._pairs, self._singles = triples, pairs, singles
        # How often each context was followed by anything.
        self._before = np.zeros_like(pairs)
        for column, words in enumerate(lists):
            if words:
                first, second, _ = _contexts(words)
                self._before[:, column] = np.bincount(_pair(first, second), minlength=_PAIRS)
        self._totals = singles.sum(axis=0)

    def log_probabilities(self, word: str) -> NDArray[np.float64]:
        """Return the natural log of the probability of a word's letters, shape (languages,)."""
        first, second, third = _contexts([word[:_LONGEST]])
        single = (self._singles[third] + 0.5) / (self._totals + 0.5 * 64)
        pair = (self._pairs[_pair(second, third)] + _BACKOFF * single) / (
            self._singles[second] + _BACKOFF
        )
        triple = (self._triples[_triple(first, second, third)] + _BACKOFF * pair) / (
            self._before[_pair(first, second)] + _BACKOFF
        )
        logs: NDArray[np.float64] = np.log(triple.astype(np.float64)).sum(axis=0)
        return logs


def _contexts(words: Sequence[str]) -> tuple[NDArray[np.int64], ...]:
    """Return each letter (the end of the word included) with the two before it."""
    text = "\n\n" + "\n\n".join(words) + "\n"
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
    # A small prime keeps neighbouring blocks of letters apart.
    codes = np.where(codes == ord("\n"), 0, codes % 1021 + 1) % _LETTERS
    first, second, third = codes[:-2], codes[1:-1], codes[2:]
    # Not predicted: the second mark of a border between words.
    kept = (second != 0) | (third != 0)
    return first[kept], second[kept], third[kept]


def _pair(second: NDArray[np.int64], third: NDArray[np.int64]) -> NDArray[np.int64]:
    return (second * 8191 + third * 127) % _PAIRS


def _triple(
    first: NDArray[np.int64], second: NDArray[np.int64], third: NDArray[np.int64]
) -> NDArray[np.int64]:
    return (first * 1_000_003 + second * 8191 + third * 127) % _TRIPLES
