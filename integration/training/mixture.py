"""How a batch is mixed, what a batch is, and drawing rows with weighed files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, TypeVar

import numpy as np
from pydantic import ConfigDict, Field

from opensearch_clir.training.arrays import Ints

__all__ = ["AtLeast0", "AtLeast1", "Batch", "Kind", "Mixture", "Rows"]

Kind = Literal["sentences", "windows", "switched", "pages", "words", "senses", "questions"]

Number = TypeVar("Number", int, float)
AtLeast0 = Annotated[Number, Field(ge=0)]
AtLeast1 = Annotated[Number, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class Mixture:
    """Shares of the kinds of pairs and how languages and sources are weighed.

    A file of n rows, of its language's N, weighs ``min(n, source_cap) ** source_exponent``
    within the language; a language weighs the sum of its ``min(n, source_cap)`` to the power
    `language_exponent`.

    Attributes:
        shares: of the kinds in a batch, relative; a kind without rows falls out, and one without a
            share is left out of the start as well, see `signals`.
        language_exponent: 0 makes languages equal, 1 leaves them as they are.
        source_exponent: the same for the files of a language.
        source_cap: rows of a file that count.
        pivot: share of sentence pairs whose English side is replaced by a third language.
        focus: probability that a batch's sentences all come from one source (harder negatives).
        same_page: share of page questions answered by the very page, not by a translation.
        window: sentences or lines in a passage, at most.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    shares: dict[Kind, AtLeast0[float]] = field(
        default_factory=lambda: {
            "sentences": 0.46,
            "windows": 0.16,
            "switched": 0.06,
            "pages": 0.2,
            "words": 0.12,
            "senses": 0.06,
            "questions": 0.1,
        }
    )
    language_exponent: Probability = 0.5
    source_exponent: Probability = 0.75
    source_cap: AtLeast1[int] = 8000
    pivot: Probability = 0.35
    focus: Probability = 0.5
    same_page: Probability = 0.35
    window: Annotated[int, Field(ge=2)] = 5


@dataclass(frozen=True)
class Batch:
    """Two sides of n rows.

    Attributes:
        left: (row numbers, text numbers), rows ascending, each row at least once.
        right: the same; row i of it belongs to row i on the left.
        keys: (n,) int64; rows with equal keys are about the same thing.
    """

    left: tuple[Ints, Ints]
    right: tuple[Ints, Ints]
    keys: Ints


class Rows:
    """Draws row numbers of a table so that files are weighed and rows of a file are equal."""

    def __init__(self, files: Ints, names: list[str], mixture: Mixture) -> None:
        """Take each row's file number (n,) and the files' names ``source.language``."""
        self.order = np.argsort(files, kind="stable")
        self.present, self.first, self.count = np.unique(
            files[self.order], return_index=True, return_counts=True
        )
        self.sources = np.array([names[file].rsplit(".", 1)[0] for file in self.present])
        langs = np.array([names[file].rsplit(".", 1)[1] for file in self.present])
        # Floats even for an exponent of 1, which a file may give as an integer.
        capped = np.minimum(self.count, mixture.source_cap).astype(np.float64)
        weights = capped**mixture.source_exponent
        for lang in np.unique(langs):
            chosen = langs == lang
            size = capped[chosen].sum()
            weights[chosen] *= size**mixture.language_exponent / weights[chosen].sum()
        self.weights = weights / weights.sum() if len(weights) else weights

    def draw(self, rng: np.random.Generator, count: int, focus: bool) -> Ints:
        """Return row numbers (count,), with `focus` all of one source; there must be rows."""
        weights = self.weights
        if focus:
            source = self.sources[rng.choice(len(weights), p=weights)]
            weights = np.where(self.sources == source, weights, 0)
            weights = weights / weights.sum()
        file = rng.choice(len(weights), size=count, p=weights)
        within = (rng.random(count) * self.count[file]).astype(np.int64)
        drawn: Ints = self.order[self.first[file] + within]
        return drawn
