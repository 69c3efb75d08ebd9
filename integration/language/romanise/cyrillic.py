"""Russian, Ukrainian and Bulgarian in Latin letters: nearly reversible."""

from __future__ import annotations

import re

from opensearch_clir.language.romanise.tables import folded, letters, longest_first, pieces

__all__ = ["key", "restore", "romanise"]

_RUSSIAN = letters(
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya",
)
_LETTERS = {
    "ru": _RUSSIAN,
    "uk": {**_RUSSIAN, "г": "h", "ґ": "g", "и": "y", "і": "i", "ї": "yi", "є": "ye"},
    "bg": {**_RUSSIAN, "щ": "sht", "ъ": "a"},
}

_FOLDS = (
    (re.compile(r"shch|sch|sht(?=[aeiouy]|$)"), "W"),
    (re.compile(r"sh"), "S"),
    (re.compile(r"zh"), "Z"),
    (re.compile(r"ch"), "C"),
    (re.compile(r"kh|x|h"), "H"),
    (re.compile(r"ts|tz"), "c"),
    (re.compile(r"ck|q"), "k"),
    (re.compile(r"w"), "v"),
    (re.compile(r"[jyi]+"), "i"),
    (re.compile(r"ie|io"), "e"),
    (re.compile(r"([a-zA-Z])\1+"), r"\1"),
    (re.compile(r"ei?go$"), "evo"),
)

# Longest first: what stands for one letter.
_BACK = (
    "shch=щ sch=щ yo=ё yu=ю ju=ю ya=я ja=я ye=е zh=ж kh=х ts=ц ch=ч sh=ш iy=ий yy=ый iu=ю ia=ия "
    "a=а b=б v=в w=в g=г d=д e=е z=з i=и y=ы j=й k=к l=л m=м n=н o=о p=п r=р s=с t=т u=у f=ф h=х "
    "c=к q=к x=кс"
)
_BACK_OF = pieces(_BACK)
_PIECES = longest_first(_BACK_OF)


def romanise(word: str, code: str) -> str:
    """Return the usual Latin spelling of a word of the language `code` (``ru``, ``uk``, ``bg``)."""
    spellings = _LETTERS[code]
    return "".join(spellings.get(char, "") for char in word)


def key(spelled: str) -> str:
    """Return what different Latin spellings of a word have in common."""
    return folded(spelled, _FOLDS)


def restore(spelled: str) -> str:
    """Return a Latin spelling in Russian letters, by rule."""
    word = _PIECES.sub(lambda match: _BACK_OF[match[0]], spelled)
    # A glide after a vowel is й, and nothing but a vowel at the end of an adjective's ending.
    word = re.sub(r"(?<=[аеиоуыэюя])ы(?![аеиоуыэюя])", "й", word)
    return re.sub(r"^е(?=[^аеиоуыэюя]?к)", "э", word)
