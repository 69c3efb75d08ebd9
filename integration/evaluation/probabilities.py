"""Whether scores are probabilities, judged on the hits that a reader is shown.

Hits are the first 10 or 100 of each query, in two classes: document in the query's language, or in
another. What nobody judged counts as not relevant. Per class: the expected calibration error over
bins of equal size (Naeini et al. 2015; Nguyen and O'Connor 2015), calibration slope and intercept
(Cox 1958: relevance regressed on the log-odds of the score), and the Brier skill against always
saying the class's base rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.evaluation.runs import Run, ranking
from opensearch_clir.evaluation.sets import EvaluationSet

__all__ = ["BINS", "DEPTHS", "ENOUGH", "Shown", "figures", "judge", "on_target", "shown"]

#: How many hits of each query are judged.
DEPTHS = (10, 100)

#: Bins of equal size.
BINS = 10

#: Relevant hits from which the figures of a class are held to the targets.
ENOUGH = 200

#: Scores are kept this far from 0 and 1 where their log-odds are taken.
EDGE = 1e-7

_STEPS = 50

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shown:
    """Hits of one class.

    Attributes:
        score: in [0, 1], shape (n,).
        relevant: 0 or 1, shape (n,).
        topic: row number of the query's topic, from 0, shape (n,).
    """

    score: Floats
    relevant: Floats
    topic: NDArray[np.intp]


def judge(
    evaluation_set: EvaluationSet, run: Run, *, resamples: int = 1000, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Return the figures by depth (as text) and class: ``matching``, ``non_matching``.

    Args:
        evaluation_set: queries, judgments and languages.
        run: scores by query and document; with scores from parameters that never saw the query's
            topic, or the figures flatter.
        resamples: of the bootstrap over topics.
        seed: of the bootstrap.
    """
    return {
        str(depth): {
            name: figures(hits, resamples=resamples, seed=seed)
            for name, hits in shown(evaluation_set, run, depth).items()
        }
        for depth in DEPTHS
    }


def shown(evaluation_set: EvaluationSet, run: Run, depth: int) -> dict[str, Shown]:
    """Return the first `depth` hits of each query by class."""
    topics = {t: row for row, t in enumerate(sorted(set(evaluation_set.topics.values())))}
    rows: dict[str, list[tuple[float, float, int]]] = {"matching": [], "non_matching": []}
    for query, scores in run.items():
        relevant = set(evaluation_set.relevant(query))
        topic = topics[evaluation_set.topics[query]]
        for document in ranking(scores, depth):
            same = evaluation_set.language(document) == evaluation_set.queries[query].lang
            row = (scores[document], float(document in relevant), topic)
            rows["matching" if same else "non_matching"].append(row)
    found = {}
    for name, listed in rows.items():
        table = np.array(listed, dtype=np.float64).reshape(-1, 3)
        found[name] = Shown(table[:, 0], table[:, 1], table[:, 2].astype(np.intp))
    return found


def figures(hits: Shown, *, resamples: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Return the figures of one class; those that can't be had are None.

    Keys: ``pairs``, ``positives``, ``base_rate``, ``ece`` (with ``low``, ``high``), ``slope``,
    ``intercept`` (log-odds of relevance where the score says .5), ``brier_skill``, ``on_target``
    and ``bins`` (mean ``score``, share ``relevant``, ``pairs``) for a reliability plot.
    """
    pairs, positives = len(hits.score), int(hits.relevant.sum())
    found: dict[str, Any] = {"pairs": pairs, "positives": positives}
    mixed = 0 < positives < pairs
    found["base_rate"] = positives / pairs if pairs else None
    bins = _bins(hits)
    found["ece"] = _error(hits, bins, resamples, seed) if pairs else None
    line = _line(hits) if mixed else None
    found["intercept"], found["slope"] = (None, None) if line is None else line
    found["brier_skill"] = _skill(hits) if mixed else None
    found["on_target"] = on_target(found)
    found["bins"] = [
        {
            "score": float(hits.score[bins == number].mean()),
            "relevant": float(hits.relevant[bins == number].mean()),
            "pairs": int((bins == number).sum()),
        }
        for number in range(BINS)
        if (bins == number).any()
    ]
    return found


def on_target(found: Mapping[str, Any]) -> bool | None:
    """Return whether a class's figures are good; None with too few relevant hits to say.

    Good is an expected calibration error below .05, a slope from .8 to 1.25, an intercept within
    .3 of 0, and a Brier skill above 0.
    """
    if found["positives"] < ENOUGH or found["slope"] is None:
        return None
    return bool(
        found["ece"]["value"] < 0.05
        and 0.8 <= found["slope"] <= 1.25
        and abs(found["intercept"]) <= 0.3
        and found["brier_skill"] > 0
    )


def _bins(hits: Shown) -> NDArray[np.intp]:
    """Return each hit's bin, from 0, shape (n,); equal scores may fall into two."""
    bins = np.empty(len(hits.score), dtype=np.intp)
    order = np.argsort(hits.score, kind="stable")
    for number, part in enumerate(np.array_split(order, BINS)):
        bins[part] = number
    return bins


def _error(hits: Shown, bins: NDArray[np.intp], resamples: int, seed: int) -> dict[str, float]:
    """Return the calibration error with percentiles over resampled topics; the bins stay."""
    topics, rows = np.unique(hits.topic, return_inverse=True)
    cells = rows * BINS + bins
    size = len(topics) * BINS
    # Score minus relevance, added up by topic and bin: all that the error needs.
    excess = np.bincount(cells, hits.score - hits.relevant, size).reshape(-1, BINS)
    count = np.bincount(rows, minlength=len(topics)).astype(np.float64)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(topics), np.full(len(topics), 1 / len(topics)), size=resamples)
    values = np.abs(drawn @ excess).sum(axis=1) / (drawn @ count)
    low, high = np.quantile(values, (0.025, 0.975))
    value = np.abs(excess.sum(axis=0)).sum() / count.sum()
    return {"value": float(value), "low": float(low), "high": float(high)}


def _line(hits: Shown) -> tuple[float, float] | None:
    """Return intercept and slope of relevance on the log-odds of scores; None if they run away."""
    p = np.clip(hits.score, EDGE, 1 - EDGE)
    features = np.column_stack([np.ones(len(p)), np.log(p / (1 - p))])
    beta = np.array([0.0, 1.0])
    for _ in range(_STEPS):
        estimate = 1 / (1 + np.exp(-np.clip(features @ beta, -30, 30)))
        curvature = (features * (estimate * (1 - estimate))[:, None]).T @ features
        if np.linalg.cond(curvature) > 1e12:
            return None
        step = np.linalg.solve(curvature, features.T @ (hits.relevant - estimate))
        # Newton may overshoot far from the optimum.
        beta = beta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-9:
            return float(beta[0]), float(beta[1])
    return None


def _skill(hits: Shown) -> float:
    base = hits.relevant.mean()
    error = np.mean((hits.score - hits.relevant) ** 2)
    return float(1 - error / (base * (1 - base)))
