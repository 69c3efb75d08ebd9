"""Calibrating an index: evidence is read once, every choice is cross-validated, the winner kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opensearch_clir.calibration.bundle import Bundle, Conditions, FittedOn, Trial
from opensearch_clir.calibration.choose import LEAVE_ALONE
from opensearch_clir.calibration.labelled import Judged, from_judgments
from opensearch_clir.calibration.parameters import Parameters, builtin
from opensearch_clir.calibration.reranking import Reranking, choose_second, windowed
from opensearch_clir.calibration.store import BUILTIN, Pointer, Store, now
from opensearch_clir.calibration.unlabelled import without_judgments
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.languages import UND
from opensearch_clir.progress import Progress, silent
from opensearch_clir.query.prepare import Preparer
from opensearch_clir.rerank.base import Reranker
from opensearch_clir.rerank.window import WINDOW

__all__ = ["Calibration", "calibrate"]


@dataclass(frozen=True)
class Calibration:
    """What a calibration found.

    Attributes:
        index: that was calibrated.
        chosen: the candidate that won, in words.
        fitted_on: what it was learned from.
        trials: the cross-validation; empty where there was nothing to compare.
        bundle: the new one; None where leaving everything alone won.
        stored: whether it is in the cluster and active.
        notes: what the user should know.
        reranking: the cross-validation of a reranker, where one was tried.
        feedback, feedback_trials: the same of feedback, where there are judgments.
    """

    index: str
    chosen: str
    fitted_on: FittedOn
    trials: tuple[Trial, ...]
    bundle: Bundle | None
    stored: bool
    notes: tuple[str, ...]
    reranking: Reranking | None = None
    feedback: str = ""
    feedback_trials: tuple[Trial, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts and lists."""
        return {
            "index": self.index,
            "chosen": self.chosen,
            "stored": self.stored,
            "fitted_on": vars(self.fitted_on),
            "trials": [trial.to_json() for trial in self.trials],
            "feedback_trials": [trial.to_json() for trial in self.feedback_trials],
            "notes": list(self.notes),
            **(
                {}
                if self.reranking is None
                else {"rerank_trials": [trial.to_json() for trial in self.reranking.trials]}
            ),
            "bundle": self.bundle.to_json() if self.bundle is not None else None,
        }


def calibrate(
    preparer: Preparer,
    store: Store,
    *,
    judgments: EvaluationSet | None = None,
    prevalence: float | None = None,
    dry_run: bool = False,
    prior: Parameters | None = None,
    reranker: Reranker | None = None,
    window: int = WINDOW,
    seed: int = 0,
    progress: Progress = silent,
) -> Calibration:
    """Choose parameters for an index, and make them the active ones if they beat the prior.

    Args:
        preparer: of the index.
        store: of its bundles.
        judgments: queries whose relevant documents are in the index; without them, translation
            groups are used where documents have any, or else the corpus alone.
        prevalence: share of the documents that answer a question, in (0, 1); for a calibration
            without judgments, which can't know it.
        dry_run: store nothing.
        prior: in place of the built-in parameters.
        reranker: to be weighed, too; only with judgments.
        window: first hits of each query that it scores.
        seed: of samples and folds.
        progress: told of queries.

    Raises:
        DataError: too little data, or ids that the index does not have.
        ConfigurationError: a prevalence beside judgments, or out of range; a reranker without.
        RerankerError: it failed.
        ClusterError: the server refused or did not answer, or another calibration came first.
    """
    if judgments is not None and prevalence is not None:
        raise ConfigurationError(
            "a prevalence is for calibrating without judgments; judgments say it themselves: "
            "leave out one of the two"
        )
    if reranker is not None and judgments is None:
        raise ConfigurationError(
            "how much a reranker should count can't be learned without judgments: give --set"
        )
    prior = prior or builtin()
    seen = store.pointer()
    reranking = None
    if judgments is not None:
        found = from_judgments(preparer, judgments, prior, seed, progress)
        choice, fitted_on, notes = found.choice, found.fitted_on, found.notes
        if reranker is not None:
            reranking = _reranking(preparer, found, reranker, window, seed, progress)
    else:
        choice, fitted_on, notes = without_judgments(preparer, prior, prevalence, seed, progress)
    notes = [*notes, *_unseen(preparer, fitted_on)]
    bundle = None
    second = reranking.stage if reranking is not None else None
    new_feedback = choice.parameters.feedback != prior.feedback
    if choice.name != LEAVE_ALONE or new_feedback or second is not None:
        bundle = Bundle(
            index=store.index,
            created=now(),
            conditions=Conditions.of(preparer.schema),
            parameters=choice.parameters,
            fitted_on=fitted_on,
            chosen=f"{choice.name}; {choice.feedback}" if new_feedback else choice.name,
            trials=choice.trials,
            second=second,
        )
        if not dry_run:
            store.add(bundle)
            store.move(bundle.id, seen)
    else:
        notes += _left_alone(store, seen)
    stored = bundle is not None and not dry_run
    return Calibration(
        store.index,
        choice.name,
        fitted_on,
        choice.trials,
        bundle,
        stored,
        tuple(notes),
        reranking,
        choice.feedback,
        choice.feedback_trials,
    )


def _reranking(
    preparer: Preparer,
    found: Judged,
    reranker: Reranker,
    window: int,
    seed: int,
    progress: Progress,
) -> Reranking:
    windows = windowed(
        preparer, reranker, found.queries, found.rows, found.choice, window, progress
    )
    origin = f"judgments of {found.fitted_on.name}"
    return choose_second(windows, found.topics, reranker, origin=origin, seed=seed)


def _unseen(preparer: Preparer, fitted_on: FittedOn) -> list[str]:
    there: Mapping[str, float] = preparer.language_mix()
    unseen = sorted(set(there) - {UND} - set(fitted_on.documents_in) - set(fitted_on.queries_in))
    if not unseen:
        return []
    text = f"never seen at the fit: {', '.join(unseen)}; pairs with them go by the weights of their"
    return [f"{text} class (same language, or two languages)"]


def _left_alone(store: Store, seen: Pointer) -> list[str]:
    text = "nothing is stored: the built-in parameters are as good as all that was tried"
    if seen.active == BUILTIN:
        return [text]
    back = f"`clir calibrate {store.index} --rollback {BUILTIN}` goes back to them"
    return [f"{text}; bundle {seen.active} stays active, {back}"]
