"""Which capitalised words of a text are names: where capitals say something, and where not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Word", "is_acronym", "is_capitalised", "is_mixed", "names"]

#: A line in which this share of the longer words after the first is capitalised is a title.
TITLE_SHARE = 0.6

#: Letters from which a word has a capital in every title.
NEVER_SMALL = 6

#: Words of the longest title.
TITLE_WORDS = 12

#: A text in which this share of the words within sentences is capitalised capitalises nouns.
NOUN_SHARE = 0.2

#: Words within sentences that are needed to tell.
NOUN_WORDS = 8

#: German prepositions that stand before a name without an article between them.
_BEFORE_NAMES = frozenset(
    ("in", "aus", "nach", "bei", "von", "mit", "für", "an", "über", "durch", "gegen", "ohne", "um")
)

_STOP = re.compile('[.!?:;¿¡…•·|"“”„«»‹›\n。！？।—–]')


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a script with case.

    Attributes:
        text: its letters, at least one.
        before: what stands between it and the run before it; None at the start of the text.
    """

    text: str
    before: str | None

    @property
    def starts(self) -> bool:
        """Whether a sentence, line or quotation may start here, so that a capital says nothing."""
        return self.before is None or _STOP.search(self.before) is not None


def is_acronym(word: str) -> bool:
    """All capitals, at least two: BMW."""
    return len(word) >= 2 and word.isupper()


def is_mixed(word: str) -> bool:
    """A capital inside the word: iPhone, OpenSearch."""
    return len(word) >= 3 and not word.isupper() and not word[1:].islower()


def is_capitalised(word: str) -> bool:
    """A capital and then none: Tokyo."""
    return len(word) >= 3 and word[0].isupper() and word[1:].islower()


def names(words: Sequence[Word]) -> tuple[list[bool], list[bool]]:
    """Tell for each word whether its capitals make it a name, and whether its line is shouted.

    A capitalised word counts within a sentence, unless it is also written without capital in the
    text, or stands in a title, or the text capitalises nouns as German does: there only after
    another capitalised word, or after a preposition that takes an article before a noun.

    Returns:
        Two lists of ``len(words)``. In a shouted line acronyms are ordinary words.
    """
    small = {word.text for word in words if word.text.islower()}
    titled, shouted = [False] * len(words), [False] * len(words)
    for start, end in _lines(words):
        line = words[start:end]
        later = [w.text for w in line[1:] if len(w.text) >= 4]
        capital = sum(1 for w in later if not w.islower())
        title = len(later) >= 2 and len(line) <= TITLE_WORDS
        title = title and capital >= TITLE_SHARE * len(later)
        title = title and not any(w.islower() and len(w) >= NEVER_SMALL for w in later)
        upper = sum(1 for w in line if len(w.text) >= 2 and w.text.isupper())
        shout = len(line) >= 4 and upper >= 0.8 * len(line)
        titled[start:end] = [title] * len(line)
        shouted[start:end] = [shout] * len(line)
    inner = [i for i, w in enumerate(words) if not w.starts and not titled[i] and len(w.text) >= 3]
    capital = sum(1 for i in inner if is_capitalised(words[i].text))
    nouns = len(inner) >= NOUN_WORDS and capital > NOUN_SHARE * len(inner)
    is_name = [False] * len(words)
    for i in inner:
        text = words[i].text
        if is_capitalised(text) and text.lower() not in small:
            is_name[i] = not nouns or _introduced(words, i)
    return is_name, shouted


def _introduced(words: Sequence[Word], place: int) -> bool:
    """Whether a capitalised word follows another one, or a preposition without an article."""
    before = words[place - 1]
    if words[place].before != " ":
        return False
    follows = is_capitalised(before.text) and not before.starts
    return before.text in _BEFORE_NAMES or follows


def _lines(words: Sequence[Word]) -> list[tuple[int, int]]:
    starts = [i for i, word in enumerate(words) if i == 0 or "\n" in (word.before or "")]
    return list(zip(starts, [*starts, len(words)][1:], strict=True))
