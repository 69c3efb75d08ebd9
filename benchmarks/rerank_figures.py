"""Figures of a reranker against the first stage: gains, the oracle's headroom, recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from opensearch_clir.evaluation.metrics import in_pairs, pooled
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.statistics import intervals, mean_interval, topic_table
from opensearch_clir.evaluation.tuning import OBJECTIVE

__all__ = ["Run", "gains", "realised", "recall"]

#: Topics that a pair needs for a figure of its own.
PAIR_TOPICS = 20

Run = dict[str, dict[str, float]]


def gains(found: EvaluationSet, first: Run, second: Run, *, pairs: bool = True) -> dict[str, Any]:
    """Return the differences of nDCG@10: pooled, by class, and by pair."""
    measure = (OBJECTIVE,)
    before, after = (pooled(found, run, measure)[OBJECTIVE] for run in (first, second))
    topics = found.topics
    difference = {query: after[query] - before[query] for query in before}
    result: dict[str, Any] = {
        "pooled": {
            "first": round(float(np.mean(list(before.values()))), 4),
            **rounded(mean_interval(topics, difference).as_json("diff")),
        }
    }
    if not pairs:
        return result
    by_pair = [in_pairs(found, run, measure)[OBJECTIVE] for run in (first, second)]
    columns = {
        f"{source}>{target}": {
            query: by_pair[1][source, target][query] - value for query, value in values.items()
        }
        for (source, target), values in by_pair[0].items()
        if len({topics[query] for query in values}) >= PAIR_TOPICS
    }
    if not columns:
        return result
    same = [pair for pair in columns if len(set(pair.split(">"))) == 1]
    cross = [pair for pair in columns if pair not in same]
    averages = {"same": same, "cross": cross, **{pair: [pair] for pair in columns}}
    wanted = {name: parts for name, parts in averages.items() if parts}
    got = intervals(topic_table(topics, columns), wanted)
    figures = {name: rounded(interval.as_json("diff")) for name, interval in got.items()}
    result |= {name: figures.pop(name) for name in ("same", "cross") if name in figures}
    result["pairs"] = figures
    return result


def realised(
    found: EvaluationSet, first: Run, second: Mapping[str, Run], best: Run
) -> dict[str, float]:
    """Return the share of the oracle's gain that each run has."""
    means = [
        float(np.mean(list(pooled(found, run, (OBJECTIVE,))[OBJECTIVE].values())))
        for run in (first, best, *second.values())
    ]
    room = means[1] - means[0]
    shares = [(value - means[0]) / room if room > 0 else 0.0 for value in means[2:]]
    return {name: round(share, 3) for name, share in zip(second, shares, strict=True)}


def recall(found: EvaluationSet, windows: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the share of the relevant documents that are in the window, over all and by pair."""
    values: dict[str, dict[str, list[float]]] = {}
    every: list[float] = []
    for query, ids in windows.items():
        relevant, inside = found.relevant(query), set(ids)
        every.append(len(inside & set(relevant)) / len(relevant))
        for target in {found.language(doc) for doc in relevant}:
            of_target = [doc for doc in relevant if found.language(doc) == target]
            share = sum(doc in inside for doc in of_target) / len(of_target)
            pair = f"{found.queries[query].lang}>{target}"
            values.setdefault(pair, {}).setdefault(found.topics[query], []).append(share)
    pairs = {
        pair: round(float(np.mean([v for topic in topics.values() for v in topic])), 3)
        for pair, topics in sorted(values.items())
        if len(topics) >= PAIR_TOPICS
    }
    return {"pooled": round(float(np.mean(every)), 3), "pairs": pairs}


def rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in values.items()}
