"""Whether feedback is worth its while in an index, and how much it then counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.bundle import Trial
from opensearch_clir.calibration.choose import Choice
from opensearch_clir.calibration.feedback import FINGERPRINT, NAME, Feedback
from opensearch_clir.calibration.feedback_windows import FeedbackWindows, read_vectors
from opensearch_clir.calibration.fit_second import Windowed, cross_fitted, fit_second, with_second
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.predict import first
from opensearch_clir.calibration.second import SecondStage
from opensearch_clir.calibration.shown import fit_shown, standing_of
from opensearch_clir.calibration.trials import Trials
from opensearch_clir.query.prepare import Preparer
from opensearch_clir.rerank.window import WINDOW

__all__ = ["FeedbackChoice", "after", "choose_feedback", "fit_feedback", "weighed"]

Array = NDArray[np.float64]

#: Learns weights from queries with the evidence of feedback.
Maker = Callable[[Sequence[Windowed]], Feedback]


@dataclass(frozen=True)
class FeedbackChoice:
    """What cross-validation says of feedback.

    Attributes:
        name: of the winner.
        feedback: its weights; None where doing without is as good.
        trials: all candidates.
        held_out: the winner's log-odds of each query's documents, from weights that did not see
            its topic.
    """

    name: str
    feedback: Feedback | None
    trials: tuple[Trial, ...]
    held_out: tuple[Array, ...]


def weighed(
    preparer: Preparer,
    choice: Choice,
    rows: Sequence[Rows],
    topics: Mapping[str, str],
    prior: Feedback | None,
    *,
    origin: str,
    seed: int = 0,
) -> Choice:
    """Return the choice with the feedback that suits it.

    Args:
        preparer: of the index.
        choice: of all other weights, with its held-out log-odds.
        rows: that it was made on.
        topics, prior, origin, seed: see `choose_feedback`.

    Raises:
        ClusterError: vectors can't be read.
    """
    place = preparer.schema.generation.background["non_matching"]
    windows = FeedbackWindows(rows, choice.held_out, read_vectors(preparer, rows), place)
    found = choose_feedback(windows, topics, prior, origin=origin, seed=seed)
    return replace(
        choice,
        parameters=replace(choice.parameters, feedback=found.feedback),
        held_out=found.held_out,
        feedback=found.name,
        feedback_trials=found.trials,
    )


def choose_feedback(
    windows: FeedbackWindows,
    topics: Mapping[str, str],
    prior: Feedback | None,
    *,
    origin: str = "",
    seed: int = 0,
) -> FeedbackChoice:
    """Return weights of feedback if held-out topics are ranked better with it.

    Tried are no feedback, the prior's weights, and fitted ones, both with a last step of their own,
    which changes no order. Doing without stays unless another
    ranks better by more than one standard error of the paired difference over topics; of the other
    two the fitted ones win, unless the prior's rank better by as much.

    Args:
        windows: of the judged queries.
        topics: query id -> topic; a topic is never split.
        prior: weights to try as they are; None: none.
        origin: where the queries come from, for reports.
        seed: of the folds.
    """
    trials = Trials([w.rows for w in windows.plain], topics, {}, seed)
    trials.add_held_out("no feedback", [w.log_odds for w in windows.plain])
    found: list[Feedback | None] = [None]

    def tried(name: str, typical: float, make: Maker) -> None:
        """Cross-fit what `make` learns from some windows, and fit it on all."""
        all_ = windows.scored(typical)
        trials.add_held_out(name, cross_fitted(all_, trials.folds, make, after))
        found.append(make(all_))

    if prior is not None and prior.usable:
        known = prior
        tried("feedback", prior.typical, lambda w: _finished(w, known.typical, known.stage))
    typical = windows.typical
    tried("fitted feedback", typical, lambda w: _fitted(w, typical, origin))
    winner = 1 if trials.better(len(found) - 1, 1) else len(found) - 1
    winner = winner if trials.better(0, winner) else 0
    return FeedbackChoice(
        trials.names[winner], found[winner], trials.table(), tuple(trials.held_out[winner])
    )


def after(window: Windowed, feedback: Feedback) -> Array:
    """Return the log-odds of one query's documents with feedback, shape (n,).

    Args:
        window: with the evidence of feedback.
        feedback: weights of that evidence.
    """
    found = with_second(window, feedback.stage)
    if feedback.shown is None:
        return found
    return feedback.shown.of(found, standing_of(window.log_odds))


def fit_feedback(windows: FeedbackWindows, origin: str = "") -> Feedback:
    """Return the weights that suit some queries best."""
    typical = windows.typical
    return _fitted(windows.scored(typical), typical, origin)


def _fitted(windows: Sequence[Windowed], typical: float, origin: str = "") -> Feedback:
    shown = [_first(w) for w in windows]
    return _finished(windows, typical, fit_second(shown, NAME, FINGERPRINT, origin=origin))


def _finished(windows: Sequence[Windowed], typical: float, stage: SecondStage) -> Feedback:
    """Return weights with the last step that suits them."""
    known = [w for w in map(_first, windows) if w.known.any()]
    if not known:
        return Feedback(typical, stage)
    last = fit_shown(
        [with_second(w, stage)[w.known] for w in known],
        [standing_of(w.log_odds) for w in known],
        [w.rows.relevant[w.known] for w in known],
    )
    return Feedback(typical, stage, last)


def _first(window: Windowed) -> Windowed:
    """Return a query with the evidence of its first hits only, which weights are fitted on."""
    shown = first(window.rows, window.log_odds, WINDOW)
    return replace(window, scores=np.where(shown, window.scores, np.nan))
