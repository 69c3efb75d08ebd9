"""Words of other scripts typed in Latin letters: recognised, and put back into their script."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opensearch_clir.language.romanise import arabic, cyrillic, devanagari, greek
from opensearch_clir.language.spellings import load_spellings
from opensearch_clir.language.tokens import MAX_WORD
from opensearch_clir.language.words import load_words

__all__ = ["ARTICLE", "ROMANISED", "Candidate", "Lexicon", "lexicon", "romanise"]

#: Languages that are recognised in Latin letters and can be restored.
ROMANISED = ("ar", "bg", "el", "hi", "ru", "uk")

#: The Arabic article, written as a word of its own in Latin letters only.
ARTICLE = "ال"

#: Natural log of what each differing letter of a spelling costs.
EDIT_COST = 1.6

#: The same where short vowels are the writer's guess: each vowel typed costs this.
VOWEL_COST = 1.0

#: Spellings that cost more are of another word.
MAX_COST = 2.6

#: Least share of a native word whose spellings are listed: they are frequent in speech.
LISTED = 1e-3

#: Candidates of one key that are compared, most frequent first.
MAX_CANDIDATES = 24

_KEYS: dict[str, Callable[[str], str]] = {
    "ar": arabic.key,
    "bg": cyrillic.key,
    "el": greek.key,
    "hi": devanagari.key,
    "ru": cyrillic.key,
    "uk": cyrillic.key,
}


@dataclass(frozen=True)
class Candidate:
    """A native word for a Latin spelling.

    Attributes:
        native: the word in its script.
        share: of it among the running words of its language, in (0, 1).
        cost: natural log of how much less likely this spelling is than the usual one, >= 0.
    """

    native: str
    share: float
    cost: float


class Lexicon:
    """Native words of one language by their Latin spellings."""

    def __init__(self, code: str, shares: Mapping[str, float]) -> None:
        """Index native words.

        Args:
            code: one of `ROMANISED`.
            shares: native word -> share among the running words.
        """
        self.code = code
        self._key = _KEYS[code]
        self._spellings = load_spellings().get(code, {})
        self._shares = shares
        self._most = 60.0 if code == "ar" else MAX_COST
        self._by_key: dict[str, list[tuple[str, str]]] = {}
        for native in sorted(shares, key=lambda word: (-shares[word], word)):
            spelled = romanise(native, code)
            if spelled:
                self._by_key.setdefault(self._key(spelled), []).append((native, spelled))

    @property
    def romanised(self) -> list[str]:
        """Usual Latin spellings of all words."""
        return [spelled for found in self._by_key.values() for _, spelled in found]

    def typed(self, word: str) -> bool:
        """Whether people were seen to type a word in lower case in this language."""
        return word in self._spellings or word in load_words().shares.get(f"{self.code}-Latn", ())

    def candidates(self, word: str) -> list[Candidate]:
        """Return the native words that a Latin spelling in lower case may stand for, best first."""
        if len(word) > MAX_WORD:
            return []
        if (native := self._spellings.get(word)) is not None:
            return [Candidate(native, max(self._shares.get(native, 0.0), LISTED), 0.0)]
        found = self._by_key.get(self._key(word), [])[:MAX_CANDIDATES]
        if self.code == "el" and "x" in word:
            # Read as chi above; it may be xi.
            found = found + self._by_key.get(self._key(word.replace("x", "ks")), [])
        scored = [
            Candidate(native, self._shares[native], self._cost(word, spelled))
            for native, spelled in found
        ]
        near = [candidate for candidate in scored if candidate.cost <= self._most]
        return sorted(near, key=_rank, reverse=True)

    def restore(self, word: str) -> str | None:
        """Return the best native word for a Latin spelling in lower case; None if there is none.

        Russian, Ukrainian, Bulgarian and Greek fall back on letter by letter.
        """
        found = self.candidates(word)
        if found:
            return found[0].native
        if len(word) > MAX_WORD:
            return None
        if self.code == "el":
            return greek.restore(word)
        if self.code in ("ru", "bg", "uk"):
            return cyrillic.restore(word)
        return None

    def _cost(self, word: str, spelled: str) -> float:
        if self.code == "ar":
            return VOWEL_COST * (1 + sum(letter in "aeiouy" for letter in word))
        return EDIT_COST * edits(word, spelled)


@functools.cache
def lexicon(code: str) -> Lexicon:
    """Return the built-in lexicon of one of `ROMANISED` (a fraction of a second the first time)."""
    return Lexicon(code, load_words().shares[code])


def _rank(candidate: Candidate) -> tuple[float, str]:
    # exp(-cost) of the share, without underflow for absurdly long words.
    return candidate.share * 2.0 ** (-1.4427 * min(candidate.cost, 60.0)), candidate.native


def romanise(native: str, code: str) -> str:
    """Return the usual Latin spelling of a word in lower case, of one of `ROMANISED`; "" for none.

    Characters that are no letters of the language's script are left out.
    """
    if code == "hi":
        return devanagari.romanise(native)
    if code == "el":
        return greek.romanise(native)
    if code == "ar":
        return arabic.romanise(native)
    return cyrillic.romanise(native, code)


def edits(one: str, other: str) -> float:
    """Return the edit distance of two short words; doubling a letter costs half."""
    row = [0.0]
    for place, letter in enumerate(other):
        row.append(row[-1] + _gap(other, place, letter))
    for place, letter in enumerate(one):
        gap = _gap(one, place, letter)
        before, row = row, [row[0] + gap]
        for column, known in enumerate(other):
            row.append(
                min(
                    before[column + 1] + gap,
                    row[-1] + _gap(other, column, known),
                    before[column] + (letter != known),
                )
            )
    return row[-1]


def _gap(word: str, place: int, letter: str) -> float:
    """Cost of a letter that the other spelling lacks."""
    doubled = place > 0 and word[place - 1] == letter
    return 0.4 if doubled or letter in "hn" else 0.8
