"""How many pairs of each room of a data folder a transformer is to learn from."""

from __future__ import annotations

from dataclasses import dataclass

from opensearch_clir.training.mixture import AtLeast0

__all__ = ["PairLimits"]


@dataclass(frozen=True, kw_only=True)
class PairLimits:
    """What the configurations of transformers have in common; see `pairs.examples`.

    Attributes:
        seed: of the samples and the order, and of new layers.
        sentences: pairs of sentences from ``parallel``, at most; drawn evenly from the languages.
        pages: titles of ``docs`` with a translation's text, at most.
        words: pairs of ``dict``, at most.
        questions: questions of the room of that name with their passages, at most.
    """

    seed: AtLeast0[int] = 1
    sentences: AtLeast0[int] = 20_000
    pages: AtLeast0[int] = 10_000
    words: AtLeast0[int] = 5_000
    questions: AtLeast0[int] = 10_000
