"""The part of a text that a detector looks at: pieces, cleaned of what is no language."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

__all__ = ["MOST_PIECES", "NEAR", "PIECE", "clean_pieces"]

#: Characters to a piece, about a clause: a text can change its language between pieces.
PIECE = 64

#: Texts up to this many characters are looked at whole; of longer ones a piece in each `STRIDE`.
WHOLE = 192
STRIDE = 160
MOST_PIECES = 24

#: A cut is moved to a space that is no farther than this.
NEAR = 16

#: Longer runs without a space are no words (hashes, encoded data), unless written without spaces.
_MAX_WORD = 40
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\U000323af]")

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+")

# Marks that join, break or turn text and belong to no word. The joiners U+200C and U+200D stay:
# Persian and the Indic scripts spell with them.
_MARKS = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


def clean_pieces(text: str) -> list[str]:
    """Return pieces of a text, in order: one line each, NFC, valid Unicode, not empty.

    Looks at `MOST_PIECES` × `PIECE` characters at most, spread evenly, whatever the length.
    """
    joined = "\n".join(piece.replace("\n", " ") for piece in _pieces(text))
    if not joined.isascii():
        joined = joined.encode("utf-8", "ignore").decode("utf-8")
        joined = _MARKS.sub("", unicodedata.normalize("NFC", joined))
    if "@" in joined or "://" in joined or "www." in joined:
        joined = _ADDRESS.sub(" ", joined)
    # Not splitlines(): it also splits where a piece has other line ends.
    return [cleaned for line in joined.split("\n") if (cleaned := _words(line))]


def _pieces(text: str) -> list[str]:
    length = len(text)
    if length <= PIECE:
        return [text]
    if length <= WHOLE:
        count = -(-length // PIECE)
        bounds = [_near(text, length * i // count) for i in range(count)] + [length]
        return [text[start:end] for start, end in pairwise(bounds)]
    count = min(max(WHOLE // PIECE, length // STRIDE), MOST_PIECES)
    starts = [(length - PIECE) * i // (count - 1) for i in range(count)]
    return [text[_near(text, start) : start + PIECE] for start in starts]


def _near(text: str, place: int) -> int:
    """Return the place after the next space, if one is near."""
    if place == 0:
        return 0
    space = text.find(" ", place - 1, place + NEAR)
    return space + 1 if space >= 0 else place


def _words(line: str) -> str:
    words = line.replace("\0", " ").split()
    if max(map(len, words), default=0) > _MAX_WORD:
        words = [word for word in words if len(word) <= _MAX_WORD or _UNSPACED.search(word)]
    return " ".join(words)
