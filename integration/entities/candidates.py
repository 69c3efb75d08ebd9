"""What in a text may be an entity, before anything is spent on its keys."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from opensearch_clir.entities.casing import Word, is_acronym, is_mixed, names
from opensearch_clir.entities.exact import (
    JOINTS,
    address_key,
    code_key,
    compound_keys,
    domain,
    number_key,
    word_key,
)
from opensearch_clir.entities.scan import Run
from opensearch_clir.entities.sounds import sound_keys
from opensearch_clir.language.words import load_words

__all__ = ["Candidate", "candidates"]

#: Characters of a word beyond which it is data.
MAX_WORD = 48

#: Letters of a word that is no part of the code it is joined to: A1-Bescheinigung, not KX-410.
MIN_BESIDE_DIGITS = 5

#: Characters of an address.
MAX_ADDRESS = 512

#: Parts of one run that are looked at.
MAX_PARTS = 64

#: Share of Latin words under which they are foreign to the text, and so names.
FOREIGN_SHARE = 0.4

_SHORT_CODE = re.compile(r"\d{1,5}[A-Za-z]?|\d+(?:\.\d+)+")
_WORD = re.compile(r"[^\W_]+")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+")
_ARTICLE = re.compile("(?:ال|وال|بال|فال|كال|لل)..")
_PARTICLE = re.compile("(?<=..)(?:에서|으로|까지|부터|은|는|이|가|을|를|의|에|로|와|과|도)$")

_KEY = {"address": address_key, "code": code_key, "number": number_key}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A piece of text that may be an entity.

    Attributes:
        rank: 0 tells most.
        kind: as in `Entity`.
        text: of the entity.
        code: the short code after a name; empty for all others.
    """

    rank: int
    kind: Literal["code", "address", "name", "number", "word"]
    text: str
    code: str = ""

    def made(self) -> tuple[str, ...]:
        """Return its keys, most trusted first; may be empty."""
        if self.code:
            return compound_keys(self.text.removesuffix(self.code).strip(), self.code)
        if self.kind in ("name", "word"):
            exact = word_key(self.text)
            return (*((exact,) if exact else ()), *sound_keys(self.text))
        key = _KEY[self.kind](self.text)
        return (key,) if key else ()


def candidates(found: Sequence[Run], *, generous: bool) -> Iterator[Candidate]:
    """Yield the candidates of a text in order, with repetitions.

    Args:
        found: runs of the text.
        generous: take every word, as of a query.
    """
    words: list[Word] = []
    before: Run | None = None
    for run in found:
        yield from _after_name(before, run, generous)
        if run.kind == "cased":
            yield from _coded(run.text)
            words += _words(run, first=before is None)
        elif run.kind == "kana":
            if len(run.text) >= 3:
                yield _named(2, run.text)
        elif run.kind == "spaced":
            yield from _uncased(run.text, generous)
        elif generous and len(run.text) >= 2:
            yield _word(run.text)
        before = run
    share = len(words) / max(1, sum(1 for run in found if run.kind != "cased") + len(words))
    yield from _cased(words, share, generous)


def _after_name(before: Run | None, run: Run, generous: bool) -> Iterator[Candidate]:
    """A word and the short code after it: ISO 9001, Lumo 2, लूमो 2; grouped digits: 1 000."""
    if before is None or run.before not in ("", " ") or run.kind != "cased":
        return
    if not _SHORT_CODE.fullmatch(run.text):
        return
    if before.kind == "cased":
        if run.before == " " and before.text.isdigit() and len(run.text) == 3:
            yield Candidate(4, "number", f"{before.text} {run.text}")
        elif not before.text.isalpha() or not (generous or before.text[0].isupper()):
            return
    elif before.kind not in ("kana", "spaced") or len(before.text) < 2:
        return
    if len(before.text) <= MAX_WORD and not before.text.isdigit():
        yield Candidate(1, "code", f"{before.text} {run.text}", run.text)


def _coded(text: str) -> Iterator[Candidate]:
    """Addresses, numbers and codes; words are left to `_cased`."""
    if text[-1] in "+#":
        yield Candidate(1, "code", text)
        return
    host = domain(text) if "." in text and len(text) <= MAX_ADDRESS else None
    if host:
        yield Candidate(0, "address", text)
        yield Candidate(1, "address", host)
    elif number_key(text):
        if len(text) >= 2:
            yield Candidate(0 if text.count(".") > 1 else 4, "number", text)
    elif any(char.isdigit() for char in text):
        if len(text) <= MAX_WORD:
            yield Candidate(0, "code", text)
        for part in JOINTS.split(text)[:MAX_PARTS] if JOINTS.search(text) else ():
            if part.isdigit():
                if len(part) >= 2:
                    yield Candidate(4, "number", part)
            elif not part.isalpha() and len(part) <= MAX_WORD:
                yield Candidate(1, "code", part)


def _words(run: Run, *, first: bool) -> list[Word]:
    """The words of one run; what joins them counts as what stands before the second."""
    if "://" in run.text or "@" in run.text:
        return []
    words: list[Word] = []
    least = MIN_BESIDE_DIGITS if any(char.isdigit() for char in run.text) else 1
    end = 0
    for match in _WORD.finditer(run.text):
        joint = run.text[end : match.start()]
        before = joint if end else run.before + joint
        end = match.end()
        if least <= len(match[0]) <= MAX_WORD and match[0].isalpha():
            words.append(Word(match[0], None if first and not words else before))
    return words


def _cased(words: Sequence[Word], share: float, generous: bool) -> Iterator[Candidate]:
    is_name, shouted = names(words)
    latin = sum(1 for word in words if _LATIN.fullmatch(word.text))
    foreign = share * latin / max(1, len(words)) < FOREIGN_SHARE
    for place, word in enumerate(words):
        text = word.text
        if len(text) < 2:
            continue
        marked = (is_acronym(text) or is_mixed(text)) and not shouted[place]
        if marked or (foreign and _LATIN.fullmatch(text)):
            yield _named(1, text)
        elif is_name[place]:
            yield _named(3, text)
        elif generous and len(text) >= 3:
            yield _word(text)


def _uncased(text: str, generous: bool) -> Iterator[Candidate]:
    """A word of a script without case; nothing but its length and its use tells of a name."""
    if not 3 - generous <= len(text) <= MAX_WORD:
        return
    if generous:
        yield _word(text)
    elif text not in _function_words() and not _ARTICLE.match(text):
        yield _named(5, text)
    bare = _PARTICLE.sub("", text)
    if bare != text:
        yield _word(bare) if generous else _named(5, bare)


def _named(rank: int, text: str) -> Candidate:
    return Candidate(rank, "name", text)


def _word(text: str) -> Candidate:
    return Candidate(6, "word", text)


@functools.cache
def _function_words() -> frozenset[str]:
    return frozenset().union(*load_words().function_words.values())
