"""Bootstrap over topics: how far a mean could be off with other questions of the same kind.

Queries of one topic (a question in five languages) are not independent, so topics are drawn, each
with all its queries. The figure stays the plain mean over queries; a resample's figure is the ratio
of the drawn topics' sums and counts (cluster bootstrap; Davison and Hinkley 1997, ch. 2 and 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

from opensearch_clir.errors import ConfigurationError

__all__ = ["METHODS", "Interval", "TopicTable", "intervals", "mean_interval", "topic_table"]

Floats = NDArray[np.float64]

#: Kinds of interval: bias-corrected and accelerated (Efron 1987), or plain quantiles.
METHODS = ("bca", "percentile")

#: Numbers held at once while resampling (8 bytes each).
BUDGET = 4_000_000

#: Differences below this are rounding.
TINY = 1e-12


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval.

    Attributes:
        value: the mean over queries (or the mean of such means).
        low: lower end; NaN with fewer than 2 topics.
        high: upper end; NaN with fewer than 2 topics.
        topics: topics that have a say in the value.
    """

    value: float
    low: float
    high: float
    topics: int

    def as_json(self, name: str = "value") -> dict[str, float | int | None]:
        """Return ``{name, low, high, topics}``; an end that is not known is None."""
        ends = {name: self.value, "low": self.low, "high": self.high}
        known = {key: float(end) if np.isfinite(end) else None for key, end in ends.items()}
        return {**known, "topics": self.topics}


@dataclass(frozen=True)
class TopicTable:
    """Per-query values added up by topic.

    Attributes:
        columns: C names, for example language pairs.
        sums: (T, C) sum of the values of a topic's queries.
        counts: (T, C) number of these queries, 0 where a topic has none in a column.
    """

    columns: tuple[str, ...]
    sums: Floats
    counts: Floats

    def topics_of(self, columns: Sequence[str]) -> NDArray[np.bool_]:
        """Return (T,) which topics have a query in any of some columns."""
        return np.asarray((self.counts[:, self.index(columns)] > 0).any(axis=1))

    def index(self, columns: Sequence[str]) -> list[int]:
        """Return the positions of columns."""
        return [self.columns.index(column) for column in columns]


def topic_table(topics: Mapping[str, str], values: Mapping[str, Mapping[str, float]]) -> TopicTable:
    """Add up values by topic.

    Args:
        topics: query id -> topic.
        values: column -> query id -> value.
    """
    queries = {query for column in values.values() for query in column}
    order = {topic: row for row, topic in enumerate(sorted({topics[q] for q in queries}))}
    sums = np.zeros((len(order), len(values)))
    counts = np.zeros_like(sums)
    for number, column in enumerate(values.values()):
        rows = np.array([order[topics[query]] for query in column], dtype=np.intp)
        weights = np.fromiter(column.values(), dtype=np.float64, count=len(column))
        sums[:, number] = np.bincount(rows, weights=weights, minlength=len(order))
        counts[:, number] = np.bincount(rows, minlength=len(order))
    return TopicTable(tuple(values), sums, counts)


def intervals(
    table: TopicTable,
    averages: Mapping[str, Sequence[str]],
    *,
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
    method: str = "bca",
) -> dict[str, Interval]:
    """Return a confidence interval for each of several averages of column means.

    A resample in which no topic has a query in a column leaves that column out of the average.
    Quantiles are taken a little further out, by a t quantile for the number of topics, because a
    plain bootstrap interval is too narrow by sqrt((n-1)/n) (Hesterberg 2015, "expanded" interval).

    Args:
        averages: name -> columns whose means are averaged with equal weight; one column: itself.
        method: one of `METHODS`.

    Raises:
        ConfigurationError: unknown method, level outside 0…1 or no resamples.
    """
    if method not in METHODS or not 0 < level < 1 or resamples < 1:
        raise ConfigurationError(
            f"method {method!r}, level {level}, {resamples} resamples: use {' or '.join(METHODS)}, "
            "a level between 0 and 1, and at least 1 resample"
        )
    chosen = {name: table.index(columns) for name, columns in averages.items()}
    drawn = _replicates(table, list(chosen.values()), resamples, seed)
    values = _averages(_ratio(table.sums.sum(0), table.counts.sum(0))[None], chosen.values())[0]
    without = _averages(_leave_one_out(table), chosen.values())
    result = {}
    for number, (name, columns) in enumerate(averages.items()):
        has = table.topics_of(columns)
        low, high = _ends(
            drawn[:, number], float(values[number]), without[has, number], level, method
        )
        result[name] = Interval(float(values[number]), low, high, int(has.sum()))
    return result


