"""Paired tests between two systems: sign flips over topics, and Holm's correction over pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.evaluation.statistics import BUDGET, Interval, TopicTable

__all__ = ["NOT_DISTINGUISHABLE", "flips_for", "holm", "sign_flip_p", "verdict"]

Floats = NDArray[np.float64]

#: The verdict where the interval of the difference contains 0.
NOT_DISTINGUISHABLE = "not distinguishable"

#: Topics up to which all sign patterns are tried instead of a random sample of them.
EXACT_TOPICS = 14

#: Rounding allowed when a flipped difference is compared with the observed one.
_SLACK = 1e-9


def flips_for(tests: int) -> int:
    """Return how many random flips make p ten times finer than .05 / tests, at least 10,000."""
    return max(10_000, 200 * tests)


def sign_flip_p(
    table: TopicTable,
    averages: Mapping[str, Sequence[str]],
    *,
    flips: int | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Return two-sided p-values of the hypothesis that two systems could be swapped in any topic.

    All differences of a topic get one common sign, because its queries hang together. With up to
    `EXACT_TOPICS` topics that differ at all, p is the share of all sign patterns whose absolute
    difference is at least the observed one; else it is estimated from random patterns as
    (1 + hits) / (1 + flips), which keeps the test valid (Phipson and Smyth 2010).

    Args:
        table: differences by topic.
        averages: name -> columns whose mean differences are averaged, as for `intervals`.
        flips: random patterns; default: `flips_for` the number of averages.

    Raises:
        ConfigurationError: `flips` is below 1.
    """
    if flips is not None and flips < 1:
        raise ConfigurationError(f"{flips} flips: at least 1 is needed")
    parts = _contributions(table, averages)
    if not parts.size:
        return dict.fromkeys(averages, 1.0)
    differing = (parts != 0).sum(axis=0)
    sampled = differing > EXACT_TOPICS
    p = np.ones(parts.shape[1])
    for column in np.flatnonzero(~sampled & (differing > 0)):
        p[column] = _exact(parts[parts[:, column] != 0, column])
    if sampled.any():
        p[sampled] = _random(parts[:, sampled], flips or flips_for(len(averages)), seed)
    return dict(zip(averages, p.tolist(), strict=True))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values adjusted for their number (Holm 1979); below .05 is significant."""
    ordered = sorted(p_values, key=lambda name: p_values[name])
    adjusted: dict[str, float] = {}
    highest = 0.0
    for rank, name in enumerate(ordered):
        highest = max(highest, min(1.0, (len(ordered) - rank) * p_values[name]))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


def verdict(difference: Interval) -> str:
    """Return ``better``, ``worse`` or `NOT_DISTINGUISHABLE` for the first of two systems."""
    if difference.low > 0:
        return "better"
    if difference.high < 0:
        return "worse"
    return NOT_DISTINGUISHABLE


def _contributions(table: TopicTable, averages: Mapping[str, Sequence[str]]) -> Floats:
    """Return (T, averages) what each topic adds to each difference; a column sums to it."""
    total = table.counts.sum(axis=0)
    share = np.divide(table.sums, total, out=np.zeros_like(table.sums), where=total > 0)
    parts = np.zeros((len(table.sums), len(averages)))
    for number, columns in enumerate(averages.values()):
        filled = [column for column in table.index(columns) if total[column] > 0]
        if filled:
            parts[:, number] = share[:, filled].mean(axis=1)
    return parts


def _exact(parts: Floats) -> float:
    """Return the share of all sign patterns that are at least as extreme; (T,) without zeros."""
    # The first sign stays: its mirror images have the same absolute difference.
    bits = np.arange(2 ** (len(parts) - 1))[:, None] >> np.arange(len(parts) - 1)
    flipped = parts[0] + (1.0 - 2.0 * (bits & 1)) @ parts[1:]
    return float(np.mean(_extreme(flipped[:, None], parts[:, None])))


def _random(parts: Floats, flips: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    topics, columns = parts.shape
    hits = np.zeros(columns)
    chunk = max(1, BUDGET // (2 * topics + 2 * columns))
    for start in range(0, flips, chunk):
        rows = min(chunk, flips - start)
        signs = rng.integers(0, 2, size=(rows, topics), dtype=np.int8) * 2.0 - 1.0
        hits += _extreme(signs @ parts, parts).sum(axis=0)
    result: Floats = (1 + hits) / (1 + flips)
    return result


def _extreme(flipped: Floats, parts: Floats) -> NDArray[np.bool_]:
    observed = np.abs(parts.sum(axis=0)) - _SLACK * np.abs(parts).sum(axis=0)
    found: NDArray[np.bool_] = np.abs(flipped) >= observed
    return found
