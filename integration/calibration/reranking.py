"""Whether a reranker is worth its while in an index: cross-validated against leaving it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.bundle import Trial
from opensearch_clir.calibration.choose import Choice
from opensearch_clir.calibration.documents import read_documents
from opensearch_clir.calibration.fit_second import Windowed, cross_fitted, fit_second, with_second
from opensearch_clir.calibration.gather import JudgedQuery, Rows
from opensearch_clir.calibration.predict import first
from opensearch_clir.calibration.second import SecondStage
from opensearch_clir.calibration.trials import Trials
from opensearch_clir.progress import Progress, silent
from opensearch_clir.query.prepare import Preparer
from opensearch_clir.rerank.base import Candidate, Reranker, compares, scored
from opensearch_clir.rerank.texts import text_of

__all__ = ["Reranking", "choose_second", "windowed"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Reranking:
    """What cross-validation says of a reranker.

    Attributes:
        chosen: the candidate that won, in words.
        stage: its weights; None where leaving it out is as good.
        trials: without it, and with it in several ways.
        scored: documents that it scored.
    """

    chosen: str
    stage: SecondStage | None
    trials: tuple[Trial, ...]
    scored: int


def choose_second(
    windows: Sequence[Windowed],
    topics: Mapping[str, str],
    reranker: Reranker,
    *,
    origin: str = "",
    seed: int = 0,
) -> Reranking:
    """Return the reranker's weights, if with them held-out topics are ranked better.

    By more than one standard error of the paired difference over topics, as for all else that is
    chosen. What changes more must be better by as much again, or say the first hits' probabilities
    better: first only the weight is fitted, then also what the first stage's log-odds are worth
    beside it, then a location and scale for each pair. Of a reranker that compares texts only the
    weight is fitted.

    Args:
        windows: of the judged queries.
        topics: query id -> topic; a topic is never split.
        reranker: that scored them.
        origin: where the queries come from, for reports.
        seed: of the folds.

    Raises: what the reranker raises for its fingerprint.
    """
    name, fingerprint = reranker.name, reranker.fingerprint

    def fitted(keep: bool, by_pair: bool) -> Callable[[Sequence[Windowed]], SecondStage]:
        return lambda some: fit_second(
            some, name, fingerprint, keep=keep, by_pair=by_pair, origin=origin
        )

    trials = Trials([w.rows for w in windows], topics, {}, seed)
    trials.add_held_out("without the reranker", [w.log_odds for w in windows])
    makers = [fitted(True, False), fitted(False, False), fitted(False, True)]
    if compares(reranker):
        # The first stage decided which texts come first; refitted beside scores that follow from
        # that, it ranks worse within a language (decision 26).
        del makers[1:]
    labels = ("weight alone", "all weights", "all weights, places of pairs")[: len(makers)]
    for make, label in zip(makers, labels, strict=True):
        trials.add_held_out(
            f"{name}, {label}", cross_fitted(windows, trials.folds, make, with_second)
        )
    winner = 0
    for number in range(1, len(makers) + 1):
        # Log-odds that are too sure rank as well, and say the wrong probability.
        truer = winner > 0 and trials.worth(winner, number)
        winner = number if truer or trials.better(winner, number) else winner
    stage = makers[winner - 1](windows) if winner else None
    known = sum(int(w.known.sum()) for w in windows)
    return Reranking(trials.names[winner], stage, trials.table(), known)


def windowed(
    preparer: Preparer,
    reranker: Reranker,
    queries: Sequence[JudgedQuery],
    rows: Sequence[Rows],
    choice: Choice,
    size: int,
    progress: Progress = silent,
) -> list[Windowed]:
    """Have each query's first hits scored.

    Args:
        preparer: of the index.
        reranker: to be tried.
        queries, rows: of the judgments, in the same order.
        choice: of the first stage, with its held-out log-odds.
        size: hits that are scored.
        progress: told of queries.

    Raises:
        RerankerError: it failed.
        ClusterError: documents can't be read.
    """
    found = []
    together = list(zip(queries, rows, choice.held_out, strict=True))
    for query, row, logits in progress(together, label=reranker.name, total=len(together)):
        chosen = np.flatnonzero(first(row, logits, size))
        chosen = chosen[np.argsort(-logits[chosen], kind="stable")]
        texts = read_texts(preparer, [row.ids[i] for i in chosen])
        candidates = [
            Candidate(row.ids[i], str(row.documents[i]), texts.get(row.ids[i], "")) for i in chosen
        ]
        scores = np.full(len(logits), np.nan)
        scores[chosen] = scored(reranker, query.text, candidates)
        found.append(Windowed(row, logits, scores))
    return found


def read_texts(preparer: Preparer, ids: Sequence[str]) -> dict[str, str]:
    """Return the texts of documents by id, blank where they have none. Raises `ClusterError`."""
    schema = preparer.schema
    hits = read_documents(preparer, ids, [field.name for field in schema.fields])
    return {hit["_id"]: text_of(hit.get("_source", {}), schema) for hit in hits}
