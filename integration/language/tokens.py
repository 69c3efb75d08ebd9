"""Tokens of a query: words, cut where the script changes, and pieces that are no words."""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

import numpy as np

from opensearch_clir.language.scripts import COMMON, SCRIPTS, script_ids

__all__ = ["MAX_TOKENS", "MAX_WORD", "Kind", "Token", "script_of", "tokenize"]

#: Tokens looked at; what follows is not a query any more.
MAX_TOKENS = 2_000

#: Letters of a longer run are data, not a word.
MAX_WORD = 40

#: ``word``: letters of one script; ``code``: digits, part numbers, addresses, encoded data.
Kind = Literal["word", "code"]

# Marks that belong to the letter before them, whole Indic and South-East Asian blocks (their vowel
# signs are marks) but for their sentence ends and digits, and the joiners between letters.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed"
    "\u0900-\u0963\u0971-\u09e5\u09f0-\u0a65\u0a70-\u0ae5\u0af0-\u0b65\u0b70-\u0be5\u0bf0-\u0c65"
    "\u0c70-\u0ce5\u0cf0-\u0d65\u0d70-\u0de5\u0df0-\u0e3a\u0e40-\u0e4e\u0e80-\u0ecf"
    "\u1000-\u103f\u1780-\u17d3\u1ab0-\u1aff\u1dc0-\u1dff\u200c\u200d\u20d0-\u20f0\u3099\u309a"
    "\u30fc\ufe20-\ufe2f\uff70"
)
_RUNS = re.compile(
    rf"https?://\S+|www\.\S+|(?<![\w.+-])[\w.+-]{{1,64}}@[\w.-]{{1,255}}|[\w{_MARKS}]+"
)
_DIGIT = re.compile(r"\d|_")

#: Scripts that one Japanese word mixes.
_JAPANESE = ("Hani", "Kana")

#: Scripts whose letters get mixed up inside a word; the script of most letters counts.
_LOOKALIKES = ("Latn", "Cyrl", "Grek")


@dataclass(frozen=True)
class Token:
    """One token of a text.

    Attributes:
        start: of its first character in the text.
        end: after its last character.
        word: its normal form (NFKC, lower case).
        script: ISO 15924 code (``Jpan`` for Han with kana), `scripts.COMMON` for no letters.
        kind: whether it is a word.
    """

    start: int
    end: int
    word: str
    script: str
    kind: Kind


def tokenize(text: str, limit: int = MAX_TOKENS) -> list[Token]:
    """Return the first `limit` tokens of a text, in order, without overlaps.

    A run of letters is cut where its script changes (``routerに`` is two tokens), never within a
    script, nor between Latin, Greek and Cyrillic letters, which get mixed up inside words. Digits
    inside a run stay with it. Linear in the length of the text; never raises.
    """
    tokens: list[Token] = []
    for match in _RUNS.finditer(text):
        run = match[0]
        if "@" in run or "://" in run or run.startswith("www."):
            tokens.append(Token(match.start(), match.end(), run.lower(), COMMON, "code"))
        else:
            tokens.extend(_cut(run, match.start(), limit - len(tokens)))
        if len(tokens) >= limit:
            break
    return tokens[:limit]


def _cut(run: str, offset: int, limit: int) -> list[Token]:
    if run.isascii():
        return [_token(run, offset, 0, len(run), COMMON if _no_letter(run) else "Latn")]
    tokens = []
    start, script = 0, COMMON
    for place, char in enumerate(run):
        found = script_of(char)
        if found in (COMMON, script):
            continue
        if script == COMMON:
            script = found
        elif script in (*_JAPANESE, "Jpan") and found in _JAPANESE:
            script = "Jpan"
        elif script in _LOOKALIKES and found in _LOOKALIKES:
            script = _majority(run, script, found)
        else:
            tokens.append(_token(run, offset, start, place, script))
            start, script = place, found
            if len(tokens) >= limit:
                return tokens
    tokens.append(_token(run, offset, start, len(run), script))
    return tokens


def _majority(run: str, one: str, other: str) -> str:
    sample = [script_of(char) for char in run[:MAX_WORD]]
    return one if sample.count(one) >= sample.count(other) else other


def _token(run: str, offset: int, start: int, end: int, script: str) -> Token:
    word = run[start:end]
    spaced = script not in ("Jpan", "Hani", "Kana", "Thai")
    kind: Kind = "word"
    if script == COMMON or (spaced and (len(word) > MAX_WORD or _DIGIT.search(word))):
        kind = "code"
    normal = unicodedata.normalize("NFKC", word).lower() if len(word) <= 10 * MAX_WORD else word
    return Token(offset + start, offset + end, normal, script, kind)


def _no_letter(run: str) -> bool:
    return not any(char.isalpha() for char in run)


@functools.lru_cache(maxsize=4096)
def script_of(char: str) -> str:
    """Return the script of one character; `scripts.COMMON` for digits, marks and the rest."""
    return SCRIPTS[int(script_ids(np.array([ord(char)], dtype=np.uint32))[0])]
