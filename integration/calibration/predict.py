"""Log-odds of gathered evidence under some parameters, and how good they are, query by query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.fit import Places
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.parameters import WORDS, Parameters

__all__ = ["Scores", "log_odds", "scores"]

#: Depth of the ranking that is looked at.
DEPTH = 10

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """How good some parameters are, by query.

    Attributes:
        ndcg: nDCG@10 among the gathered documents, in [0, 1], shape (queries,).
        loss: log loss summed over the documents, each weighted by 1 / its sampling probability;
            so an estimate for the whole corpus, in nats, shape (queries,).
    """

    ndcg: Array
    loss: Array


def log_odds(
    rows: Rows, parameters: Parameters, background: Mapping[str, tuple[float, float]]
) -> Array:
    """Return the log-odds of one query's documents, shape (n,).

    Args:
        background: location and scale of pairs that the parameters have no place of.
    """
    known = {pair: (place.location, place.scale) for pair, place in parameters.pairs.items()}
    z = Places(background, known).z(rows, parameters.missing_z)
    matching = rows.matching
    intercept = np.where(matching, parameters.matching.intercept, parameters.non_matching.intercept)
    slope = np.where(matching, parameters.matching.slope, parameters.non_matching.slope)
    words = rows.words @ np.array([getattr(parameters, name) for name in WORDS])
    pairs = [parameters.pairs.get(f"{rows.lang}>{document}") for document in rows.documents]
    offset = np.array([place.offset if place is not None else 0.0 for place in pairs])
    return np.asarray(intercept + slope * z + words + offset, dtype=np.float64)


def scores(
    rows: Sequence[Rows], parameters: Parameters, background: Mapping[str, tuple[float, float]]
) -> Scores:
    """Return how good some parameters are for each query."""
    ndcg, loss = np.zeros(len(rows)), np.zeros(len(rows))
    for i, row in enumerate(rows):
        logits = log_odds(row, parameters, background)
        ndcg[i] = _ndcg(logits, row.relevant)
        loss[i] = row.weight @ (np.logaddexp(0.0, logits) - row.relevant * logits)
    return Scores(ndcg, loss)


def _ndcg(logits: Array, relevant: Array) -> float:
    """nDCG@10 with grades 0 and 1 (Järvelin and Kekäläinen 2002); 0 where nothing is relevant."""
    discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
    ideal = discounts[: min(DEPTH, int(relevant.sum()))].sum()
    if ideal == 0:
        return 0.0
    top = relevant[np.argsort(-logits, kind="stable")[:DEPTH]]
    return float(top @ discounts[: len(top)] / ideal)
