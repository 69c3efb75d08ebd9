"""How far a run is, and how large its steps are there."""

from __future__ import annotations

__all__ = ["height", "share"]


def share(done: int, steps: int, seconds: float, minutes: float) -> float:
    """Return how much of a run is over, by steps or by time, whichever is more; 1 is all.

    Args:
        done, steps: steps taken, and those there are in all; none is a run that is over.
        seconds, minutes: time taken, and the limit; 0 is no limit.
    """
    by_steps = done / steps if steps else 1.0
    return max(by_steps, seconds / (60 * minutes)) if minutes else by_steps


def height(share: float, warm: float) -> float:
    """Return the step size at a share of a run, relative to the highest: up, then down to 0.

    Args:
        warm: share of the run in which it rises, below 1.
    """
    rising = share / warm + 0.01 if warm else 1.0
    return max(0.0, min(rising, (1 - share) / (1 - warm)))
