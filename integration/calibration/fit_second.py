"""Fitting the second stage on hits that the first ranked without having seen their topic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.logistic import logistic
from opensearch_clir.calibration.places import shrunk
from opensearch_clir.calibration.second import SecondLine, SecondStage
from opensearch_clir.calibration.trials import FOLDS
from opensearch_clir.encoders.background import robust_place

__all__ = ["RIDGE", "Windowed", "cross_fitted", "fit_second", "with_second"]

#: Strength of the pull towards the first stage alone, in units of one observation's curvature.
RIDGE = 1.0

#: Pull that nothing moves against.
HELD = 1e12

#: Fewer scores than this say nothing about a class.
LEAST = 50

Array = NDArray[np.float64]
Weights = TypeVar("Weights")


@dataclass(frozen=True)
class Windowed:
    """One query's documents with the first stage's log-odds and the reranker's scores.

    Attributes:
        rows: of the query.
        log_odds: of the first stage, from weights that did not see the query's topic, shape (n,).
        scores: of the reranker, shape (n,); NaN outside of the window and where it gave none.
    """

    rows: Rows
    log_odds: Array
    scores: Array

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which documents the reranker scored, shape (n,)."""
        return np.asarray(np.isfinite(self.scores))


def fit_second(
    windows: Sequence[Windowed],
    reranker: str,
    fingerprint: str,
    *,
    keep: bool = False,
    by_pair: bool = False,
    ridge: float = RIDGE,
    origin: str = "",
) -> SecondStage:
    """Return the weights that suit the windows best, near the first stage where they say little.

    Args:
        windows: of judged queries.
        reranker, fingerprint: whose scores they are.
        keep: whether the first stage's log-odds stay as they are, and only the weights are fitted.
        by_pair: whether pairs get a location and scale of their own, pulled towards their class's.
        ridge: strength of that pull of the weights, > 0.
        origin: where the queries come from, for reports.
    """
    log_odds = _of(windows, [w.log_odds for w in windows])
    scores = _of(windows, [w.scores for w in windows])
    relevant = _of(windows, [w.rows.relevant for w in windows])
    asked, documents = _languages(windows)
    same = asked == documents
    overall = robust_place(scores) if len(scores) else (0.0, 1.0)
    lines = []
    places: dict[str, tuple[float, float]] = {}
    for of_class in (same, ~same):
        place = robust_place(scores[of_class]) if of_class.sum() >= LEAST else overall
        own = _places(asked[of_class], documents[of_class], scores[of_class], place)
        places |= own if by_pair else {}
        z = _z(
            asked[of_class], documents[of_class], scores[of_class], own if by_pair else {}, place
        )
        columns = np.column_stack((np.ones(len(z)), log_odds[of_class], z))
        start = np.array([0.0, 1.0, 0.0])
        weight = np.ones(len(z))
        pull = np.array([HELD, HELD, ridge]) if keep else np.full(3, ridge)
        found = logistic(columns, relevant[of_class], weight, start, pull).tolist()
        lines.append(SecondLine(found[0], found[1], found[2], *place))
    return SecondStage(reranker, fingerprint, lines[0], lines[1], places, origin)


def with_second(window: Windowed, stage: SecondStage) -> Array:
    """Return the log-odds of one query's documents after the second stage, shape (n,)."""
    found = window.log_odds.copy()
    known = window.known
    rows = window.rows
    for language in np.unique(rows.documents[known]).tolist():
        line = stage.line(rows.lang, language)
        chosen = known & (rows.documents == language)
        found[chosen] = line.at + line.keep * found[chosen] + line.slope * window.scores[chosen]
    return found


def cross_fitted(
    windows: Sequence[Windowed],
    folds: NDArray[np.int_],
    make: Callable[[Sequence[Windowed]], Weights],
    apply: Callable[[Windowed, Weights], Array],
) -> list[Array]:
    """Return each query's log-odds under weights that were made without its fold.

    Args:
        windows: of the queries.
        folds: of each, shape (queries,).
        make: learns weights.
        apply: returns a query's log-odds under weights, shape (n,).
    """
    made = {
        fold: make([w for w, own in zip(windows, folds, strict=True) if own != fold])
        for fold in range(FOLDS)
    }
    return [apply(w, made[int(own)]) for w, own in zip(windows, folds, strict=True)]


def _of(windows: Sequence[Windowed], parts: Sequence[Array]) -> Array:
    kept = [part[w.known] for w, part in zip(windows, parts, strict=True)]
    return np.concatenate(kept) if kept else np.zeros(0)


def _languages(windows: Sequence[Windowed]) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return the languages of queries and of documents, for each score."""
    asked = [np.full(int(w.known.sum()), w.rows.lang) for w in windows]
    found = [w.rows.documents[w.known] for w in windows]
    if not windows:
        return np.array([], dtype=np.str_), np.array([], dtype=np.str_)
    return np.concatenate(asked), np.concatenate(found)


def _places(
    asked: NDArray[np.str_],
    documents: NDArray[np.str_],
    scores: Array,
    of_class: tuple[float, float],
) -> dict[str, tuple[float, float]]:
    measured = {}
    for query in np.unique(asked).tolist():
        for document in np.unique(documents[asked == query]).tolist():
            values = scores[(asked == query) & (documents == document)]
            if len(values) > 1:
                measured[query, document] = (*robust_place(values), len(values))
    return shrunk(measured, of_class)


def _z(
    asked: NDArray[np.str_],
    documents: NDArray[np.str_],
    scores: Array,
    places: dict[str, tuple[float, float]],
    of_class: tuple[float, float],
) -> Array:
    pairs = [
        places.get(f"{q}>{d}", of_class)
        for q, d in zip(asked.tolist(), documents.tolist(), strict=True)
    ]
    found = np.array(pairs).reshape(-1, 2)
    return np.asarray((scores - found[:, 0]) / found[:, 1])
