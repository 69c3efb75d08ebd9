"""Which language each token of a query is in.

A hidden Markov model over tokens: languages are states, a token's script, words and letters the
emission, and a language is left rarely (Rabiner 1989; for code-switching King and Abney 2013).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.language.romanised import ARTICLE, lexicon
from opensearch_clir.language.scripts import COMMON
from opensearch_clir.language.tokens import MAX_TOKENS, Token, tokenize
from opensearch_clir.language.word_evidence import (
    STATES,
    State,
    evidence,
    share,
    spelled_with_digits,
)
from opensearch_clir.language.words import load_words
from opensearch_clir.languages import UND

__all__ = ["TokenSpan", "token_spans"]

#: Probability that the next token is in the same language, before a language is drawn anew.
STAY = 0.6

#: Shares of the languages drawn anew: those of the whole text, English, all alike.
OF_TEXT, OF_ENGLISH, OF_ALL = 0.7, 0.2, 0.1

#: A language that is not configured, against one that is; and a romanised one, before its
#: evidence has to pass `TYPED_CLEAR`.
UNCONFIGURED = 0.2
ROMANISED = 3.0

#: A romanised language is believed in where it makes the whole text so much more likely (natural
#: log). Of Arabic words only the consonants can be compared, so that chance finds more of them.
TYPED_CLEAR, TYPED_DEFAULT = {"hi": 2.0, "ar": 8.0}, 3.0

#: What is asked on top where a Latin word has accents: who types those has the keyboard.
TYPED_ACCENTED = 6.0

#: It is tried only where it leads on so many tokens, by so much in all: a name is no Arabic.
TYPED_TOKENS, TYPED_HOPE = 2, 2.0

#: Times that the shares of the languages are estimated.
PASSES = 2

#: Probabilities below are not given.
_NEGLIGIBLE = 0.005

#: Letters of the longest acronym.
MAX_ACRONYM = 5

Floats = NDArray[np.float64]

#: How a token is written: ``acronym`` all in capitals, ``capital`` at its start inside a
#: text, ``accented`` with letters beyond a to z.
Name = Literal["", "acronym", "accented", "capital"]

_ROMANISED = np.array([state.romanised for state in STATES])


@dataclass(frozen=True)
class TokenSpan:
    """One token and its languages.

    Attributes:
        start: of its first character in the text.
        end: after its last character.
        word: normal form (NFKC, lower case).
        kind: ``word``, or ``neutral``: numbers, codes, addresses, and names in no word list.
        probabilities: language code -> probability, in [0.005, 1]; sums to at most 1.
        romanised: language whose word it is in Latin letters, if that is more likely than not.
        known: languages whose word list has it, of those in `probabilities`, the text's main one
            and English.
        functional: languages (any) of which it is a function word.
        capital: whether it starts with a capital letter inside the text.
    """

    start: int
    end: int
    word: str
    kind: Literal["word", "neutral"]
    probabilities: dict[str, float]
    romanised: str | None = None
    known: frozenset[str] = frozenset()
    functional: frozenset[str] = frozenset()
    capital: bool = False

    @property
    def language(self) -> str:
        """The most probable language; ties go to the first code in order."""
        found = self.probabilities
        return min(found, key=lambda code: (-found[code], code)) if found else UND


def token_spans(
    text: str, posterior: LanguagePosterior, languages: Collection[str]
) -> tuple[TokenSpan, ...]:
    """Return the tokens of a query with the language of each.

    Args:
        text: any string; only the first `tokens.MAX_TOKENS` tokens are looked at.
        posterior: languages of the text as a whole, from any detector.
        languages: the configured ones; others are thought of too, but as less likely.
    """
    tokens = tokenize(text, MAX_TOKENS)
    if not tokens:
        return ()
    emissions = evidence(tokens)
    names = _names(text, tokens)
    _temper(emissions, names)
    fresh = renewal(posterior, languages)
    typed = _typed(emissions, fresh, TYPED_ACCENTED * ("accented" in names))
    allowed = np.array([not s.romanised or s.code == typed for s in STATES])
    fresh = np.where(allowed, fresh, 0.0) / fresh[allowed].sum()
    for _ in range(PASSES):
        found, _ = forward_backward(emissions, fresh)
        # What was found is what a switch most likely goes back to.
        fresh = OF_TEXT * found.mean(axis=0) + (1 - OF_TEXT) * fresh
    main = int(np.argmax(found.sum(axis=0)))
    return tuple(
        _span(token, row, main, name) for token, row, name in zip(tokens, found, names, strict=True)
    )


def _names(text: str, tokens: Sequence[Token]) -> list[Name]:
    """Return of each token whether it is written like a name or an acronym."""
    if all(text[token.start : token.end].isupper() for token in tokens):
        return [""] * len(tokens)
    found: list[Name] = []
    for number, token in enumerate(tokens):
        word = text[token.start : token.end]
        if word.isupper() and 1 < len(word) <= MAX_ACRONYM:
            found.append("acronym")
        elif number and word[0].isupper():
            found.append("capital")
        else:
            found.append("accented" if token.script == "Latn" and not word.isascii() else "")
    return found


def _temper(emissions: Floats, names: Sequence[Name]) -> None:
    """Take from acronyms what their letters say; names and accented words are not romanised."""
    emissions[[name == "acronym" for name in names]] = 0.0
    rows = np.array([name in ("capital", "accented") for name in names])
    best = emissions[:, ~_ROMANISED].max(axis=1)
    emissions[np.ix_(rows, _ROMANISED)] = np.minimum(
        emissions[np.ix_(rows, _ROMANISED)], best[rows][:, None]
    )


def _typed(emissions: Floats, fresh: Floats, doubt: float) -> str | None:
    """Return the romanised language that the text is clearly in, in part at least."""
    plain = ~_ROMANISED
    best = emissions[:, plain].max(axis=1)
    _, without = forward_backward(emissions[:, plain], fresh[plain] / fresh[plain].sum())
    scores = {}
    for place in np.flatnonzero(~plain).tolist():
        lead = emissions[:, place] - best
        if lead.clip(min=0).sum() < TYPED_HOPE or (lead > 0).sum() < TYPED_TOKENS:
            continue
        states = plain.copy()
        states[place] = True
        _, score = forward_backward(emissions[:, states], fresh[states] / fresh[states].sum())
        scores[STATES[place].code] = score - without
    if not scores:
        return None
    likeliest = max(scores, key=lambda code: (scores[code], code))
    needed = TYPED_CLEAR.get(likeliest, TYPED_DEFAULT) + doubt
    return likeliest if scores[likeliest] >= needed else None


def renewal(posterior: LanguagePosterior, languages: Collection[str]) -> Floats:
    """Return how likely each of `STATES` is where a language is drawn anew; sums to 1."""
    text = np.array(
        [0.0 if s.romanised else posterior.probabilities.get(s.code, 0.0) for s in STATES]
    )
    every = np.array(
        [
            (1.0 if s.code in languages else UNCONFIGURED) * (ROMANISED if s.romanised else 1.0)
            for s in STATES
        ]
    )
    english = np.array([s == State("en") for s in STATES], dtype=np.float64)
    every /= every.sum()
    # What the detector leaves open may be anything.
    text = text + max(0.0, 1.0 - text.sum()) * every
    result: Floats = OF_TEXT * text / text.sum() + OF_ENGLISH * english + OF_ALL * every
    return result


def forward_backward(emissions: Floats, fresh: Floats) -> tuple[Floats, float]:
    """Return the posterior of each state for each token, and the log likelihood of them all.

    The posterior has shape (tokens, states); its rows sum to 1.

    Linear in tokens times states, because every language is left for any other alike.

    Args:
        emissions: log likelihoods, shape (tokens, states).
        fresh: probabilities of a state drawn anew, shape (states,), sum 1.
    """
    best = emissions.max(axis=1, keepdims=True)
    likely = np.exp(emissions - best)
    score = float(best.sum())
    forward = np.empty_like(likely)
    before = fresh
    for place, row in enumerate(likely):
        forward[place] = row * before
        scale = forward[place].sum()
        score += float(np.log(scale))
        forward[place] /= scale
        before = STAY * forward[place] + (1 - STAY) * fresh
    backward = np.ones(likely.shape[1])
    found = np.empty_like(likely)
    for place in range(len(likely) - 1, -1, -1):
        found[place] = forward[place] * backward
        found[place] /= found[place].sum()
        after = likely[place] * backward
        backward = STAY * after + (1 - STAY) * float(fresh @ after)
        backward /= backward.max()
    return found, score


def _span(token: Token, row: Floats, main: int, name: Name) -> TokenSpan:
    merged: dict[str, float] = {}
    romanised = None
    for place in np.flatnonzero(row >= _NEGLIGIBLE).tolist():
        state, p = STATES[place], float(row[place])
        merged[state.code] = merged.get(state.code, 0.0) + p
        if state.romanised and p > 0.5 and _spells(token):
            romanised = state.code
    known = {code for code in {*merged, STATES[main].code, "en"} if _lists(code, token.word)}
    if romanised and share(token.word, State(romanised, True)) > 0:
        known.add(romanised)
    # Scripts that no list covers tell their language by themselves.
    told = token.kind == "word" and token.script not in ("Latn", COMMON)
    return TokenSpan(
        start=token.start,
        end=token.end,
        word=token.word,
        kind="word" if name != "acronym" and (known or told or romanised) else "neutral",
        capital=name == "capital",
        probabilities=dict(sorted(merged.items())),
        romanised=romanised,
        known=frozenset(known),
        functional=functional(token.word, romanised),
    )


def _spells(token: Token) -> bool:
    return token.script == "Latn" and (token.kind == "word" or spelled_with_digits(token.word))


def _lists(code: str, word: str) -> bool:
    words = load_words()
    return word in words.shares.get(code, ()) or word in words.function_words.get(code, ())


def functional(word: str, romanised: str | None = None) -> frozenset[str]:
    """Return the languages of which a word in lower case is a function word."""
    lists = load_words().function_words
    found = {code for code, words in lists.items() if word in words}
    if romanised:
        native = lexicon(romanised).restore(word)
        if native == ARTICLE or native in lists.get(romanised, ()):
            found.add(romanised)
    return frozenset(found)
