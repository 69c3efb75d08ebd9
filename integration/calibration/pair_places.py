"""Location and scale of the cosine of unrelated texts, for each ordered pair of languages.

No labels are needed: of all questions and documents of a sample, next to none belong together, and
those that do are outliers that are pulled in.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.encoders.background import robust_place

__all__ = ["STRENGTH", "pair_places"]

#: Default pull towards the class, in texts.
STRENGTH = 30.0

Vectors = NDArray[np.float32]


def pair_places(
    queries_by_language: Mapping[str, Vectors],
    documents_by_language: Mapping[str, Vectors],
    prior: Mapping[str, tuple[float, float]],
    *,
    strength: float,
) -> dict[str, tuple[float, float]]:
    """Return location and scale by ordered pair, ``fr>en``, as `Places` takes them.

    Mean and variance are those of the sample and of the pair's class, weighted ``n : strength``.
    Cosines that share a text hang together, so ``n = q * d / (q + d)`` for `q` questions and `d`
    documents: with one kind plentiful, the other's number counts (the variance of a mean over all
    pairs is about ``var_q / q + var_d / d``).

    Args:
        queries_by_language: language -> unit rows of shape (q, dimension), of questions or of
            what stands for them (titles, first sentences); all-zero rows are left out.
        documents_by_language: language -> unit rows of shape (d, dimension); the same.
        prior: ``matching`` and ``non_matching`` -> (location, scale), scale > 0, as in a
            generation's background.
        strength: texts that the prior is worth, >= 0.

    Returns:
        A place for each query language with each document language; the prior's where nothing is
        known. Scales are at least 0.005.

    Raises:
        ValueError: `strength` is negative.
    """
    if strength < 0:
        raise ValueError(f"strength must be at least 0, not {strength}")
    questions = {code: _known(rows) for code, rows in queries_by_language.items()}
    documents = {code: _known(rows) for code, rows in documents_by_language.items()}
    return {
        f"{query}>{document}": _place(
            asked, found, prior["matching" if query == document else "non_matching"], strength
        )
        for query, asked in questions.items()
        for document, found in documents.items()
    }


def _place(
    queries: Vectors, documents: Vectors, prior: tuple[float, float], strength: float
) -> tuple[float, float]:
    if not len(queries) or not len(documents):
        return prior
    cosines = (queries @ documents.T).astype(np.float64).ravel()
    location, scale = robust_place(cosines)
    effective = len(queries) * len(documents) / (len(queries) + len(documents))
    share = effective / (effective + strength)
    mean = share * location + (1 - share) * prior[0]
    variance = share * scale**2 + (1 - share) * prior[1] ** 2
    return float(mean), float(np.sqrt(variance))


def _known(rows: Vectors) -> Vectors:
    known: Vectors = rows[np.any(rows, axis=1)]
    return known
