"""Reading figures out of a result, whatever it lacks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from opensearch_clir.evaluation.check import SOME_TOPICS

__all__ = ["Figure", "as_list", "as_map", "figure", "fine", "flat", "number", "pairs_of", "short"]

DASH = "–"


class Figure(NamedTuple):
    """A value with its 95% interval; parts that are not known are None."""

    value: float | None
    low: float | None = None
    high: float | None = None
    topics: int | None = None
    p: float | None = None
    p_holm: float | None = None
    verdict: str = ""

    @property
    def few(self) -> bool:
        """Whether it rests on too few topics to count in averages."""
        return self.topics is not None and self.topics < SOME_TOPICS

    @property
    def interval(self) -> str:
        """``[0.390, 0.450]``, or nothing."""
        if self.low is None or self.high is None:
            return ""
        return f"[{fine(self.low)}, {fine(self.high)}]"

    def __str__(self) -> str:
        return f"{fine(self.value)} {self.interval}".rstrip()


def figure(entry: Any) -> Figure:
    """Return the figure of ``{value|diff, low, high, …}``, of a plain number, or an empty one."""
    if not isinstance(entry, Mapping):
        return Figure(number(entry))
    value = number(entry.get("value", entry.get("diff")))
    topics = number(entry.get("topics"))
    return Figure(
        value,
        number(entry.get("low")),
        number(entry.get("high")),
        None if topics is None else int(topics),
        number(entry.get("p")),
        number(entry.get("p_holm")),
        str(entry.get("verdict") or ""),
    )


def number(value: Any) -> float | None:
    """Return a finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def fine(value: float | None) -> str:
    """Return three decimals."""
    return DASH if value is None else f"{value:.3f}".replace("-", "−")


def short(value: float | None, *, signed: bool = False) -> str:
    """Return two decimals without the leading zero, for cells: ``.42``, ``+.05``, ``1.0``."""
    if value is None:
        return DASH
    text = f"{abs(value):.2f}"
    text = text[1:] if text.startswith("0") else text[:3]
    sign = "−" if value < 0 and text != ".00" else "+" if signed and text != ".00" else ""
    return sign + text


def as_map(value: Any) -> Mapping[str, Any]:
    """Return a mapping as it is, and an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, and an empty one for anything else."""
    return value if isinstance(value, list) else []


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield figures and numbers of nested mappings with their joined names."""
    for name, value in values.items():
        joined = f"{prefix} {name}".strip()
        if isinstance(value, Mapping) and not {"value", "diff"} & value.keys():
            yield from flat(value, joined)
        else:
            yield joined, value


def pairs_of(entry: Mapping[str, Any], metric: str) -> dict[tuple[str, str], Figure]:
    """Return (query language, document language) -> figure, of one measure.

    Args:
        entry: of a system or a comparison, with ``pairs`` as ``{"fr>en": {measure: …}}``.
    """
    small = {name for name in as_list(entry.get("small")) if isinstance(name, str)}
    found = {}
    for name, measures in as_map(entry.get("pairs")).items():
        source, separator, target = name.partition(">")
        if not separator or metric not in as_map(measures):
            continue
        value = figure(measures[metric])
        if name in small and value.topics is None:
            value = value._replace(topics=0)
        found[source, target] = value
    return found


def in_order(names: Iterable[str]) -> list[str]:
    """Return names once each, in order of first appearance."""
    return list(dict.fromkeys(names))
