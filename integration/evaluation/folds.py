"""Folds by topic: nothing that is learned on one fold has seen a topic of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from opensearch_clir.errors import ConfigurationError

__all__ = ["make_folds"]


def make_folds(topics: Mapping[str, str], folds: int = 5, seed: int = 0) -> dict[str, int]:
    """Return the fold, 0 … folds-1, of every query.

    Queries of one topic share a fold. Topics are shuffled by `seed`, then dealt from the largest to
    the smallest, each to the fold with the fewest queries so far, which keeps the folds even.

    Args:
        topics: query id -> topic.

    Raises:
        ConfigurationError: fewer than 2 folds, or fewer topics than folds.
    """
    sizes = Counter(topics.values())
    if not 2 <= folds <= len(sizes):
        raise ConfigurationError(
            f"{folds} folds can't be made of {len(sizes)} topics: use 2 to the number of topics"
        )
    names = sorted(sizes)
    shuffled = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    load = [0] * folds
    chosen: dict[str, int] = {}
    for topic in sorted(shuffled, key=lambda name: -sizes[name]):
        chosen[topic] = load.index(min(load))
        load[chosen[topic]] += sizes[topic]
    return {query: chosen[topic] for query, topic in topics.items()}
