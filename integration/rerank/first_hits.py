"""Late interaction with the first hits: what says the same as they do, word by word, gains."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from opensearch_clir.rerank.base import Evidence
from opensearch_clir.rerank.embedded import LateInteraction
from opensearch_clir.rerank.registry import EMBEDDED_HITS

__all__ = ["FirstHits"]

#: Hits that the others are compared with; the n-th counts 1/n.
HITS = 3

#: Least standard deviation: texts that hardly differ are no evidence.
LEAST = 1e-3

#: Version of the rules below; part of the fingerprint.
RULES = 1


class FirstHits:
    """The mean late interaction of a text with the first ones, but itself, in standard deviations.

    Pseudo-relevance feedback: a first hit is likelier relevant than not, and what repeats its words
    or their translations probably answers, too. The question itself isn't read: its words, and
    their translations, are evidence of the first stage already. Feedback by vectors compares whole
    texts; this finds the sentence that two texts share. Safe to share between threads.

    Attributes:
        name: of the reranker.
        compares: a score depends on the other texts and on their order.
        unfitted: log-odds of one standard deviation, where none are fitted: between what was fitted
            on open sets, .02 to .17 where languages match and .2 to .24 where they don't.
    """

    compares = True
    unfitted = 0.2

    def __init__(self, interaction: LateInteraction, name: str = EMBEDDED_HITS) -> None:
        """Compare texts by `interaction`, with the words that it remembers."""
        self.name = name
        self._interaction = interaction

    @property
    def fingerprint(self) -> str:
        """Of the model and the rules. Raises `EncoderError` where the model is damaged."""
        return f"first-hits-{RULES} {self._interaction.fingerprint}"

    def score(self, query: str, texts: Sequence[str], seconds: float) -> Evidence:
        """Return how far each text is from the mean of all, in standard deviations.

        Args:
            query: not read.
            texts: the most promising first.
            seconds: looked at while texts are cut, which takes most of the time.

        Returns:
            NaN for texts without a known piece, and for all where no two have one.

        Raises:
            EncoderError: the model is damaged.
        """
        rows = self._interaction.cut(texts, time.monotonic() + seconds)
        first = [i for i, found in enumerate(rows) if len(found)][:HITS]
        found = self._interaction.interaction([rows[i] for i in first], rows, len(texts))
        weights = np.tile(1.0 / np.arange(1, len(first) + 1)[:, None], (1, len(texts)))
        # A text resembles itself, which says nothing.
        weights[np.arange(len(first)), first] = 0.0
        total = weights.sum(axis=0)
        means = np.divide(
            (weights * found).sum(axis=0), total, out=np.full(len(texts), np.nan), where=total > 0
        )
        known = np.isfinite(means)
        if known.any():
            deviation = max(float(np.std(means[known])), LEAST)
            means = (means - np.mean(means[known])) / deviation
        return np.asarray(means)
