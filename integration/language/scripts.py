"""Which script each character is in, and what that alone says about the language."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.languages import LANGUAGES

__all__ = ["COMMON", "SCRIPTS", "languages_of", "letter_count", "script_ids"]

#: Name of the pseudo-script of digits, punctuation, symbols and everything not listed.
COMMON = "Zyyy"

# (first, last, script) of the letters; ISO 15924 codes. Kana has one code for both syllabaries.
_RANGES = (
    (0x41, 0x5A, "Latn"),
    (0x61, 0x7A, "Latn"),
    (0xAA, 0xAA, "Latn"),
    (0xBA, 0xBA, "Latn"),
    (0xC0, 0xD6, "Latn"),
    (0xD8, 0xF6, "Latn"),
    (0xF8, 0x2AF, "Latn"),
    (0x370, 0x3FF, "Grek"),
    (0x400, 0x52F, "Cyrl"),
    (0x531, 0x58F, "Armn"),
    (0x591, 0x5F4, "Hebr"),
    (0x610, 0x65F, "Arab"),
    (0x66E, 0x6EF, "Arab"),
    (0x6FA, 0x6FF, "Arab"),
    (0x750, 0x77F, "Arab"),
    (0x8A0, 0x8FF, "Arab"),
    (0x900, 0x963, "Deva"),
    (0x970, 0x97F, "Deva"),
    (0x980, 0x9E3, "Beng"),
    (0xA00, 0xA65, "Guru"),
    (0xA70, 0xA7F, "Guru"),
    (0xA80, 0xAE3, "Gujr"),
    (0xB80, 0xBE5, "Taml"),
    (0xC00, 0xC65, "Telu"),
    (0xC80, 0xCE5, "Knda"),
    (0xD00, 0xD65, "Mlym"),
    (0xE01, 0xE3A, "Thai"),
    (0xE40, 0xE4E, "Thai"),
    (0x10A0, 0x10FF, "Geor"),
    (0x1100, 0x11FF, "Kore"),
    (0x1E00, 0x1EFF, "Latn"),
    (0x1F00, 0x1FFF, "Grek"),
    (0x2C60, 0x2C7F, "Latn"),
    (0x3041, 0x3096, "Kana"),
    (0x30A1, 0x30FA, "Kana"),
    (0x3131, 0x318E, "Kore"),
    (0x31F0, 0x31FF, "Kana"),
    (0x3400, 0x4DBF, "Hani"),
    (0x4E00, 0x9FFF, "Hani"),
    (0xA720, 0xA7FF, "Latn"),
    (0xAC00, 0xD7A3, "Kore"),
    (0xF900, 0xFAFF, "Hani"),
    (0xFB1D, 0xFB4F, "Hebr"),
    (0xFB50, 0xFDFF, "Arab"),
    (0xFE70, 0xFEFC, "Arab"),
    (0xFF21, 0xFF3A, "Latn"),
    (0xFF41, 0xFF5A, "Latn"),
    (0xFF66, 0xFF9D, "Kana"),
    (0x20000, 0x323AF, "Hani"),
)

#: Names of the scripts; the position is the id that `script_ids` gives. `COMMON` is first.
SCRIPTS = (COMMON, *dict.fromkeys(script for _, _, script in _RANGES))

#: Languages that are also written in a script that is not their usual one.
_ALSO = {"Latn": ("sr",)}


@functools.cache
def _table() -> NDArray[np.uint8]:
    """Return the script of each code point up to the last letter known, one byte each."""
    table = np.zeros(max(last for _, last, _ in _RANGES) + 2, dtype=np.uint8)
    for first, last, script in _RANGES:
        table[first : last + 1] = SCRIPTS.index(script)
    return table


def script_ids(codes: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the position in `SCRIPTS` of each code point; same shape as `codes`."""
    table = _table()
    return table[np.minimum(codes, len(table) - 1)].astype(np.int64)


def letter_count(text: str) -> int:
    """Return how many letters of a known script a text has."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return int(np.count_nonzero(script_ids(codes)))


@functools.cache
def languages_of(script: str) -> tuple[str, ...]:
    """Return the known languages written in a script, those of which it is the usual one first.

    Han without kana is Chinese or Japanese.
    """
    if script == "Hani":
        return ("ja", "zh")
    if script == "Kana":
        return ("ja",)
    usual = tuple(code for code, language in LANGUAGES.items() if language.script == script)
    return usual + _ALSO.get(script, ())
