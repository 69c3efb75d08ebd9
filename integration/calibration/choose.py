"""Which calibration to use: cross-validation by topic against leaving everything alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.bending import bent
from opensearch_clir.calibration.bundle import Trial
from opensearch_clir.calibration.fit import MIN_POSITIVES, Places, fit
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.intercepts import recalibrated
from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.calibration.trials import Fitter, Trials, select
from opensearch_clir.errors import DataError

__all__ = ["LEAVE_ALONE", "MIN_TOPICS", "Choice", "check_enough", "choose"]

#: Fewer topics than this can't tell two calibrations apart.
MIN_TOPICS = 20

#: Of each pair class; each training fold needs `fit.MIN_POSITIVES`, and folds are uneven.
MIN_RELEVANT = 2 * MIN_POSITIVES

#: Strengths of the pull towards the built-in parameters, the strongest first.
RIDGES = (100.0, 10.0, 1.0)

#: Strengths of the pull of a pair's log-odds towards its class's, the strongest first.
PAIR_RIDGES = (100.0, 10.0)

LEAVE_ALONE = "leave alone"

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """What won.

    Attributes:
        name: of the winner; `LEAVE_ALONE` where the prior is as good as anything.
        parameters: the winner, fitted on all rows.
        trials: all candidates, from the simplest to the richest.
        held_out: the winner's log-odds of each row's documents, from a fit without its topic; empty
            where nothing was cross-validated.
        feedback: the feedback that won beside it; empty where none was tried.
        feedback_trials: all that were.
    """

    name: str
    parameters: Parameters
    trials: tuple[Trial, ...]
    held_out: tuple[Array, ...] = ()
    feedback: str = ""
    feedback_trials: tuple[Trial, ...] = ()


def check_enough(rows: Sequence[Rows], topics: Mapping[str, str]) -> None:
    """Refuse data that no calibration can be learned from.

    Raises:
        DataError: too few topics, relevant documents of one class only or too few of one, with
            what is needed.
    """
    found = len({topics[row.query] for row in rows})
    if found < MIN_TOPICS:
        raise DataError(
            f"{found} topics are too few to calibrate: at least {MIN_TOPICS} are needed, 50 or "
            "more are better; judge more queries, or calibrate without judgments (no --set)"
        )
    counts = {
        same: sum(float(row.relevant[row.matching == same].sum()) for row in rows)
        for same in (True, False)
    }
    for same, name, other in (
        (True, "in the query's own language", "other languages"),
        (False, "in another language than the query", "the query's own language"),
    ):
        if counts[same] == 0:
            raise DataError(
                f"no query has a relevant document {name}: judgments of {other} alone can't weigh "
                f"one against the other; judge documents {name}, too, for at least "
                f"{MIN_RELEVANT} (query, document) pairs"
            )
        if counts[same] < MIN_RELEVANT:
            raise DataError(
                f"only {counts[same]:.0f} relevant documents {name} are judged, at least "
                f"{MIN_RELEVANT} are needed: judge more queries"
            )


def choose(
    rows: Sequence[Rows],
    topics: Mapping[str, str],
    prior: Parameters,
    places: Places,
    *,
    origin: str,
    seed: int = 0,
) -> Choice:
    """Return the calibration that ranks held-out topics best, the simplest of equals.

    Candidates within one standard error of the best nDCG@10 (of the paired difference, over
    topics) count as equal (Breiman et al. 1984), then those within one standard error of the
    best log loss among them; of these the first wins, in the order: leave alone, intercepts,
    all weights (strong to weak ridge), the same with places of pairs, with log-odds of pairs. The
    winner gets a bend of its own if that is better for the first hits by more than one standard
    error of their log loss, and costs no nDCG@10 by the same measure.

    Args:
        rows: evidence of the judged queries.
        topics: query id -> topic; a topic is never split.
        prior: what leaving alone means, and what fits are pulled towards.
        places: of unrelated cosines; `Places.pairs` are tried against doing without.
        origin: where the rows come from, for reports.
        seed: of the folds.

    Raises:
        DataError: too little data; see `check_enough`.
    """
    check_enough(rows, topics)
    trial = Trials(rows, topics, places.background, seed)
    plain = Places(places.background)
    backgrounds = [(plain, "")]
    if places.pairs:
        backgrounds.append((places, ", places of pairs"))
    trial.add(LEAVE_ALONE, lambda _: prior)
    trial.add("intercepts", lambda some: recalibrated(some, prior, plain.background, origin))
    best: dict[str, tuple[float, float]] = {}
    for where, label in backgrounds:
        for ridge in RIDGES:
            ndcg = trial.add(
                f"all weights, ridge {ridge:g}{label}", _fitter(prior, where, origin, ridge)
            )
            best[label] = max(best.get(label, (-1.0, ridge)), (ndcg, ridge))
    for where, label in backgrounds:
        ridge = best[label][1]
        for pull in PAIR_RIDGES:
            trial.add(
                f"all weights, ridge {ridge:g}{label}, log-odds of pairs, ridge {pull:g}",
                _fitter(prior, where, origin, ridge, pull),
            )
    winner = select(trial.table())
    make = trial.fitters[winner]
    trial.add(
        f"{trial.names[winner]}, bend", lambda some: bent(some, topics, make, plain.background)
    )
    winner = -1 if trial.worth(winner, -1) else winner
    parameters = trial.fitters[winner](rows)
    return Choice(trial.names[winner], parameters, trial.table(), tuple(trial.held_out[winner]))


def _fitter(
    prior: Parameters, places: Places, origin: str, ridge: float, pull: float | None = None
) -> Fitter:
    def run(rows: Sequence[Rows]) -> Parameters:
        found = fit(rows, prior, places, origin=origin, ridge=ridge, pair_ridge=pull)
        return replace(found, origin=origin)

    return run
