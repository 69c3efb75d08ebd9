"""Rows of the table ``switched``: code-switched sentences and what they mean.

Sentence pairs and dictionaries give them, see `switching`. The matrix is English or the other
language, half of the rows each; a row's partner is the sentence in the language that is not the
matrix, or the sentence itself before words were replaced. Where the package knows how a language
is typed in Latin letters, half of its rows are romanised.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.language.romanised import ROMANISED
from opensearch_clir.language.tokens import tokenize
from opensearch_clir.languages import canonical
from opensearch_clir.training.mixture import Mixture, Rows
from opensearch_clir.training.switching import Entries, entries, matches, romanised, switch

if TYPE_CHECKING:
    from opensearch_clir.training.tokenized import Tables

__all__ = ["RATES", "Switched", "common_words", "made"]

#: Shares of the words with an entry that are replaced, one drawn for each row.
RATES = (0.15, 0.3, 0.5)

#: Share of rows whose partner is the sentence itself before words were replaced.
OWN = 0.3

#: Share of rows in Latin letters, of the languages that can be romanised.
IN_LATIN = 0.5

#: Sentences drawn for each row: some have no word with an entry.
SPARE = 2

#: Words in more than one of so many sentences, and in more than so many, are grammar.
GRAMMAR_SHARE, GRAMMAR_LEAST = 30, 10

#: Sentences of a language that its grammar is found in.
SAMPLE = 2000

_SALT = 0x5717C4


@dataclass(frozen=True)
class Switched:
    """A row: the code-switched text; numbers of its partner, its English sentence and its file."""

    text: str
    partner: int
    english: int
    file: int


def made(texts: Sequence[str], tables: Tables, count: int, seed: int) -> Iterator[Switched]:
    """Yield about `count` rows, fewer where dictionaries are thin; the same for the same arguments.

    Languages and sources of the sentence pairs weigh as in the default `Mixture`.

    Args:
        texts: by number.
        tables: with pairs, words, senses, English texts and files.
        count: rows at most.
        seed: at least 0.
    """
    if not (count and len(tables.pairs)):
        return
    rng = np.random.default_rng((seed, _SALT))
    drawn = Rows(tables.pairs[:, 2], tables.files, Mixture()).draw(rng, SPARE * count, False)
    dictionaries = _Dictionaries(texts, tables)
    langs = dictionaries.codes[tables.pairs[drawn, 2]]
    for number, code in enumerate(np.unique(langs).tolist()):
        pairs = tables.pairs[drawn[langs == code]]
        words = dictionaries.translations(code)
        language = _Language(
            code,
            entries(words),
            entries((other, english) for english, other in words),
            common_words(texts[i] for i in pairs[:SAMPLE, 0]),
            common_words(texts[i] for i in pairs[:SAMPLE, 1]),
        )
        rows = language.rows(texts, pairs, np.random.default_rng((seed, _SALT, number)))
        yield from islice(rows, len(pairs) // SPARE)


class _Dictionaries:
    """Words between English and other languages, from the tables ``words`` and ``senses``."""

    def __init__(self, texts: Sequence[str], tables: Tables) -> None:
        self.texts, self.tables = texts, tables
        self.codes = np.array([_code(name.rsplit(".", 1)[1]) for name in tables.files])
        self.english_first = np.isin(tables.words[:, 0], tables.english)
        self.english: dict[int, list[str]] = defaultdict(list)
        for text, meaning, _ in tables.senses[self.codes[tables.senses[:, 2]] == "en"].tolist():
            self.english[meaning].append(texts[text])

    def translations(self, code: str) -> list[tuple[str, str]]:
        """Return (English, other) words of a language: of dictionaries, then of meanings."""
        words, senses, texts = self.tables.words, self.tables.senses, self.texts
        own = self.codes[words[:, 2]] == code
        found = [
            (texts[one], texts[other]) if english else (texts[other], texts[one])
            for (one, other, _), english in zip(
                words[own].tolist(), self.english_first[own].tolist(), strict=True
            )
        ]
        for text, meaning, _ in senses[self.codes[senses[:, 2]] == code].tolist():
            found += [(word, texts[text]) for word in self.english.get(meaning, ())]
        return found


@dataclass(frozen=True)
class _Language:
    """What is needed to switch between English and one language."""

    code: str
    from_english: Entries
    to_english: Entries
    common_english: frozenset[str]
    common_other: frozenset[str]

    def rows(
        self, texts: Sequence[str], pairs: np.ndarray, rng: np.random.Generator
    ) -> Iterator[Switched]:
        """Yield a row for each pair (n, 3) that has a word with an entry in the matrix drawn."""
        for english, other, file in pairs.tolist():
            foreign = bool(rng.random() < 0.5)
            text, partner = (texts[other], english) if foreign else (texts[english], other)
            if rng.random() < OWN:
                partner = other if foreign else english
            mixed = self._mixed(text, foreign, rng)
            if mixed is not None and mixed not in (text, texts[partner]):
                yield Switched(mixed, partner, english, file)

    def _mixed(self, text: str, foreign: bool, rng: np.random.Generator) -> str | None:
        text = unicodedata.normalize("NFKC", text)
        known = self.to_english if foreign else self.from_english
        common = self.common_other if foreign else self.common_english
        rate = RATES[int(rng.integers(len(RATES)))]
        spaced, in_latin = rng.random() < 0.5, rng.random() < IN_LATIN
        mixed = switch(text, matches(text, known, common), known, rate, rng, bool(spaced))
        if mixed is not None and in_latin and self.code in ROMANISED:
            return romanised(mixed, self.code)
        return mixed


def common_words(texts: Iterator[str]) -> frozenset[str]:
    """Return words in so many of the texts of one language that they are taken for grammar."""
    counts: Counter[str] = Counter()
    total = 0
    for text in texts:
        total += 1
        counts.update({token.word for token in tokenize(text)})
    least = max(GRAMMAR_LEAST, total / GRAMMAR_SHARE)
    return frozenset(word for word, count in counts.items() if count > least)


def _code(tag: str) -> str:
    """Return the language's code without region; one that the package doesn't know as it is."""
    try:
        return canonical(tag)
    except ConfigurationError:
        return tag.lower()
