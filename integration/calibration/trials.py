"""Candidates over the same folds by topic, and which of them counts as the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.bundle import Trial
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.calibration.predict import Scores, judged, log_odds
from opensearch_clir.evaluation.folds import make_folds

__all__ = ["FOLDS", "Fitter", "Trials", "select"]

FOLDS = 5

Array = NDArray[np.float64]
Fitter = Callable[[Sequence[Rows]], Parameters]


def select(trials: Sequence[Trial]) -> int:
    """Return the index of the first trial that no other beats by more than one standard error."""
    good = [i for i, t in enumerate(trials) if t.ndcg_behind <= t.ndcg_error]
    least = min(trials[i].loss_behind for i in good)
    return next(i for i in good if trials[i].loss_behind - least <= max(trials[i].loss_error, 0.0))


class Trials:
    """Runs candidates over the same folds."""

    def __init__(
        self,
        rows: Sequence[Rows],
        topics: Mapping[str, str],
        background: Mapping[str, tuple[float, float]],
        seed: int,
    ) -> None:
        self.rows = rows
        self.topics = [topics[row.query] for row in rows]
        folds = make_folds({row.query: topics[row.query] for row in rows}, FOLDS, seed)
        self.folds = np.array([folds[row.query] for row in rows])
        self.background = background
        self.names: list[str] = []
        self.fitters: list[Fitter] = []
        self.found: list[Scores] = []
        self.held_out: list[list[Array]] = []

    def add(self, name: str, fitter: Fitter) -> float:
        """Cross-fit one candidate and return its nDCG@10."""
        logits: dict[int, Array] = {}
        for fold in range(FOLDS):
            seen = [self.rows[i] for i in np.flatnonzero(self.folds != fold).tolist()]
            parameters = fitter(seen)
            for i in np.flatnonzero(self.folds == fold).tolist():
                logits[i] = log_odds(self.rows[i], parameters, self.background)
        self.fitters.append(fitter)
        return self.add_held_out(name, [logits[i] for i in range(len(self.rows))])

    def add_held_out(self, name: str, logits: list[Array]) -> float:
        """Add a candidate by its held-out log-odds of each row, and return its nDCG@10."""
        got = judged(self.rows, logits)
        self.names.append(name)
        self.found.append(got)
        self.held_out.append(logits)
        return float(got.ndcg.mean())

    def better(self, before: int, after: int) -> bool:
        """Whether a candidate ranks better by more than one standard error."""
        gain, error = _behind(self.found[after].ndcg - self.found[before].ndcg, self.topics)
        return gain > error

    def worth(self, before: int, after: int) -> bool:
        """Whether a candidate says the first hits' probabilities better, and ranks as well."""
        old, new = self.found[before], self.found[after]
        gain, error = _behind(old.shown - new.shown, self.topics)
        lost, lost_error = _behind(old.ndcg - new.ndcg, self.topics)
        return gain > error and lost <= lost_error

    def table(self) -> tuple[Trial, ...]:
        ndcg = np.array([found.ndcg for found in self.found])
        loss = np.array([found.loss for found in self.found])
        shown = np.array([found.shown for found in self.found])
        top, least = int(ndcg.mean(axis=1).argmax()), int(loss.mean(axis=1).argmin())
        best = int(shown.mean(axis=1).argmin())
        return tuple(
            Trial(
                name,
                float(ndcg[i].mean()),
                *_behind(ndcg[top] - ndcg[i], self.topics),
                float(loss[i].mean()),
                *_behind(loss[i] - loss[least], self.topics),
                float(shown[i].mean()),
                *_behind(shown[i] - shown[best], self.topics),
            )
            for i, name in enumerate(self.names)
        )


def _behind(differences: Array, topics: Sequence[str]) -> tuple[float, float]:
    """Return the mean difference over queries, and its standard error over topics.

    The mean is a ratio of sums over topics; its error is that of the linearised ratio.
    """
    _, group = np.unique(np.array(topics), return_inverse=True)
    mean = float(differences.mean())
    residuals = np.bincount(group, differences - mean)
    count = len(residuals)
    variance = count / (count - 1) * float(residuals @ residuals)
    return mean, float(np.sqrt(variance)) / len(differences)
