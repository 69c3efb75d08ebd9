"""The figures of a report: one system with intervals, and two systems compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opensearch_clir.errors import DataError
from opensearch_clir.evaluation.check import ENOUGH_TOPICS, SOME_TOPICS
from opensearch_clir.evaluation.metrics import PairValues, Values
from opensearch_clir.evaluation.significance import flips_for, holm, sign_flip_p, verdict
from opensearch_clir.evaluation.statistics import Interval, TopicTable, intervals, topic_table

__all__ = ["Comparison", "Summary", "compare", "pair_name", "summarise"]

_POOLED = "pooled"
_AVERAGES = ("same", "cross")


@dataclass(frozen=True)
class Summary:
    """One system by one measure.

    Attributes:
        pooled: over the whole mixed corpus.
        same: mean over pairs of one language; None without such a pair of enough topics.
        cross: mean over pairs of two languages; None likewise.
        pairs: every pair, as ``fr>en``.
        small: pairs with fewer than `check.SOME_TOPICS` topics, which `same` and `cross` leave out.
    """

    pooled: Interval
    same: Interval | None
    cross: Interval | None
    pairs: dict[str, Interval]
    small: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the figures with intervals as ``{value, low, high, topics}``."""
        return {
            "pooled": self.pooled.as_json(),
            "same": self.same.as_json() if self.same else None,
            "cross": self.cross.as_json() if self.cross else None,
            "pairs": {name: pair.as_json() for name, pair in self.pairs.items()},
            "small": list(self.small),
        }


@dataclass(frozen=True)
class Comparison:
    """The first system minus the second, by one measure.

    Attributes:
        differences: ``pooled``, ``same``, ``cross`` and every pair.
        p: sign-flip p-value of each.
        adjusted: p of the pairs with at least `check.ENOUGH_TOPICS` topics after Holm's correction.
    """

    differences: dict[str, Interval]
    p: dict[str, float]
    adjusted: dict[str, float]

    def verdict(self, name: str) -> str:
        """Return ``better``, ``worse`` or ``not distinguishable`` for a name in `differences`."""
        return verdict(self.differences[name])

    def as_json(self) -> dict[str, Any]:
        """Return ``{diff, low, high, topics, p, verdict}`` each; pairs under ``pairs``."""
        found = {name: self._entry(name) for name in self.differences}
        top = {name: found.pop(name) for name in (_POOLED, *_AVERAGES) if name in found}
        return {**top, "pairs": found}

    def _entry(self, name: str) -> dict[str, Any]:
        entry: dict[str, Any] = self.differences[name].as_json("diff")
        entry |= {"p": self.p[name], "verdict": self.verdict(name)}
        if name in self.adjusted:
            entry["p_holm"] = self.adjusted[name]
        return entry


def pair_name(query_language: str, document_language: str) -> str:
    """Return the name of an ordered pair in files: ``fr>en``."""
    return f"{query_language}>{document_language}"


def summarise(
    topics: Mapping[str, str],
    pooled: Values,
    pairs: PairValues,
    *,
    resamples: int = 10_000,
    seed: int = 0,
    method: str = "bca",
) -> Summary:
    """Return the means of one measure with their 95% intervals.

    Args:
        topics: query id -> topic.
        pooled: query id -> value, from `metrics.pooled`.
        pairs: from `metrics.in_pairs`.

    Raises:
        DataError: `pooled` is empty.
        ConfigurationError: see `statistics.intervals`.
    """
    table, averages, small = _tabulate(topics, pooled, pairs)
    found = intervals(table, averages, resamples=resamples, seed=seed, method=method)
    return Summary(
        pooled=found[_POOLED],
        same=found.get("same"),
        cross=found.get("cross"),
        pairs={name: found[name] for name in averages if name not in (_POOLED, *_AVERAGES)},
        small=small,
    )


def compare(
    topics: Mapping[str, str],
    first: tuple[Values, PairValues],
    second: tuple[Values, PairValues],
    *,
    resamples: int = 10_000,
    seed: int = 0,
    method: str = "bca",
) -> Comparison:
    """Return the differences first - second on the same queries, with intervals and tests.

    Args:
        first: pooled values and pairs of one system by one measure.
        second: those of the other.

    Raises:
        DataError: the systems were not run on the same queries, or there are none.
        ConfigurationError: see `statistics.intervals`.
    """
    pooled = _minus(first[0], second[0], _POOLED)
    if first[1].keys() != second[1].keys():
        raise DataError("the systems were run on different language pairs: compare like with like")
    pairs = {
        pair: _minus(values, second[1][pair], pair_name(*pair)) for pair, values in first[1].items()
    }
    table, averages, _ = _tabulate(topics, pooled, pairs)
    found = intervals(table, averages, resamples=resamples, seed=seed, method=method)
    tested = [
        name
        for name in averages
        if name not in (_POOLED, *_AVERAGES) and found[name].topics >= ENOUGH_TOPICS
    ]
    p = sign_flip_p(table, averages, flips=flips_for(len(tested)), seed=seed)
    return Comparison(found, p, holm({name: p[name] for name in tested}))


def _minus(first: Values, second: Values, where: str) -> Values:
    if first.keys() != second.keys():
        missing = sorted(first.keys() ^ second.keys())[:3]
        raise DataError(f"{where}: only one of the systems was run on {', '.join(missing)} …")
    return {query: value - second[query] for query, value in first.items()}


def _tabulate(
    topics: Mapping[str, str], pooled: Values, pairs: PairValues
) -> tuple[TopicTable, dict[str, list[str]], tuple[str, ...]]:
    """Return the table, what to average in it, and the pairs that are too small for `same`, …."""
    if not pooled:
        raise DataError("there are no values to summarise")
    columns = {_POOLED: pooled, **{pair_name(*pair): found for pair, found in pairs.items()}}
    averages: dict[str, list[str]] = {_POOLED: [_POOLED]}
    small = []
    for (source, target), values in pairs.items():
        name = pair_name(source, target)
        if len({topics[query] for query in values}) < SOME_TOPICS:
            small.append(name)
        else:
            averages.setdefault("same" if source == target else "cross", []).append(name)
    averages.update({pair_name(*pair): [pair_name(*pair)] for pair in pairs})
    return topic_table(topics, columns), averages, tuple(small)
