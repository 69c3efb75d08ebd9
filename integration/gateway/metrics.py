"""Counters of a gateway, as Prometheus reads them."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Metrics"]

#: Upper bounds of the buckets of durations, in seconds.
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_HELP = {
    "connections": "Connections that clients have made.",
    "documents_enriched": "Documents that were enriched.",
    "documents_passed": "Documents for managed indices that could not be enriched.",
    "fallbacks": "Requests handed on unchanged because changing them failed.",
    "refused": "Requests answered by the gateway itself with an error.",
    "searches_rewritten": "Searches whose query was rewritten.",
    "upstream_failures": "Requests that the cluster gave no usable answer to.",
}


class Metrics:
    """Counts what happens; used by the event loop's thread only."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(_HELP, 0))
        self.active = 0
        self._buckets = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""
        self.counts[name] += number

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count an exchange and how long it takes."""
        started = time.perf_counter()
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1
            seconds = time.perf_counter() - started
            self._seconds += seconds
            self._buckets[bisect_left(_BOUNDS, seconds)] += 1

    def text(self) -> str:
        """Return everything in Prometheus's text format."""
        lines = []
        for name, number in sorted(self.counts.items()):
            full = f"clir_gateway_{name}_total"
            lines += [f"# HELP {full} {_HELP[name]}", f"# TYPE {full} counter", f"{full} {number}"]
        lines += [
            "# HELP clir_gateway_active Exchanges at this moment.",
            "# TYPE clir_gateway_active gauge",
            f"clir_gateway_active {self.active}",
            "# HELP clir_gateway_seconds Duration of exchanges.",
            "# TYPE clir_gateway_seconds histogram",
        ]
        total = 0
        for bound, number in zip((*_BOUNDS, "+Inf"), self._buckets, strict=True):
            total += number
            lines.append(f'clir_gateway_seconds_bucket{{le="{bound}"}} {total}')
        lines += [f"clir_gateway_seconds_sum {self._seconds:.6f}",
                  f"clir_gateway_seconds_count {total}"]  # fmt: skip
        return "\n".join(lines) + "\n"
