"""Fitting a debiasing on texts whose languages are known; no judgments are needed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.debias.method import Method
from opensearch_clir.debias.transform import Debias
from opensearch_clir.errors import DataError
from opensearch_clir.languages import UND

__all__ = ["MAX_STRENGTH", "MINIMUM", "fit_debias"]

#: A language with fewer texts has no map of its own.
MINIMUM = 10

#: Pull towards the mean over languages, in texts, where languages hardly differ.
MAX_STRENGTH = 100.0

Vectors = NDArray[np.float32]
Array = NDArray[np.float64]


def fit_debias(
    method: Method,
    vectors: Mapping[str, Vectors],
    *,
    minimum: int = MINIMUM,
    strength: float | None = None,
) -> Debias:
    """Return the map of each language with enough texts, and one for all others.

    A language's mean (for ``lir`` its matrix of second moments, whose leading eigenvectors are the
    right singular vectors of its uncentred vectors) is shrunk towards the mean over languages,
    ``n : strength`` for `n` texts. In that mean a language counts by its texts up to `minimum`, so
    that neither a large one drowns the rest nor one of two texts speaks like the others.

    Args:
        method: which one.
        vectors: language -> unit rows of shape (n, d); all-zero rows are left out. Those under
            `UND` only help where no language is known.
        minimum: texts from which a language gets a map of its own, >= 1.
        strength: as above, >= 0; None: the spread of texts within languages divided by that of
            languages' means (both as mean squared distances), which is the best linear shrinkage
            of a mean (Efron, Morris 1973), at most `MAX_STRENGTH`.

    Raises:
        DataError: fewer than `minimum` texts in all, or vectors too short for the rank.
    """
    known = {code: rows[rows.any(axis=1)].astype(np.float64) for code, rows in vectors.items()}
    named = {code: rows for code, rows in known.items() if code != UND and len(rows)}
    used = named or {code: rows for code, rows in known.items() if len(rows)}
    total = sum(len(rows) for rows in used.values())
    if total < minimum:
        raise DataError(
            f"debiasing needs a sample of at least {minimum} texts that the model knows, there are "
            f"{total}: index documents first, or give --debias-sample FILE"
        )
    dimension = next(iter(used.values())).shape[1]
    if method.kind == "none":
        return Debias(method, dimension)
    if method.rank >= dimension:
        raise DataError(f"{method} would leave nothing of vectors of {dimension} components")
    own = {code: rows for code, rows in named.items() if len(rows) >= minimum}
    strength = _strength(own) if strength is None else strength
    if method.kind == "lir":
        moments = _shrunk(
            {c: r.T @ r / len(r) for c, r in used.items()}, used, own, minimum, strength
        )
        found = {code: _leading(moment, method.rank) for code, moment in moments.items()}
        return Debias(method, dimension, directions=found)
    means = _shrunk({c: r.mean(axis=0) for c, r in used.items()}, used, own, minimum, strength)
    back = means[UND] if method.kind == "shift" else np.zeros(dimension)
    offsets = {code: (back - mean).astype(np.float32) for code, mean in means.items()}
    return Debias(method, dimension, offsets=offsets)


def _shrunk(
    statistics: Mapping[str, Array],
    used: Mapping[str, Array],
    own: Mapping[str, Array],
    minimum: int,
    strength: float,
) -> dict[str, Array]:
    """Return each own language's statistic, shrunk, and under `UND` the mean over languages."""
    weights = {code: min(len(rows), minimum) for code, rows in used.items()}
    pooled = sum((w * statistics[c] for c, w in weights.items()), np.zeros(())) / sum(
        weights.values()
    )
    found = {
        code: (len(rows) * statistics[code] + strength * pooled) / (len(rows) + strength)
        for code, rows in own.items()
    }
    return {**found, UND: pooled}


def _strength(own: Mapping[str, Array]) -> float:
    """Return the variance within languages over that between them, 0 to `MAX_STRENGTH`."""
    if len(own) < 2:
        return MAX_STRENGTH
    within = float(np.mean([rows.var(axis=0, ddof=1).sum() for rows in own.values()]))
    means = np.stack([rows.mean(axis=0) for rows in own.values()])
    # Means of samples lie further apart than the languages do.
    noise = within * float(np.mean([1 / len(rows) for rows in own.values()]))
    between = float(means.var(axis=0, ddof=1).sum()) - noise
    return min(within / between, MAX_STRENGTH) if between > 0 else MAX_STRENGTH


def _leading(moment: Array, rank: int) -> Vectors:
    _, eigenvectors = np.linalg.eigh(moment)
    leading = eigenvectors[:, ::-1][:, :rank].T
    # The sign of an eigenvector is arbitrary; one rule keeps the digest the same everywhere.
    largest = np.take_along_axis(leading, np.abs(leading).argmax(axis=1)[:, None], axis=1)
    found: Vectors = (leading * np.sign(largest)).astype(np.float32)
    return found
