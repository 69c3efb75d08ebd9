"""What a bi-encoder is taught with: the table of its pairs, and those kept for the figures."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from opensearch_clir.encoders.base import Encoder
from opensearch_clir.encoders.texts import well_formed
from opensearch_clir.errors import DataError
from opensearch_clir.training import own_corpus
from opensearch_clir.training.batches import Row
from opensearch_clir.training.bi_encoder_config import BiEncoderConfig
from opensearch_clir.training.lessons import lessons
from opensearch_clir.training.own_pairs import own_examples
from opensearch_clir.training.pairs import ENGLISH, Example, drawn, examples
from opensearch_clir.training.workspace import Report

__all__ = ["Table", "digest", "held_out", "pairs_of", "table"]

#: Pairs kept for the figures alone, at most, and at most this share of all.
HELD_OUT, HELD_SHARE = 100, 0.1


@dataclass(frozen=True)
class Table:
    """Pairs as columns of texts, with what their batches need to know.

    Attributes:
        columns: ``query``, ``text`` and ``negative_1`` and so on, each of n texts.
        rows: n of them.
        english: the English side of each translation, empty where a pair is none.
    """

    columns: dict[str, list[str]]
    rows: list[Row]
    english: list[str]


def pairs_of(config: BiEncoderConfig, report: Report) -> list[Example]:
    """Return the pairs of `data` and of `corpus`, drawn at random, in random order.

    Raises:
        ConfigurationError: there is no such folder.
        DataError: there is nothing to learn from, or a file is malformed.
    """
    found = [] if config.data is None else examples(config.data, config)
    rng = np.random.default_rng(config.seed)
    if config.corpus is not None:
        documents, refused = own_corpus.documents(config.corpus, config.title, config.text)
        report(own_corpus.told(documents, refused))
        found += drawn(own_examples(documents, rng), config.documents, rng)
    if len(found) < 2:
        raise DataError("there are no pairs to train on: all of them are limited to 0")
    return [found[i] for i in rng.permutation(len(found))]


def digest(found: Sequence[Example]) -> str:
    """Return the SHA-256 of pairs, in hex digits."""
    text = json.dumps([astuple(example) for example in found])
    return hashlib.sha256(text.encode()).hexdigest()


def held_out(found: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Return pairs for the figures, one of each group, and those to train on.

    All others of a group that is kept for the figures are left out.
    """
    sizes = Counter(example.group for example in found)
    kept: set[str] = set()
    left = int(len(found) * HELD_SHARE)
    for group, size in sizes.items():
        if size <= left and len(kept) < HELD_OUT:
            kept.add(group)
            left -= size
    held = {example.group: example for example in found if example.group in kept}
    return list(held.values()), [example for example in found if example.group not in kept]


def table(
    found: Sequence[Example], encoder: Encoder | None, negatives: int, seed: int, longest: int
) -> Table:
    """Return the table of pairs, with negatives that are near by the vectors of an encoder.

    Pairs that have no negative are left out; those with fewer than asked for have some twice.

    Args:
        found: the pairs.
        encoder: looks for negatives; None for a table without.
        negatives: of each pair, at most.
        seed: of the choice among near texts.
        longest: characters of a text that are kept.

    Raises:
        DataError: no pair has a negative.
        EncoderError: the encoder returned unusable vectors.
    """
    columns = {"query": [e.query for e in found], "text": [e.text for e in found]}
    rows = [Row(e.lang, frozenset((e.group, e.query, e.text))) for e in found]
    english = [_english(example) for example in found]
    if encoder is None or not negatives:
        return Table(_clean(columns, longest), rows, english)
    made = lessons(found, encoder, negatives, seed)
    kept = [i for i, lesson in enumerate(made) if len(lesson.texts) > 1]
    if not kept:
        raise DataError("no pair has a text of another group that could be its negative")
    columns = {name: [texts[i] for i in kept] for name, texts in columns.items()}
    for place in range(negatives):
        others = [made[i].texts[1:] for i in kept]
        columns[f"negative_{place + 1}"] = [texts[place % len(texts)] for texts in others]
    rows = [
        Row(rows[i].lang, rows[i].own, frozenset((*made[i].groups[1:], *made[i].texts[1:])))
        for i in kept
    ]
    return Table(_clean(columns, longest), rows, [english[i] for i in kept])


def _english(example: Example) -> str:
    if not example.translated:
        return ""
    asked = example.query if example.query_lang == ENGLISH else ""
    return asked or (example.text if example.lang == ENGLISH else "")


def _clean(columns: dict[str, list[str]], longest: int) -> dict[str, list[str]]:
    return {
        name: well_formed([text[:longest] for text in texts]) for name, texts in columns.items()
    }
