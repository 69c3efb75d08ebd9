"""From pieces to a text: the share of each language, pieces being each other's context."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["shares"]

#: Weight in pieces of the view that every language is equally likely in the next piece.
CONTEXT_PRIOR = 0.1

_ROUNDS = 3


def shares(
    logits: NDArray[np.float64],
    sizes: NDArray[np.float64],
    counts: NDArray[np.int64],
    prior: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the share of each language in each text, given what its pieces say.

    The languages of the other pieces are each piece's prior, so that ten pieces of Danish are
    not a tenth Norwegian, while a half-English text stays half English.

    Args:
        logits: unnormalised log probabilities, at least one of a piece finite,
            shape (pieces, languages).
        sizes: of the pieces, > 0, shape (pieces,).
        counts: pieces of each text, in order, all > 0, shape (texts,).
        prior: of the languages, any positive scale, shape (languages,).

    Returns:
        Shape (texts, languages); each row sums to 1.
    """
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    prior = prior / prior.sum()
    likely = np.exp(logits - logits.max(axis=1, keepdims=True))
    weights = (sizes / np.repeat(np.add.reduceat(sizes, starts), counts))[:, None]
    found = _normalised(likely * prior)
    several = np.repeat(counts > 1, counts)
    if several.any():
        floor = CONTEXT_PRIOR * prior / np.repeat(counts, counts)[:, None]
        for _ in range(_ROUNDS):
            weighted = weights * found
            total = np.repeat(np.add.reduceat(weighted, starts, axis=0), counts, axis=0)
            found = _normalised(
                likely * np.where(several[:, None], total - weighted + floor, prior)
            )
    result: NDArray[np.float64] = np.add.reduceat(weights * found, starts, axis=0)
    return result


def _normalised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    normalised: NDArray[np.float64] = values / values.sum(axis=1, keepdims=True)
    return normalised
