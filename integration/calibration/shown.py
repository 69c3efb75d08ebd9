"""The last step with feedback: what a score means as a probability for the hits that are shown.

::

    L' = at + standing * m + below * min(0, L - knot) + above * max(0, L - knot)

with m the mean log-odds of the first hits before feedback, clipped from below. A question whose
first hits are all improbable, or all probable, says more about each of them than its own score
does. Both slopes are positive and m is the question's, so that hits keep their order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.logistic import logistic

__all__ = ["HITS", "Shown", "fit_shown", "standing_of"]

#: Hits whose mean is taken.
HITS = 10

#: Log-odds at which slopes change, the least slope, and the least log-odds of a hit in the mean.
KNOT, LEAST, FLOOR = -2.0, 0.05, -12.0

#: What each of the first ten hits weighs beside each of the other hits that are shown (ADR 27).
FIRST = 8.0

RIDGE = 1.0

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Shown:
    """See the module.

    Attributes:
        at: log-odds at the knot, of a question whose m is 0.
        below, above: slopes on the two sides of the knot, > 0.
        standing: log-odds per unit of m.
        knot: where slopes change.
    """

    at: float
    below: float
    above: float
    standing: float
    knot: float = KNOT

    def of(self, log_odds: Array, standing: float) -> Array:
        """Return the log-odds of one question's hits, same shape; `standing` is its m."""
        off = log_odds - self.knot
        slope = np.where(off < 0, self.below, self.above)
        return np.asarray(self.at + self.standing * standing + slope * off, dtype=np.float64)

    def numbers(self, standing: float) -> list[float]:
        """Return knot, log-odds there and the slopes, as the scripts' parameters have them."""
        return [self.knot, self.at + self.standing * standing, self.below, self.above]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Shown:
        """Read the JSON form.

        Raises:
            TypeError, ValueError: a key is missing, one too many, or a number out of range.
        """
        found = cls(**{name: float(number) for name, number in value.items()})
        if not all(map(math.isfinite, astuple(found))) or min(found.below, found.above) <= 0:
            raise ValueError("numbers must be finite and slopes > 0")
        return found


def standing_of(log_odds: Array) -> float:
    """Return m from the log-odds of one question's hits, in any order; 0 without hits."""
    first = np.sort(log_odds)[::-1][:HITS]
    return float(np.maximum(first, FLOOR).mean()) if len(first) else 0.0


def fit_shown(
    log_odds: Sequence[Array], standings: Sequence[float], relevant: Sequence[Array]
) -> Shown:
    """Return what suits the hits of judged questions best.

    Args:
        log_odds: of each question's shown hits, with feedback.
        standings: m of each question.
        relevant: 0 or 1 for each hit.
    """
    logits = np.concatenate(log_odds)
    mean = np.repeat(standings, [len(found) for found in log_odds])
    weight = np.concatenate([_weights(found) for found in log_odds])
    off = logits - KNOT
    features = np.column_stack((np.ones(len(off)), off, mean, np.maximum(0.0, off)))
    start = np.array([KNOT, 1.0, 0.0, 0.0])
    found = logistic(features, np.concatenate(relevant), weight, start, RIDGE, (0, 2, 3))
    at, below, standing, more = found.tolist()
    below = max(below, LEAST)
    return Shown(at, below, max(below + more, LEAST), standing)


def _weights(log_odds: Array) -> Array:
    place = np.argsort(np.argsort(-log_odds, kind="stable"), kind="stable")
    return np.where(place < HITS, FIRST, 1.0)
