"""Log-odds of gathered evidence under some parameters, and how good they are, query by query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.fit import Places
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.parameters import WORDS, Parameters

__all__ = ["Scores", "first", "fused", "judged", "log_odds", "scores", "shown"]

#: Depth of the ranking that is looked at.
DEPTH = 10

#: Hits that a reader may turn to, and what each of the first `DEPTH` weighs, since all readers see
#: them. The second was chosen with the bend (ADR 19).
SHOWN, FIRST = 100, 2.5

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """How good some parameters are, by query.

    Attributes:
        ndcg: nDCG@10 among the gathered documents, in [0, 1], shape (queries,).
        loss: log loss summed over the documents, each weighted by 1 / its sampling probability;
            so an estimate for the whole corpus, in nats, shape (queries,).
        shown: log loss of the first hits, weighted as `shown` says and summed, shape (queries,).
    """

    ndcg: Array
    loss: Array
    shown: Array


def log_odds(
    rows: Rows, parameters: Parameters, background: Mapping[str, tuple[float, float]]
) -> Array:
    """Return the log-odds that one query's documents are scored with, shape (n,).

    Args:
        background: location and scale of pairs that the parameters have no place of.
    """
    return parameters.bends.of(fused(rows, parameters, background), rows.matching)


def fused(
    rows: Rows, parameters: Parameters, background: Mapping[str, tuple[float, float]]
) -> Array:
    """Return the log-odds before the bend, shape (n,); arguments as for `log_odds`."""
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
    return judged(rows, [log_odds(row, parameters, background) for row in rows])


def judged(rows: Sequence[Rows], found: Sequence[Array]) -> Scores:
    """Return how good log-odds are for each query; one array of shape (n,) for each."""
    ndcg, loss, seen = (np.zeros(len(rows)) for _ in range(3))
    for i, (row, logits) in enumerate(zip(rows, found, strict=True)):
        losses = np.logaddexp(0.0, logits) - row.relevant * logits
        ndcg[i] = _ndcg(logits, row.relevant)
        loss[i] = row.weight @ losses
        seen[i] = shown(row, logits) @ losses
    return Scores(ndcg, loss, seen)


def first(rows: Rows, logits: Array, depth: int) -> NDArray[np.bool_]:
    """Return which documents are among the first `depth` hits, shape (n,).

    A document that was drawn at random stands for as many as its weight says.
    """
    order = np.argsort(-logits, kind="stable")
    weight = rows.weight[order]
    found = np.zeros(len(logits), dtype=np.bool_)
    found[order[np.cumsum(weight) - weight < depth]] = True
    return found


def shown(rows: Rows, logits: Array) -> Array:
    """Return how much each document counts as a hit that readers see, >= 0, shape (n,)."""
    place = np.where(first(rows, logits, DEPTH), FIRST, 1.0)
    return np.asarray(place * rows.weight * first(rows, logits, SHOWN), dtype=np.float64)


def _ndcg(logits: Array, relevant: Array) -> float:
    """nDCG@10 with grades 0 and 1 (Järvelin and Kekäläinen 2002); 0 where nothing is relevant."""
    discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
    ideal = discounts[: min(DEPTH, int(relevant.sum()))].sum()
    if ideal == 0:
        return 0.0
    top = relevant[np.argsort(-logits, kind="stable")[:DEPTH]]
    return float(top @ discounts[: len(top)] / ideal)
