"""Greek in Latin letters (Greeklish), by sound or by shape."""

from __future__ import annotations

import re
import unicodedata

from opensearch_clir.language.romanise.tables import folded, letters, longest_first, pieces

__all__ = ["key", "restore", "romanise"]

_LETTERS = letters(
    "αβγδεζηθικλμνξοπρσςτυφχψω",
    "a v g d e z i th i k l m n ks o p r s s t y f ch ps o",
)
_PAIRS = {"ου": "ou", "μπ": "mp", "ντ": "nt", "γκ": "gk", "γγ": "gg", "αυ": "av", "ευ": "ev"}
_PAIR = re.compile("|".join(_PAIRS))

_FOLDS = (
    (re.compile(r"8|th"), "T"),
    (re.compile(r"ps"), "P"),
    (re.compile(r"ks|3"), "X"),
    (re.compile(r"ph"), "f"),
    (re.compile(r"ch|(?<=[aeiouk])h(?=[aeiou])|^h(?=[aeiou])|x"), "H"),
    (re.compile(r"ou|oy"), "U"),
    (re.compile(r"a[uy](?=[^aeiou]|$)|af(?=[tskpX])"), "av"),
    (re.compile(r"e[uy](?=[^aeiou]|$)|ef(?=[tskpX])"), "ev"),
    (re.compile(r"ai"), "e"),
    (re.compile(r"[eo]i|[hyui]+"), "i"),
    (re.compile(r"w"), "o"),
    (re.compile(r"mp"), "b"),
    (re.compile(r"b"), "v"),
    (re.compile(r"nt"), "d"),
    (re.compile(r"gk|gg|ng"), "g"),
    (re.compile(r"c"), "k"),
    (re.compile(r"i+"), "i"),
    (re.compile(r"([a-zA-Z])\1+"), r"\1"),
)

_BACK = (
    "th=θ ps=ψ ks=ξ ph=φ ch=χ ou=ου mp=μπ nt=ντ gk=γκ a=α b=β v=β g=γ d=δ e=ε z=ζ h=η i=ι k=κ c=κ "
    "l=λ m=μ n=ν x=χ o=ο p=π r=ρ s=σ t=τ y=υ u=υ f=φ w=ω j=ξ q=θ 8=θ 3=ξ"
)
_BACK_OF = pieces(_BACK)
_PIECES = longest_first(_BACK_OF)


def romanise(word: str) -> str:
    """Return the usual Latin spelling of a Greek word, accents dropped."""
    bare = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
    bare = _PAIR.sub(lambda match: _PAIRS[match[0]], bare)
    return "".join(_LETTERS.get(char, char) for char in bare)


def key(spelled: str) -> str:
    """Return what different Latin spellings of a word have in common."""
    return folded(spelled, _FOLDS)


def restore(spelled: str) -> str:
    """Return a Latin spelling in Greek letters, by rule and without accents."""
    word = _PIECES.sub(lambda match: _BACK_OF[match[0]], spelled)
    return re.sub("σ$", "ς", word)
