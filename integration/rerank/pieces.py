"""Cutting many texts into pieces: a word that was cut before is looked up."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from itertools import chain

from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.rerank.base import MAX_CHARACTERS

__all__ = ["Cutter"]

#: Characters of words that are remembered, each word counted as `EACH` longer than it is: at most
#: 70 MB. In languages without spaces a word is a sentence, which comes back with its text.
MOST, EACH = 10_000_000, 50

_LETTER = re.compile(r"[^\W_]")


class Cutter:
    """Cuts texts as an encoder does, at spaces first. Safe to share between threads.

    The pieces of a text are those of its words, since the tokenizer itself begins a piece at every
    space; cutting takes most of the time of late interaction, and texts share most of their words.
    """

    def __init__(self, encoder: StaticEncoder) -> None:
        """Cut as `encoder` does."""
        self._encoder = encoder
        self._lettered: dict[int, bool] = {}
        self._words: dict[str, array[int]] = {}
        self._size = 0

    def pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the pieces of texts that have a letter or digit and a vector, in order.

        Raises:
            EncoderError: the tokenizer is missing or damaged.
        """
        words = [text[:MAX_CHARACTERS].split(" ") for text in texts]
        found = self._cut(set(chain.from_iterable(words)))
        return [list(chain.from_iterable(map(found.__getitem__, text))) for text in words]

    def _cut(self, words: set[str]) -> dict[str, array[int]]:
        """Return the pieces of words."""
        if self._size > MOST:
            self._words, self._size = {}, 0
        remembered = self._words
        found = {word: pieces for word in words if (pieces := remembered.get(word)) is not None}
        unknown = [word for word in words if word not in found]
        for word, ids in zip(unknown, self._encoder.token_ids(unknown), strict=True):
            found[word] = remembered[word] = array("i", filter(self._counts, ids))
            self._size += len(word) + EACH
        return found

    def _counts(self, row: int) -> bool:
        """Tell whether a piece has a letter or digit and a vector."""
        known = self._lettered.get(row)
        if known is None:
            word = self._encoder.tokenizer.id_to_token(row) or ""
            known = bool(self._encoder.scales[row] > 0 and _LETTER.search(word))
            self._lettered[row] = known
        return known
