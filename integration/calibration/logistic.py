"""Weighted logistic regression with a ridge towards a prior and coefficients that stay >= 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.design import Design

__all__ = ["logistic", "logit", "sigmoid"]

_STEPS = 100

#: Probabilities closer to 0 or 1 than this can't be told apart in the server's single precision.
_EDGE = 1e-7

_TOLERANCE = 1e-8

Array = NDArray[np.float64]


def logistic(
    features: Array | Design,
    target: Array,
    weight: Array,
    prior: Array,
    ridge: float | Array,
    free: Sequence[int] = (0,),
) -> Array:
    """Return ridge-penalised logistic coefficients, shape (d,).

    Damped Newton steps; a coefficient that would become negative is held at 0 while its gradient
    points there (active set).

    Args:
        features: shape (n, d), groups' intercepts included.
        target: 0 or 1, shape (n,).
        weight: > 0, shape (n,).
        prior: shape (d,); the start, and what the penalty pulls towards.
        ridge: > 0, one for all or of shape (d,); the penalty is
            ``sum(ridge / 2 * (beta - prior)^2)``.
        free: columns whose coefficients may be negative; all others stay >= 0.
    """
    design = features if isinstance(features, Design) else Design.dense(features)
    penalty = np.broadcast_to(np.asarray(ridge, dtype=np.float64), prior.shape)
    bound = np.ones(len(prior), dtype=np.bool_)
    bound[list(free)] = False
    beta = prior.copy()
    loss = _loss(design, target, weight, beta, prior, penalty)
    for _ in range(_STEPS):
        p = sigmoid(design.times(beta))
        gradient = design.summed(weight * (p - target)) + penalty * (beta - prior)
        moving = ~(bound & (beta <= 0) & (gradient > 0))
        step = design.newton(weight * p * (1 - p), penalty, moving, gradient)
        scale = 1.0
        while scale > _TOLERANCE:
            tried = beta - scale * step
            tried[bound] = np.maximum(tried[bound], 0.0)
            new = _loss(design, target, weight, tried, prior, penalty)
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


def sigmoid(logits: Array) -> Array:
    """Return ``1 / (1 + exp(-logits))``, same shape, in [0, 1]."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -500, 500))), dtype=np.float64)


def logit(probabilities: Array) -> Array:
    """Return log-odds, same shape, of probabilities in [0, 1] as the server tells them."""
    p = np.clip(probabilities, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(p / (1 - p)), dtype=np.float64)


def _loss(
    design: Design, target: Array, weight: Array, beta: Array, prior: Array, penalty: Array
) -> float:
    logits = design.times(beta)
    pull = float((penalty / 2 * (beta - prior) ** 2).sum())
    return float(weight @ (np.logaddexp(0.0, logits) - target * logits)) + pull
