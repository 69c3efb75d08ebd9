"""Intercepts alone: moved to the data, or to a stated share of relevant documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.bend import STRAIGHT
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.logistic import logistic, sigmoid
from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.calibration.predict import log_odds
from opensearch_clir.errors import ConfigurationError

__all__ = ["recalibrated", "shifted", "with_prevalence"]

#: Pull of an intercept towards where it was, in units of one observation's curvature.
RIDGE = 1.0

#: No stated prevalence moves log-odds further than this.
REACH = 30.0

Array = NDArray[np.float64]


def shifted(parameters: Parameters, matching: float, non_matching: float) -> Parameters:
    """Return the parameters with log-odds added for each pair class, after the bend if any."""
    bends = parameters.bends
    if bends != STRAIGHT:
        own, other = bends.matching, bends.non_matching
        return replace(
            parameters,
            bends=replace(
                bends,
                matching=replace(own, at=own.at + matching),
                non_matching=replace(other, at=other.at + non_matching),
            ),
        )
    same, apart = parameters.matching, parameters.non_matching
    return replace(
        parameters,
        matching=replace(same, intercept=same.intercept + matching),
        non_matching=replace(apart, intercept=apart.intercept + non_matching),
    )


def recalibrated(
    rows: Sequence[Rows],
    prior: Parameters,
    background: Mapping[str, tuple[float, float]],
    origin: str,
) -> Parameters:
    """Return the prior with the intercept of each pair class as the rows have it."""
    logits = np.concatenate([log_odds(row, prior, background) for row in rows])
    matching = np.concatenate([row.matching for row in rows])
    target = np.concatenate([row.relevant for row in rows])
    weight = np.concatenate([row.weight for row in rows])
    moves = [
        _shift(logits[matching == same], target[matching == same], weight[matching == same])
        for same in (True, False)
    ]
    return replace(shifted(prior, *moves), origin=origin)


def with_prevalence(
    rows: Sequence[Rows],
    parameters: Parameters,
    background: Mapping[str, tuple[float, float]],
    prevalence: float,
) -> Parameters:
    """Return the parameters moved so that the mean probability over the corpus is the stated one.

    Args:
        rows: evidence of typical queries; what is relevant to them does not matter.
        prevalence: share of the documents that answer a question, on average, in (0, 1).

    Raises:
        ConfigurationError: it is not in (0, 1).
    """
    if not 0 < prevalence < 1:
        raise ConfigurationError(
            f"prevalence {prevalence} is not between 0 and 1: give the share of the documents "
            "that answer a question, such as 0.0005"
        )
    logits = np.concatenate([log_odds(row, parameters, background) for row in rows])
    weight = np.concatenate([row.weight for row in rows])
    low, high = -REACH, REACH
    # The mean grows with the shift, so halving the interval finds it.
    for _ in range(60):
        middle = (low + high) / 2
        mean = float(weight @ sigmoid(logits + middle)) / float(weight.sum())
        low, high = (middle, high) if mean < prevalence else (low, middle)
    return shifted(parameters, middle, middle)


def _shift(logits: Array, target: Array, weight: Array) -> float:
    if not len(logits):
        return 0.0
    # The known log-odds are a feature whose coefficient is held at 1.
    features = np.column_stack((np.ones(len(logits)), logits))
    found = logistic(
        features, target, weight, np.array([0.0, 1.0]), np.array([RIDGE, 1e12]), (0, 1)
    )
    return float(found[0])
