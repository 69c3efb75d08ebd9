"""Hindi in Latin letters, as people type it.

Schwas at the end of a word and between open syllables are silent (Ohala 1983); spelling of vowels,
aspiration and nasals varies from writer to writer, so that words meet in a coarse key.
"""

from __future__ import annotations

import re
import unicodedata

from opensearch_clir.language.romanise.tables import folded, letters

__all__ = ["key", "romanise"]

_CONSONANTS = letters(
    "कखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसहळ",
    "k kh g gh n ch chh j jh n t th d dh n t th d dh n p f b bh m y r l v sh sh s h l",
)
_VOWELS = letters(
    "अआइईउऊएऐओऔऋऑऍ",
    "a aa i ee u oo e ai o au ri o e",
)
_SIGNS = letters(
    "ािीुूेैोौृॉॅ",
    "aa i ee u oo e ai o au ri o e",
)
_NASALS = "ंँ"
_SCHWA = "@"

# A schwa is silent at the end, and where a vowel, a consonant and it stand before another open
# syllable: samajhna, karna.
_END = re.compile(rf"(?<=[a-z]){_SCHWA}(?=n?$)")
_MIDDLE = re.compile(
    rf"([aeiou{_SCHWA}]n?)((?:[kgcjtdpbs]h|chh|[a-z]))(?<![aeiou]){_SCHWA}"
    rf"(?=(?:chh|[kgcjtdpbs]h|[bcdfghjklmnpqrstvyz])[aeiou])"
)

_FOLDS = (
    (re.compile(r"c*chh?"), "C"),
    (re.compile(r"sh"), "S"),
    (re.compile(r"ph"), "f"),
    (re.compile(r"x"), "ks"),
    (re.compile(r"[cq]"), "k"),
    (re.compile(r"w"), "v"),
    (re.compile(r"z"), "j"),
    (re.compile(r"(?<=[kgCjtdpb])h"), ""),
    (re.compile(r"ee+|ii+|ea"), "i"),
    (re.compile(r"oo+|uu+"), "u"),
    (re.compile(r"a[iey](?![aou])|ei|ey"), "e"),
    (re.compile(r"a[uv](?![aeiou])|ou"), "o"),
    (re.compile(r"(?<=[aeiou])y(?=[aeiou])|(?<=i)y|(?<=[^aeiou])y(?=e)"), ""),
    (re.compile(r"([a-zCS])\1+"), r"\1"),
    (re.compile(r"m(?=[bp])"), "n"),
    (re.compile(r"(?<=[aeiou])n$"), ""),
    (re.compile(r"(?<=[^aeiou])e?h$"), ""),
)


def romanise(word: str) -> str:
    """Return the usual Latin spelling of a Hindi word (letters a to z)."""
    out: list[str] = []
    # Decomposed, so that a nukta is always a mark of its own.
    for char in unicodedata.normalize("NFD", word):
        if char in _CONSONANTS:
            out.append(_CONSONANTS[char] + _SCHWA)
        elif char == "़" and out:
            base = _base(out.pop())
            out.append(base + _SCHWA)
        elif char in _SIGNS and out:
            out[-1] = out[-1].removesuffix(_SCHWA) + _SIGNS[char]
        elif char == "्" and out:
            out[-1] = out[-1].removesuffix(_SCHWA)
        elif char in _NASALS:
            out.append("n")
        elif char in _VOWELS:
            out.append(_VOWELS[char])
        elif char == "ः":
            out.append("h")
    spelled = "".join(out)
    spelled = _END.sub("", spelled) if len(out) > 1 else spelled
    return _MIDDLE.sub(r"\1\2", spelled).replace(_SCHWA, "a")


def _base(spelled: str) -> str:
    dotted = {"k": "q", "kh": "kh", "g": "g", "j": "z", "f": "f", "d": "d", "dh": "dh"}
    base = spelled.removesuffix(_SCHWA)
    return dotted.get(base, base)


def key(spelled: str) -> str:
    """Return what different Latin spellings of a word have in common."""
    return folded(spelled, _FOLDS)
