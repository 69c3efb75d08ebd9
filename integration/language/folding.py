"""Folding for the language-neutral field: what should match across languages, made equal.

Case, width, ligatures, diacritics and vowel points go; marks that are letters in their script
(Indic vowel signs and nuktas, Thai vowels, kana voicing) stay.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["fold"]

# Combining marks that Latin, Greek and Cyrillic share, then those of Cyrillic, Hebrew and Arabic;
# tatweel; soft hyphen, joiners, bidirectional controls, variation selectors, byte order mark.
_DROPPED = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u0483-\u0489\ua66f\ua674-\ua67d"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    "\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufe00-\ufe0f\ufeff]+"
)

# More marks in a row than any writing has; sorting them into canonical order takes quadratic time.
_PILED = re.compile(r"(?:(?!\s)[^\x00-\u02ff\w]){64,}")

# Letters that Unicode does not decompose, though names are spelled with and without the stroke.
_STROKES = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "ı": "i"}
)


def fold(text: str) -> str:
    """Return `text` as the language-neutral field stores and searches it.

    Compatibility forms are composed (NFKC), case is folded, and diacritics of Latin, Greek,
    Cyrillic, Arabic and Hebrew are dropped. Idempotent; linear in the length of `text`. Never
    raises, but keeps lone surrogates as they are.
    """
    if text.isascii():
        return text.lower()
    folded = _once(text)
    # Folding case can make new compositions and the other way round: rarely more than once.
    while (again := _once(folded)) != folded:
        folded = again
    return folded


def _once(text: str) -> str:
    bare = _DROPPED.sub("", unicodedata.normalize("NFKD", _PILED.sub("", text)))
    bare = _DROPPED.sub("", unicodedata.normalize("NFKD", bare.casefold()))
    return unicodedata.normalize("NFKC", bare.translate(_STROKES))
