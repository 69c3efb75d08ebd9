"""What transformers learn from: pairs of texts that belong together, drawn from a data folder."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opensearch_clir.errors import DataError
from opensearch_clir.languages import UND
from opensearch_clir.training import corpora
from opensearch_clir.training.corpora import bitexts, check, pages, word_pairs
from opensearch_clir.training.pair_limits import PairLimits

__all__ = ["Example", "drawn", "examples"]

#: A file gives at most this part of the sentences, so that no text fills them alone.
FILES = 10

ENGLISH = "en"


@dataclass(frozen=True)
class Example:
    """A question and a text that belong together.

    Attributes:
        query, text: the two.
        group: what they are about; texts of one group are no negatives of one another.
        query_lang, lang: their language tags.
        translated: whether the two say the same.
    """

    query: str
    text: str
    group: str
    query_lang: str = UND
    lang: str = UND
    translated: bool = False


def examples(data: Path, limits: PairLimits) -> list[Example]:
    """Return the pairs of a data folder, drawn at random, in random order.

    Raises:
        ConfigurationError: there is no such folder.
        DataError: it holds nothing to learn from, or a file is malformed.
    """
    check(data)
    rng = np.random.default_rng(limits.seed)
    found = [
        *drawn(_sentences(data, limits.sentences, rng), limits.sentences, rng),
        *drawn(_titles(data, rng) if limits.pages else (), limits.pages, rng),
        *drawn(_words(data) if limits.words else (), limits.words, rng),
        *drawn(_questions(data) if limits.questions else (), limits.questions, rng),
    ]
    if len(found) < 2:
        raise DataError(f"{data} holds no pairs to train on")
    return [found[i] for i in rng.permutation(len(found))]


def drawn(found: Iterable[Example], most: int, rng: np.random.Generator) -> list[Example]:
    """Return at most so many, each equally likely, in one pass (Vitter's algorithm R)."""
    kept: list[Example] = []
    draw = random.Random(int(rng.integers(1 << 32)))  # noqa: S311 - no secret
    for number, example in enumerate(found):
        if number < most:
            kept.append(example)
        elif (place := draw.randrange(number + 1)) < most:
            kept[place] = example
    return kept


def _sentences(data: Path, most: int, rng: np.random.Generator) -> Iterator[Example]:
    """Yield sentences with their translations, one or the other asked, as evenly as there are."""
    if not most:
        return
    by_language: dict[str, list[Example]] = defaultdict(list)
    for text in bitexts(data):
        rows = rng.permutation(len(text.english))[: max(1, most // FILES)]
        for i in rows.tolist():
            pair = ((ENGLISH, text.english[i]), (text.lang, text.other[i]))
            if all(part.strip() for _, part in pair):
                (asked, query), (lang, answer) = pair if rng.random() < 0.5 else pair[::-1]
                group = f"sentence {text.english[i]}"
                by_language[text.lang].append(Example(query, answer, group, asked, lang, True))
    each = -(-most // max(1, len(by_language)))
    for language in sorted(by_language):
        yield from drawn(by_language[language], each, rng)


def _titles(data: Path, rng: np.random.Generator) -> Iterator[Example]:
    """Yield titles with the text of the page, or of a translation of it."""
    by_group = defaultdict(list)
    for page in pages(data):
        by_group[page.group].append(page)
    for group in sorted(by_group):
        members = by_group[group]
        for page in members:
            if page.title.strip():
                other = members[int(rng.integers(len(members)))]
                yield Example(page.title, other.text, group, page.lang, other.lang)


def _words(data: Path) -> Iterator[Example]:
    for _, asked, one, lang, other in word_pairs(data):
        yield Example(one, other, f"word {one}", asked, lang, True)


def _questions(data: Path) -> Iterator[Example]:
    """Yield questions with the passage that answers them."""
    for found in corpora.questions(data):
        group = f"question {found.group or found.passage}"
        yield Example(found.text, found.passage, group, found.lang, found.passage_lang)
