"""How a batch is mixed, what a batch is, and drawing rows with weighed files."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from opensearch_clir.training.tokenized import Ints

__all__ = ["Batch", "Mixture", "Rows"]


@dataclass(frozen=True)
class Mixture:
    """Shares of the kinds of pairs and how languages and sources are weighed.

    ``pivot``: share of sentence pairs whose English side is replaced by a third language.
    ``focus``: probability that a batch's sentences all come from one source (harder negatives).
    ``same_page``: share of page questions answered by the very page, not by a translation.
    """

    shares: dict[str, float] = field(
        default_factory=lambda: {
            "sentences": 0.46,
            "windows": 0.16,
            "pages": 0.2,
            "words": 0.12,
            "senses": 0.06,
        }
    )
    language_exponent: float = 0.5
    source_exponent: float = 0.75
    source_cap: int = 8000
    pivot: float = 0.35
    focus: float = 0.5
    same_page: float = 0.35
    window: int = 5


@dataclass(frozen=True)
class Batch:
    """Two sides of n rows.

    ``left``, ``right``: (row numbers, text numbers), rows ascending, each row at least once.
    ``keys``: (n,) int64.
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
        weights = np.minimum(self.count, mixture.source_cap) ** mixture.source_exponent
        for lang in np.unique(langs):
            chosen = langs == lang
            size = np.minimum(self.count[chosen], mixture.source_cap).sum()
            weights[chosen] *= size**mixture.language_exponent / weights[chosen].sum()
        self.weights = weights / weights.sum() if len(weights) else weights

    def draw(self, rng: np.random.Generator, count: int, focus: bool) -> Ints:
        """Return `count` row numbers; with `focus` all of one source."""
        weights = self.weights
        if focus:
            source = self.sources[rng.choice(len(weights), p=weights)]
            weights = np.where(self.sources == source, weights, 0)
            weights = weights / weights.sum()
        file = rng.choice(len(weights), size=count, p=weights)
        within = (rng.random(count) * self.count[file]).astype(np.int64)
        drawn: Ints = self.order[self.first[file] + within]
        return drawn
