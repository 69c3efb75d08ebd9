"""Code-switching: words and phrases of a text give way to their translations.

The grammar stays that of one language, the matrix, and words of content come from the other
(Myers-Scotton, "Duelling Languages", 1993), as in ``¿cómo cambio el password?``. Words are looked
up as they stand: inflected forms that the dictionary lacks stay. Chinese, Japanese and Thai are cut
by the longest entries, from left to right; of a Korean word the particles stay
(``설정을``: ``settings을``). Khmer, Lao and Burmese are never the matrix.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from opensearch_clir.language.folding import fold
from opensearch_clir.language.romanised import romanise
from opensearch_clir.language.tokens import Token, tokenize

__all__ = ["Entries", "Match", "entries", "matches", "romanised", "switch"]

#: A phrase in lower case and its translations, the most usual first.
Entries = Mapping[str, tuple[str, ...]]

#: Words of a phrase that is looked for, and of a translation.
MAX_WORDS = 3

#: Translations of a phrase that are used: dictionaries list the usual senses first.
MAX_TRANSLATIONS = 3

#: Characters of a phrase in a script without spaces.
MAX_UNSPACED = 12

#: Syllables of Korean particles at the end of a word.
MAX_PARTICLE = 2

_UNSPACED = frozenset({"Hani", "Kana", "Jpan", "Thai"})
_POINTED = re.compile("[\u0591-\u05f4\u0610-\u06ff]")

#: Short words of hiragana are grammar; Thai ones are often parts of others.
_HIRAGANA = re.compile("[\u3041-\u309f]+")
_THAI = re.compile("[\u0e01-\u0e5b]+")
_SHORTEST_HIRAGANA, _SHORTEST_THAI = 3, 4

#: What dictionaries put around and between words.
_NOT_A_PHRASE = re.compile(r"[()\[\]{}<>/;,:=|…、；，（）]|\.\.|^-|-$")


@dataclass(frozen=True)
class Match:
    """A phrase ``text[start:end]`` that has the entry `key`.

    ``inside``: it is written without spaces around it.
    """

    start: int
    end: int
    key: str
    inside: bool = False


def entries(pairs: Iterable[tuple[str, str]]) -> Entries:
    """Return the entries of (phrase, translation) pairs, in their order.

    Left out are phrases and translations of more than `MAX_WORDS` words or of one letter, those
    with signs of lexicographers, and translations that are written as the phrase is.
    """
    found: dict[str, list[str]] = {}
    for phrase, translation in pairs:
        known = found.get(key := _key(phrase))
        if known is not None and (len(known) >= MAX_TRANSLATIONS or translation in known):
            continue
        usable = len(key) > 1 and _is_phrase(key) and _is_phrase(translation)
        if usable and key != _key(translation):
            found.setdefault(key, []).append(translation)
    return {key: tuple(known) for key, known in found.items()}


def _is_phrase(text: str) -> bool:
    return bool(text) and len(text.split()) <= MAX_WORDS and not _NOT_A_PHRASE.search(text)


def _key(phrase: str) -> str:
    """Return a phrase in lower case; vowel points, which texts lack, left out."""
    if phrase.isascii():
        return phrase.lower()
    key = unicodedata.normalize("NFKC", phrase).lower()
    return fold(key) if _POINTED.search(key) else key


def matches(text: str, known: Entries, common: Collection[str] = ()) -> list[Match]:
    """Return the phrases of a text that have entries: the longest from left to right.

    Args:
        text: in the normal form NFKC; its first 2,000 tokens are looked at.
        known: see `entries`.
        common: words that are left alone where they stand by themselves.
    """
    tokens = tokenize(text)
    found: list[Match] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.script in _UNSPACED:
            found += _within(text, token, known)
            place += 1
            continue
        size, match = _at(text, tokens, place, known, common)
        if match is not None:
            found.append(match)
        place += size
    return found


def _at(
    text: str, tokens: list[Token], place: int, known: Entries, common: Collection[str]
) -> tuple[int, Match | None]:
    """Return how many tokens from `place` on are dealt with, and the longest phrase of them."""
    for size in range(MAX_WORDS, 0, -1):
        run = tokens[place : place + size]
        if len(run) < size or not _is_run(text, run):
            continue
        key = " ".join(_key(token.word) for token in run)
        if key in known and not (size == 1 and (key in common or len(key) < 2)):
            return size, Match(run[0].start, run[-1].end, key)
    return 1, _stem(tokens[place], known) if tokens[place].script == "Kore" else None


def _is_run(text: str, run: list[Token]) -> bool:
    return all(token.kind == "word" and token.script not in _UNSPACED for token in run) and all(
        text[one.end : other.start].isspace() for one, other in pairwise(run)
    )


def _stem(token: Token, known: Entries) -> Match | None:
    """Return the part of a Korean word before its particles, if that has an entry."""
    if token.kind != "word" or len(token.word) != token.end - token.start:
        return None
    for particle in range(1, MAX_PARTICLE + 1):
        stem = token.word[:-particle]
        if len(stem) >= 2 and stem in known:
            return Match(token.start, token.end - particle, stem)
    return None


def _within(text: str, token: Token, known: Entries) -> list[Match]:
    run = text[token.start : token.end].lower()
    found: list[Match] = []
    place = 0
    while place < len(run):
        for length in range(min(MAX_UNSPACED, len(run) - place), 1, -1):
            key, end = run[place : place + length], place + length
            if key in known and not _is_grammar(key) and not _splits(run, end):
                found.append(Match(token.start + place, token.start + end, key, inside=True))
                place = end
                break
        else:
            place += 1
    return found


def _is_grammar(key: str) -> bool:
    if _HIRAGANA.fullmatch(key):
        return len(key) < _SHORTEST_HIRAGANA
    return bool(_THAI.fullmatch(key)) and len(key) < _SHORTEST_THAI


def _splits(run: str, end: int) -> bool:
    """Whether a cut at `end` would part a letter from its mark."""
    return end < len(run) and unicodedata.category(run[end])[0] == "M"


def switch(
    text: str,
    found: list[Match],
    known: Entries,
    rate: float,
    rng: np.random.Generator,
    spaced: bool = True,
) -> str | None:
    """Return the text with a share of its matches replaced by translations; None without any.

    Args:
        text: that `found` is of, see `matches`.
        found: in order, without overlaps.
        known: has their keys.
        rate: share of the matches that are replaced, in (0, 1]; at least one is.
        rng: decides which, and by which of the translations.
        spaced: whether spaces go around a word put into a script without spaces.
    """
    if not found:
        return None
    count = max(1, round(rate * len(found)))
    out = ""
    last = 0
    for place in sorted(rng.choice(len(found), count, replace=False).tolist()):
        match = found[place]
        options = known[match.key]
        word = options[int(rng.integers(len(options)))]
        out += text[last : match.start]
        if match.inside and spaced:
            before, after = out[-1:], text[match.end : match.end + 1]
            word = f"{' ' * before.isalnum()}{word}{' ' * after.isalnum()}"
        out += word
        last = match.end
    return out + text[last:]


def romanised(text: str, code: str) -> str:
    """Return the text with the words of a language in Latin letters, in lower case.

    Args:
        text: in the language, perhaps with Latin words, which stay.
        code: one of `opensearch_clir.language.romanised.ROMANISED`.
    """
    out: list[str] = []
    last = 0
    for token in tokenize(text):
        if token.kind == "word" and token.script != "Latn":
            out += [text[last : token.start], romanise(token.word, code) or token.word]
            last = token.end
    return "".join([*out, text[last:]])
