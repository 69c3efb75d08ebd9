"""The last step from log-odds to the probability: a line with a bend for each pair class.

::

    L' = at + below * min(0, L - knot) + above * max(0, L - knot)

Weights are fitted on all documents, most of which nobody is shown. The first hits of a question are
not like other documents of the same score: most questions have an answer, so where all scores are
low the first is right more often than its score says. The bend is fitted on hits as they are shown.
Both slopes are positive, so the order within a class stays as it was.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["STRAIGHT", "Bend", "Bends"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Bend:
    """Log-odds of one class as a function of the fusion's.

    Attributes:
        at: log-odds at the knot.
        below, above: slopes on its two sides, > 0.
    """

    at: float
    below: float
    above: float

    def of(self, log_odds: Array, knot: float) -> Array:
        """Return the log-odds of hits, same shape."""
        off = log_odds - knot
        slope = np.where(off < 0, self.below, self.above)
        return np.asarray(self.at + slope * off, dtype=np.float64)

    def before(self, bent: float, knot: float) -> float:
        """Return the fusion's log-odds that `of` makes these of."""
        off = bent - self.at
        return knot + off / (self.below if off < 0 else self.above)

    @staticmethod
    def mean(parts: Sequence[tuple[float, Bend]]) -> Bend:
        """Return the weighted mean of bends at one knot; the weights sum to 1."""
        at, below, above = (
            math.fsum(weight * getattr(bend, name) for weight, bend in parts)
            for name in ("at", "below", "above")
        )
        return Bend(at, below, above)


@dataclass(frozen=True)
class Bends:
    """The bends of both pair classes.

    Attributes:
        knot: log-odds of the fusion at which both slopes change.
        matching, non_matching: per pair class.
    """

    knot: float
    matching: Bend
    non_matching: Bend

    def of(self, log_odds: Array, matching: NDArray[np.bool_]) -> Array:
        """Return the log-odds of hits, shape (n,), like `log_odds` and `matching`."""
        own = self.matching.of(log_odds, self.knot)
        return np.where(matching, own, self.non_matching.of(log_odds, self.knot))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Bends:
        """Read the JSON form.

        Raises:
            KeyError, TypeError: a key is missing, or one too many.
            ValueError: a number is not finite, or a slope not positive.
        """
        found = cls(float(value["knot"]), Bend(**value["matching"]), Bend(**value["non_matching"]))
        for bend in (found.matching, found.non_matching):
            if not all(map(math.isfinite, (found.knot, bend.at, bend.below, bend.above))):
                raise ValueError("bends need finite numbers")
            if min(bend.below, bend.above) <= 0:
                raise ValueError("slopes of bends must be > 0, else hits would change places")
        return found


#: Leaves log-odds as they are.
STRAIGHT = Bends(0.0, Bend(0.0, 1.0, 1.0), Bend(0.0, 1.0, 1.0))
