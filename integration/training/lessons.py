"""Near texts that don't belong: what a pair is told apart from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.encoders.base import Encoder, encode
from opensearch_clir.training.pairs import Example

__all__ = ["Lesson", "lessons"]

#: Texts nearer to the right one than this say the same, and are no negatives.
SAME = 0.95

#: Negatives are drawn from so many nearest texts: the very nearest are most often right, too.
NEAREST = 50

#: Rows of the similarity matrix at once.
BLOCK = 512


@dataclass(frozen=True)
class Lesson:
    """A question with the right text first, and near texts behind it.

    Attributes:
        query, texts: the question; the texts.
        groups: of the texts, see `Example`.
    """

    query: str
    texts: tuple[str, ...]
    groups: tuple[str, ...]


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
            chosen = [example, *(found[i] for i in _near(line, negatives, rng))]
            shown, kinds = tuple(e.text for e in chosen), tuple(e.group for e in chosen)
            made.append(Lesson(example.query, shown, kinds))
    return made


def _near(line: NDArray[np.float32], count: int, rng: np.random.Generator) -> list[int]:
    depth = min(NEAREST, len(line))
    near = np.argpartition(-line, depth - 1)[:depth]
    near = near[np.isfinite(line[near])]
    drawn = rng.choice(near, min(count, len(near)), replace=False)
    return [int(i) for i in drawn]
