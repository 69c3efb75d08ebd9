"""Fitting the bend on hits as they are shown, none of them scored by weights that saw its topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.bend import STRAIGHT, Bend, Bends
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.logistic import logistic
from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.calibration.predict import fused, shown
from opensearch_clir.errors import DataError
from opensearch_clir.evaluation.folds import make_folds

__all__ = ["KNOT", "bent", "bent_and_held_out", "fit_bends", "held_out"]

#: Log-odds at which slopes change: a probability of .12.
KNOT = -2.0

#: Folds inside the data that weights are fitted on.
FOLDS = 5

#: Strength of the pull towards no bend, in units of one observation's curvature.
RIDGE = 1.0

#: A slope is at least this, so that hits keep their order.
LEAST = 0.05

Array = NDArray[np.float64]
Background = Mapping[str, tuple[float, float]]
Fitter = Callable[[Sequence[Rows]], Parameters]


def bent(
    rows: Sequence[Rows],
    topics: Mapping[str, str],
    make: Fitter,
    background: Background,
    *,
    seed: int = 0,
) -> Parameters:
    """Return the parameters that `make` fits to the rows, with bends from held-out hits.

    Where the rows without one fold are too few for `make`, there is no bend.

    Args:
        rows: of the judged queries.
        topics: query id -> topic; a topic is never split.
        make: fits everything but the bends, which are replaced.
        background: location and scale of pairs without a place.
        seed: of the folds.

    Raises: what `make` raises for all rows.
    """
    return bent_and_held_out(rows, topics, make, background, seed=seed)[0]


def bent_and_held_out(
    rows: Sequence[Rows],
    topics: Mapping[str, str],
    make: Fitter,
    background: Background,
    *,
    seed: int = 0,
) -> tuple[Parameters, list[Array]]:
    """Return what `bent` does, and each row's held-out log-odds after the bend.

    None of a row where there is no bend. Arguments and errors as for `bent`.
    """
    whole = make(rows)
    if len({topics[row.query] for row in rows}) < FOLDS:
        return replace(whole, bends=STRAIGHT), []
    try:
        logits = held_out(rows, topics, make, background, seed=seed)
    except DataError:
        return replace(whole, bends=STRAIGHT), []
    bends = fit_bends(rows, logits)
    found = [bends.of(logit, row.matching) for row, logit in zip(rows, logits, strict=True)]
    return replace(whole, bends=bends), found


def held_out(
    rows: Sequence[Rows],
    topics: Mapping[str, str],
    make: Fitter,
    background: Background,
    *,
    seed: int = 0,
) -> list[Array]:
    """Return the fused log-odds of each row, from weights fitted on other topics.

    Raises:
        ConfigurationError: fewer than `FOLDS` topics.
        DataError: the rows without one fold are too few for `make`.
    """
    folds = make_folds({row.query: topics[row.query] for row in rows}, FOLDS, seed)
    found = {}
    for fold in range(FOLDS):
        parameters = make([row for row in rows if folds[row.query] != fold])
        for row in rows:
            if folds[row.query] == fold:
                found[row.query] = fused(row, parameters, background)
    return [found[row.query] for row in rows]


def fit_bends(
    rows: Sequence[Rows],
    logits: Sequence[Array],
    knot: float = KNOT,
) -> Bends:
    """Return the bends that suit the first hits of each query best.

    Args:
        rows: of the judged queries.
        logits: fused log-odds of each row's documents, from weights that did not see its topic.
        knot: where slopes change.
    """
    weights = [shown(row, found) for row, found in zip(rows, logits, strict=True)]
    off = np.concatenate(logits) - knot
    weight = np.concatenate(weights)
    matching = np.concatenate([row.matching for row in rows])
    relevant = np.concatenate([row.relevant for row in rows])

    def of_class(same: bool) -> Bend:
        kept = (weight > 0) & (matching == same)
        sides = (np.minimum(0.0, off[kept]), np.maximum(0.0, off[kept]))
        features = np.column_stack((np.ones(int(kept.sum())), *sides))
        start = np.array([knot, 1.0, 1.0])
        at, below, above = logistic(features, relevant[kept], weight[kept], start, RIDGE).tolist()
        return Bend(at, max(below, LEAST), max(above, LEAST))

    return Bends(knot, of_class(True), of_class(False))
