"""Arabic in Latin letters (Arabizi): digits stand for letters that Latin lacks.

Short vowels are not written in Arabic, so that only consonants tell words apart.
"""

from __future__ import annotations

import re

from opensearch_clir.language.romanise.tables import folded, letters

__all__ = ["key", "romanise"]

_LETTERS = letters(
    "ابتثجحخدذرزسشصضطظعغفقكلمنهويةىءأإآؤئ",
    "a b t th j 7 kh d th r z s sh s d t z 3 gh f q k l m n h w y a a - a i a - -",
)

_FOLDS = (
    (re.compile(r"sh|ch"), "S"),
    (re.compile(r"kh|5|7'"), "X"),
    (re.compile(r"gh|8"), "G"),
    (re.compile(r"th|dh|6"), "t"),
    (re.compile(r"7"), "h"),
    (re.compile(r"9"), "s"),
    (re.compile(r"[2']"), ""),
    (re.compile(r"[gj]"), "j"),
    (re.compile(r"[qck]"), "k"),
    (re.compile(r"[pv]"), "b"),
    (re.compile(r"(?<=.)[aeiouwy]+(?=.)"), ""),
    (re.compile(r"[aeiou]+$|(?<=.)(?:ah|eh)$"), ""),
    (re.compile(r"^[aeiou]+"), "a"),
    (re.compile(r"3"), ""),
    (re.compile(r"(.)\1+"), r"\1"),
)


def romanise(word: str) -> str:
    """Return a Latin spelling of an Arabic word: its consonants and long vowels."""
    return "".join(_LETTERS.get(char, "") for char in word)


def key(spelled: str) -> str:
    """Return what different Latin spellings of a word have in common: its consonants."""
    return folded(spelled, _FOLDS)