def mean_interval(
    topics: Mapping[str, str],
    values: Mapping[str, float],
    *,
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
    method: str = "bca",
) -> Interval:
    """Return the mean over queries with its interval.

    Args:
        topics: query id -> topic.
        values: query id -> value; none gives NaN with 0 topics.

    Raises:
        ConfigurationError: see `intervals`.
    """
    table = topic_table(topics, {"all": values})
    found = intervals(
        table, {"all": ["all"]}, resamples=resamples, seed=seed, level=level, method=method
    )
    return found["all"]


def _draws(topics: int, resamples: int, width: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield (chunk, topics) how often each topic was drawn, for all resamples in all.

    Args:
        width: numbers that the caller holds for each resample, to bound memory.
    """
    chunk = max(1, BUDGET // (2 * topics + width))
    for start in range(0, resamples, chunk):
        rows = min(chunk, resamples - start)
        picked = rng.integers(topics, size=(rows, topics))
        picked += np.arange(rows)[:, None] * topics
        counted = np.bincount(picked.ravel(), minlength=rows * topics)
        yield counted.reshape(rows, topics).astype(np.float64)


def _replicates(table: TopicTable, averages: list[list[int]], resamples: int, seed: int) -> Floats:
    """Return (resamples, averages) values, NaN where a resample has no topic for any column."""
    topics, columns = table.sums.shape
    found = np.full((resamples, len(averages)), np.nan)
    if not topics:
        return found
    row = 0
    for weights in _draws(topics, resamples, 3 * columns, np.random.default_rng(seed)):
        means = _ratio(weights @ table.sums, weights @ table.counts)
        found[row : row + len(weights)] = _averages(means, averages)
        row += len(weights)
    return found


def _ratio(sums: Floats, counts: Floats) -> Floats:
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0.5)


def _averages(means: Floats, averages: Iterable[list[int]]) -> Floats:
    """Return (rows, averages) of (rows, columns), over the columns that are not NaN."""
    result = []
    for columns in averages:
        part = means[:, columns]
        known = np.isfinite(part)
        result.append(_ratio(np.where(known, part, 0.0).sum(1), known.sum(1).astype(np.float64)))
    return np.stack(result, axis=1) if result else np.empty((len(means), 0))


def _leave_one_out(table: TopicTable) -> Floats:
    """Return (topics, columns) means without one topic each."""
    return _ratio(table.sums.sum(0) - table.sums, table.counts.sum(0) - table.counts)


def _ends(
    drawn: Floats, value: float, without: Floats, level: float, method: str
) -> tuple[float, float]:
    drawn = drawn[np.isfinite(drawn)]
    topics = len(without)
    if topics < 2 or not len(drawn):
        return float("nan"), float("nan")
    if np.ptp(drawn) < TINY:
        return value, value
    reach = np.sqrt(topics / (topics - 1)) * stdtrit(topics - 1, 0.5 + level / 2)
    z = np.array([-reach, reach])
    if method == "bca":
        z = _bca(z, drawn, value, without[np.isfinite(without)])
    low, high = np.quantile(drawn, ndtr(z))
    return float(low), float(high)


def _bca(z: Floats, drawn: Floats, value: float, without: Floats) -> Floats:
    """Shift normal quantiles by bias and acceleration (Efron 1987, formulas 2.3 and 6.6)."""
    below = np.mean(drawn < value - TINY) + np.mean(np.abs(drawn - value) <= TINY) / 2
    edge = 0.5 / len(drawn)
    bias = ndtri(np.clip(below, edge, 1 - edge))
    away = without.mean() - without
    spread = float((away**2).sum()) ** 1.5
    acceleration = float((away**3).sum()) / (6 * spread) if spread > 0 else 0.0
    shifted: Floats = bias + (bias + z) / (1 - acceleration * (bias + z))
    return shifted
