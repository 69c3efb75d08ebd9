"""What one word by itself says about its language: script, word lists, then letters."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.language.ngrams import LetterModel
from opensearch_clir.language.romanised import ROMANISED, lexicon
from opensearch_clir.language.scripts import languages_of
from opensearch_clir.language.tokens import MAX_WORD, Token
from opensearch_clir.language.words import load_words
from opensearch_clir.languages import LANGUAGES

__all__ = ["STATES", "State", "evidence", "share", "spelled_with_digits"]

#: Log likelihood of a language that does not use the token's script.
IMPOSSIBLE = -60.0

#: Least share of running words that no list has.
MIN_UNKNOWN = 0.02

#: The same for romanised languages, whose spelling is free.
ROMANISED_UNKNOWN = 0.15

#: Factor on the log probability of letters: neighbouring trigrams overlap.
LETTER_TEMPERATURE = 0.8

#: Romanised languages whose writers use English words as they are, and the chance that an English
#: word with a native counterpart (alarm, अलार्म) is meant as a native one.
MIXES_ENGLISH, LOANWORD = ("hi",), 0.05

#: A language without a list, or with a short one: so many words make a list.
FULL_LIST = 1_000


@dataclass(frozen=True)
class State:
    """What a word can be: a language in its own script, or typed in Latin letters."""

    code: str
    romanised: bool = False

    @property
    def name(self) -> str:
        """``hi``, or ``hi-Latn`` where romanised."""
        return f"{self.code}-Latn" if self.romanised else self.code

    @property
    def script(self) -> str:
        """ISO 15924 code of the letters."""
        return "Latn" if self.romanised else LANGUAGES[self.code].script


#: All states, languages first.
STATES = (*(State(code) for code in LANGUAGES), *(State(code, True) for code in ROMANISED))
_PLACE = {state: place for place, state in enumerate(STATES)}


def evidence(tokens: Sequence[Token]) -> NDArray[np.float64]:
    """Return the log likelihood of each token in each of `STATES`, shape (tokens, states).

    Rows of tokens that are no words are 0 throughout. Only differences within a row mean anything.
    """
    kana = any(token.script in ("Kana", "Jpan") for token in tokens)
    rows = np.zeros((len(tokens), len(STATES)))
    for number, token in enumerate(tokens):
        if token.kind == "word":
            script = "Jpan" if kana and token.script == "Hani" else token.script
            rows[number] = _word(token.word[:MAX_WORD], script)
        elif token.script == "Latn" and spelled_with_digits(token.word):
            rows[number] = _word(token.word, "Latn")
    return rows


def share(word: str, state: State) -> float:
    """Return how frequent a word in lower case is in a state, 0 where its lists lack it."""
    words = load_words().shares
    if not state.romanised:
        return words.get(state.code, {}).get(word, 0.0)
    typed = words.get(state.name, {}).get(word, 0.0)
    found = lexicon(state.code).candidates(word)
    guessed = sum(c.share * math.exp(-c.cost) for c in found[:4])
    if state.code in MIXES_ENGLISH and not typed and word in words["en"]:
        guessed *= LOANWORD
    return 0.5 * typed + 0.5 * guessed if typed else 0.8 * guessed


@functools.lru_cache(maxsize=8192)
def _word(word: str, script: str) -> NDArray[np.float64]:
    row = np.full(len(STATES), IMPOSSIBLE)
    if script in ("Jpan", "Kana"):
        row[_PLACE[State("ja")]] = 0.0
        return row
    model = _model(script)
    if model is None:
        for code in languages_of(script):
            row[_PLACE[State(code)]] = 0.0
        return row
    letters = LETTER_TEMPERATURE * model.letters.log_probabilities(word)
    for column, (state, unknown) in enumerate(zip(model.states, model.unknown, strict=True)):
        known = share(word, state)
        row[_PLACE[state]] = math.log(known + unknown * math.exp(letters[column]))
    row.setflags(write=False)
    return row


@dataclass(frozen=True)
class _Model:
    """States of one script, share of their words that lists lack, and their letters."""

    states: tuple[State, ...]
    unknown: tuple[float, ...]
    letters: LetterModel


@functools.cache
def _model(script: str) -> _Model | None:
    """Return the model of a script, None where the script says all there is to say."""
    languages = languages_of(script)
    if script == "Hani" or len(languages) < 2:
        return None
    shares = load_words().shares
    states = [
        State(code)
        for code in languages
        if LANGUAGES[code].script == script and len(shares.get(code, ())) >= FULL_LIST
    ]
    lists = [list(shares[state.code]) for state in states]
    unknown = [max(MIN_UNKNOWN, 1.0 - sum(shares[state.code].values())) for state in states]
    if script == "Latn":
        for code in ROMANISED:
            states.append(State(code, True))
            lists.append(lexicon(code).romanised + list(shares.get(f"{code}-Latn", ())))
            unknown.append(ROMANISED_UNKNOWN)
    return _Model(tuple(states), tuple(unknown), LetterModel(lists))


def spelled_with_digits(word: str) -> bool:
    """Whether digits in a Latin token stand for letters: ``3ala`` in Arabic, ``8elw`` in Greek."""
    digits = [char for char in word if not char.isalpha()]
    return (
        3 <= len(word) <= MAX_WORD
        and len(digits) * 2 < len(word)
        and all(char in "2356789" for char in digits)
        and not word[-2:].isdigit()
    )
