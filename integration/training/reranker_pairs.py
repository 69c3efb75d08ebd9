"""What a cross-encoder learns from: pairs that belong together, and near ones that don't."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.encoders.base import Encoder, encode
from opensearch_clir.errors import DataError
from opensearch_clir.training.corpora import bitexts, check, pages, word_pairs
from opensearch_clir.training.reranker_config import RerankerConfig

__all__ = ["Example", "Lesson", "examples", "lessons"]

#: Texts nearer to the right one than this say the same, and are no negatives.
SAME = 0.95

#: Negatives are drawn from so many nearest texts: the very nearest are most often right, too.
NEAREST = 50

#: A file gives at most this part of the sentences, so that no text fills them alone.
FILES = 10

#: Rows of the similarity matrix at once.
BLOCK = 512


@dataclass(frozen=True)
class Example:
    """A question and a text that belong together.

    Attributes:
        query, text: the two.
        group: what they are about; texts of one group are no negatives of one another.
    """

    query: str
    text: str
    group: str


@dataclass(frozen=True)
class Lesson:
    """A question with the right text first, and near texts behind it."""

    query: str
    texts: tuple[str, ...]


def examples(config: RerankerConfig) -> list[Example]:
    """Return the pairs of a data folder, drawn at random, in random order.

    Raises:
        ConfigurationError: there is no such folder.
        DataError: it holds nothing to learn from, or a file is malformed.
    """
    check(config.data)
    rng = np.random.default_rng(config.seed)
    found = [
        *_drawn(_sentences(config, rng), config.sentences, rng),
        *_drawn(_titles(config, rng) if config.pages else (), config.pages, rng),
        *_drawn(_words(config) if config.words else (), config.words, rng),
    ]
    if len(found) < 2:
        raise DataError(f"{config.data} holds no pairs to train a cross-encoder on")
    return [found[i] for i in rng.permutation(len(found))]


def lessons(found: Sequence[Example], encoder: Encoder, negatives: int, seed: int) -> list[Lesson]:
    """Return each pair with texts of other groups that are near its question.

    Near by the encoder's vectors, whatever their language: these are what a first stage would bring
    up, too.

    Raises:
        EncoderError: the encoder returned unusable vectors.
    """
    rng = np.random.default_rng(seed)
    queries = encode(encoder, [e.query for e in found], "query")
    texts = encode(encoder, [e.text for e in found], "passage")
    groups = np.unique([e.group for e in found], return_inverse=True)[1]
    made = []
    for start in range(0, len(found), BLOCK):
        rows = slice(start, start + BLOCK)
        cosines = queries[rows] @ texts.T
        # Another text that says what the right one says would be a lie.
        alike = texts[rows] @ texts.T > SAME
        cosines[alike | (groups[rows, None] == groups[None, :])] = -np.inf
        for offset, line in enumerate(cosines):
            example = found[start + offset]
            others = tuple(found[i].text for i in _near(line, negatives, rng))
            made.append(Lesson(example.query, (example.text, *others)))
    return made


def _near(line: NDArray[np.float32], count: int, rng: np.random.Generator) -> list[int]:
    depth = min(NEAREST, len(line))
    near = np.argpartition(-line, depth - 1)[:depth]
    near = near[np.isfinite(line[near])]
    drawn = rng.choice(near, min(count, len(near)), replace=False)
    return [int(i) for i in drawn]


def _sentences(config: RerankerConfig, rng: np.random.Generator) -> Iterator[Example]:
    """Yield sentences with their translations, one or the other asked, as evenly as there are."""
    if not config.sentences:
        return
    by_language: dict[str, list[Example]] = defaultdict(list)
    for text in bitexts(config.data):
        rows = rng.permutation(len(text.english))[: max(1, config.sentences // FILES)]
        for i in rows.tolist():
            pair = (text.english[i], text.other[i])
            if all(part.strip() for part in pair):
                query, answer = pair if rng.random() < 0.5 else pair[::-1]
                by_language[text.lang].append(Example(query, answer, f"sentence {text.english[i]}"))
    each = -(-config.sentences // max(1, len(by_language)))
    for language in sorted(by_language):
        yield from _drawn(by_language[language], each, rng)


def _titles(config: RerankerConfig, rng: np.random.Generator) -> Iterator[Example]:
    """Yield titles with the text of the page, or of a translation of it."""
    by_group = defaultdict(list)
    for page in pages(config.data):
        by_group[page.group].append(page)
    for group in sorted(by_group):
        members = by_group[group]
        for page in members:
            if page.title.strip():
                other = members[int(rng.integers(len(members)))]
                yield Example(page.title, other.text, group)


def _words(config: RerankerConfig) -> Iterator[Example]:
    for _, _, one, _, other in word_pairs(config.data):
        yield Example(one, other, f"word {one}")


def _drawn(found: Iterable[Example], most: int, rng: np.random.Generator) -> list[Example]:
    """Return at most so many, each equally likely, in one pass (Vitter's algorithm R)."""
    kept: list[Example] = []
    draw = random.Random(int(rng.integers(1 << 32)))  # noqa: S311 - no secret
    for number, example in enumerate(found):
        if number < most:
            kept.append(example)
        elif (place := draw.randrange(number + 1)) < most:
            kept[place] = example
    return kept
