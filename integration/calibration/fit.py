"""Fitting the fusion: one ridge logistic regression per pair class, shrunk towards a prior."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.parameters import DensePair, Parameters
from opensearch_clir.errors import DataError

__all__ = ["MIN_POSITIVES", "fit", "logistic"]

#: Fewer relevant pairs of a class than this say nothing about it.
MIN_POSITIVES = 10

#: Strength of the pull towards the prior, in units of one observation's curvature.
RIDGE = 1.0

_STEPS = 100
_TOLERANCE = 1e-8

Array = NDArray[np.float64]


def fit(
    rows: Sequence[Rows], prior: Parameters, *, origin: str, ridge: float = RIDGE
) -> Parameters:
    """Return the parameters that fit the rows best, near the prior where the rows say little.

    Args:
        rows: of the judged queries.
        prior: what is believed without them.
        origin: where the rows come from, for reports.
        ridge: strength of the prior, > 0.

    Raises:
        DataError: fewer than `MIN_POSITIVES` relevant pairs of a class.
    """
    matching = _class(rows, True, prior.matching, prior.own, ridge)
    non_matching = _class(rows, False, prior.non_matching, prior.any, ridge)
    return Parameters(
        matching=DensePair(float(matching[0]), float(matching[1])),
        non_matching=DensePair(float(non_matching[0]), float(non_matching[1])),
        own=float(matching[2]),
        any=float(non_matching[2]),
        missing_z=prior.missing_z,
        origin=origin,
    )


def _class(
    rows: Sequence[Rows], matching: bool, dense: DensePair, words: float, ridge: float
) -> Array:
    masks = [r.matching == matching for r in rows]

    def column(name: str) -> Array:
        parts = [getattr(r, name)[mask] for r, mask in zip(rows, masks, strict=True)]
        return np.concatenate(parts) if parts else np.zeros(0)

    target = column("relevant")
    if target.sum() < MIN_POSITIVES:
        raise DataError(
            f"only {target.sum():.0f} relevant pairs {'within' if matching else 'across'} "
            f"languages, at least {MIN_POSITIVES} are needed to fit the fusion: judge more queries"
        )
    features = np.column_stack((np.ones(len(target)), column("z"), column("x")))
    start = np.array([dense.intercept, dense.slope, words])
    return logistic(features, target, column("weight"), start, ridge)


def logistic(features: Array, target: Array, weight: Array, prior: Array, ridge: float) -> Array:
    """Return ridge-penalised logistic coefficients; all but the first are >= 0.

    Damped Newton steps; a coefficient that would become negative is held at 0 while its gradient
    points there (active set).

    Args:
        features: shape (n, d), the first column ones.
        target: 0 or 1, shape (n,).
        weight: > 0, shape (n,).
        prior: shape (d,); the start, and what the penalty pulls towards.
        ridge: > 0; the penalty is ``ridge / 2 * |beta - prior|^2``.
    """
    beta = prior.copy()
    loss = _loss(features, target, weight, beta, prior, ridge)
    for _ in range(_STEPS):
        p = _sigmoid(features @ beta)
        gradient = features.T @ (weight * (p - target)) + ridge * (beta - prior)
        curvature = (features * (weight * p * (1 - p))[:, None]).T @ features
        curvature += ridge * np.eye(len(beta))
        free = ~((beta <= 0) & (gradient > 0))
        free[0] = True
        step = np.zeros_like(beta)
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        scale = 1.0
        while scale > _TOLERANCE:
            tried = beta - scale * step
            tried[1:] = np.maximum(tried[1:], 0.0)
            new = _loss(features, target, weight, tried, prior, ridge)
            if new <= loss:
                break
            scale /= 2
        else:
            break
        moved = float(np.abs(tried - beta).max())
        beta, loss = tried, new
        if moved < _TOLERANCE:
            break
    return beta


def _loss(
    features: Array, target: Array, weight: Array, beta: Array, prior: Array, ridge: float
) -> float:
    logits = features @ beta
    penalty = ridge / 2 * ((beta - prior) ** 2).sum()
    return float(weight @ (np.logaddexp(0.0, logits) - target * logits) + penalty)


def _sigmoid(logits: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -500, 500))), dtype=np.float64)
