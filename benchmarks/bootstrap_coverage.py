"""How often a 95% interval holds the true value: simulation of skewed, clustered nDCG-like data.

    python benchmarks/bootstrap_coverage.py --simulations 4000 --resamples 2000

Each simulation draws topics of different difficulty, for each topic 1 to 6 queries, and for each
query a value that is 0 or somewhere up to 1. True means are known by construction:

- ``pooled``: plain mean over queries;
- ``difference``: two systems that agree on 60% of the queries;
- ``average``: mean of six pair means, each pair having queries in 40 to 90% of the topics;
- ``pair``: the pair with 40% of the topics.

Prints the share of intervals that hold the true value, and of those entirely above or below it.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.evaluation.statistics import METHODS, TopicTable, intervals

#: Mean of a Beta(1.2, 1.2) difficulty times the mean of a Beta(3, 1) value.
MEAN = 0.5 * 0.75

#: Share of the topics that have queries in each of the six pairs, and how well the pair does.
PRESENT = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
LEVEL = (0.3, 0.5, 0.6, 0.7, 0.9, 1.0)

PAIRS = [f"pair{number}" for number in range(len(PRESENT))]
AVERAGES = {
    "pooled": ["pooled"],
    "difference": ["difference"],
    "average": PAIRS,
    "pair": PAIRS[:1],
}
TRUE = {
    "pooled": MEAN,
    "difference": 0.4 * (MEAN - 0.8 * MEAN),
    "average": MEAN * float(np.mean(LEVEL)),
    "pair": MEAN * LEVEL[0],
}


def simulate(topics: int, rng: np.random.Generator) -> TopicTable:
    """Return one made-up experiment."""
    ability = rng.beta(1.2, 1.2, topics)
    owner = np.repeat(np.arange(topics), rng.integers(1, 7, topics))
    first, second = _values(ability[owner], rng), _values(0.8 * ability[owner], rng)
    difference = np.where(rng.random(len(owner)) < 0.4, first - second, 0.0)
    columns = [(owner, _values(ability[owner], rng)), (owner, difference)]
    for present, level in zip(PRESENT, LEVEL, strict=True):
        chosen = owner[(rng.random(topics) < present)[owner]]
        columns.append((chosen, level * _values(ability[chosen], rng)))
    sums = [np.bincount(rows, weights=values, minlength=topics) for rows, values in columns]
    counts = [np.bincount(rows, minlength=topics) for rows, _ in columns]
    return TopicTable(
        ("pooled", "difference", *PAIRS), np.stack(sums, axis=1), np.stack(counts, axis=1) * 1.0
    )


def coverage(
    topics: int, simulations: int, resamples: int, seed: int, method: str
) -> dict[str, dict[str, float]]:
    """Return for each figure the shares of intervals that hold, miss below and miss above."""
    rng = np.random.default_rng(seed)
    hits = {name: np.zeros(3) for name in AVERAGES}
    for number in range(simulations):
        table = simulate(topics, rng)
        found = intervals(table, AVERAGES, resamples=resamples, seed=seed + number, method=method)
        for name, interval in found.items():
            above, below = interval.low > TRUE[name], interval.high < TRUE[name]
            hits[name] += (not above and not below, below, above)
    parts = ("covers", "below", "above")
    return {
        name: dict(zip(parts, (count / simulations).tolist(), strict=True))
        for name, count in hits.items()
    }


def _values(chance: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a value for each query: 0, or with the given chance up to 1, mostly high."""
    return np.where(rng.random(len(chance)) < chance, rng.beta(3, 1, len(chance)), 0.0)


def main() -> None:
    """Run all sizes and methods and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--simulations", type=int, default=4000)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--topics", type=int, nargs="+", default=[50, 100, 250])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for topics in arguments.topics:
        for method in METHODS:
            started = time.monotonic()
            found = coverage(
                topics, arguments.simulations, arguments.resamples, arguments.seed, method
            )
            seconds = round(time.monotonic() - started, 1)
            rows.append({"topics": topics, "method": method, "seconds": seconds, **found})
            if not arguments.json:
                shares = "  ".join(f"{name} {found[name]['covers']:.3f}" for name in AVERAGES)
                print(f"{topics:4} topics  {method:10}  {shares}  ({seconds} s)", flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
