"""Whether feedback is worth its while in an index, and how much it then counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.bundle import Trial
from opensearch_clir.calibration.choose import FOLDS, Choice, Trials
from opensearch_clir.calibration.feedback import DOCUMENTS, FINGERPRINT, NAME, Centre, Feedback
from opensearch_clir.calibration.fit_second import Windowed, fit_second, with_second
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.predict import first
from opensearch_clir.calibration.second import SecondStage
from opensearch_clir.calibration.shown import fit_shown, standing_of
from opensearch_clir.cluster import guarded
from opensearch_clir.encoders.background import robust_place
from opensearch_clir.query.first_hits import vector_of
from opensearch_clir.query.prepare import Preparer
from opensearch_clir.rerank.window import WINDOW

__all__ = [
    "DocumentVectors",
    "FeedbackChoice",
    "FeedbackWindows",
    "after",
    "choose_feedback",
    "read_vectors",
    "weighed",
]

#: Documents read in one request.
BATCH = 200

#: Closer than this two documents are one, which says nothing of how near others are.
_SAME = 0.9999

Array = NDArray[np.float64]

#: Learns weights from queries with the evidence of feedback.
Maker = Callable[[Sequence[Windowed]], Feedback]
Table = NDArray[np.float32]

#: Document id -> its unit vector of shape (dimension,); without those that have none.
DocumentVectors = Mapping[str, NDArray[np.float32]]


def read_vectors(preparer: Preparer, rows: Sequence[Rows]) -> dict[str, NDArray[np.float32]]:
    """Return the stored vectors of all documents of the rows. Raises `ClusterError`."""
    path = preparer.schema.vector_field
    ids = sorted({document for row in rows for document in row.ids})
    found: dict[str, NDArray[np.float32]] = {}
    for start in range(0, len(ids), BATCH):
        part = ids[start : start + BATCH]
        body = {"query": {"ids": {"values": part}}, "size": len(part), "_source": [path]}
        with guarded(f"reading vectors of {preparer.index!r}"):
            answer = preparer.client.search(index=preparer.index, body=body)
        for hit in answer["hits"]["hits"]:
            vector = vector_of(hit, path)
            if vector is not None:
                found[hit["_id"]] = vector
    return found


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
        by_fold = [
            make([w for w, f in zip(all_, trials.folds, strict=True) if f != fold])
            for fold in range(FOLDS)
        ]
        logits = [after(w, by_fold[fold]) for w, fold in zip(all_, trials.folds, strict=True)]
        trials.add_held_out(name, logits)
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


class FeedbackWindows:
    """The first hits of queries, with the vectors that feedback goes by.

    Args:
        rows: evidence of the queries, with the ids of their documents.
        logits: log-odds of each row's documents, from weights that did not see its topic.
        vectors: of the documents.
        place: location and scale of the cosine of unrelated texts.
    """

    def __init__(
        self,
        rows: Sequence[Rows],
        logits: Sequence[Array],
        vectors: DocumentVectors,
        place: tuple[float, float],
    ) -> None:
        self._place = place
        places = {document: number for number, document in enumerate(vectors)}
        self._table = np.stack(list(vectors.values())) if places else np.zeros((0, 1), np.float32)
        self._hits = [_Hits(r, found, places) for r, found in zip(rows, logits, strict=True)]

    @property
    def plain(self) -> list[Windowed]:
        """The queries without any feedback."""
        return [Windowed(s.row, s.logits, np.full(len(s.logits), np.nan)) for s in self._hits]

    @property
    def typical(self) -> float:
        """How near first hits and other hits are to each other; see `Feedback`."""
        near = np.concatenate([np.zeros(0), *(one.nearness(self._table) for one in self._hits)])
        location, scale = self._place
        return (robust_place(near)[0] - location) / scale if len(near) else 0.0

    def fitted(self, origin: str = "") -> Feedback:
        """Return the weights that suit these queries best."""
        typical = self.typical
        return _fitted(self.scored(typical), typical, origin)

    def scored(self, typical: float) -> list[Windowed]:
        """Return the queries with the evidence of feedback."""
        return [one.scored(self._table, typical, self._place) for one in self._hits]


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


class _Hits:
    """The documents of one query that have a vector, best first."""

    def __init__(self, row: Rows, logits: Array, places: Mapping[str, int]) -> None:
        order = np.argsort(-logits, kind="stable").tolist()
        kept = [i for i in order if row.ids[i] in places]
        self.row, self.logits = row, logits
        self.chosen = np.array(kept, dtype=np.intp)
        self.places = np.array([places[row.ids[i]] for i in kept], dtype=np.intp)

    def nearness(self, table: Table) -> Array:
        """Return the cosines of the first hits and others that are shown."""
        found = table[self.places[:WINDOW]] @ table[self.places[:DOCUMENTS]].T
        return np.asarray(found[found < _SAME], dtype=np.float64)

    def scored(self, table: Table, typical: float, place: tuple[float, float]) -> Windowed:
        scores = np.full(len(self.logits), np.nan)
        if len(self.places):
            vectors = table[self.places]
            likely = 1 / (1 + np.exp(-self.logits[self.chosen[:DOCUMENTS]]))
            centre = Centre.of(vectors[:DOCUMENTS], likely)
            scores[self.chosen] = centre.evidence(vectors, typical, place)
        return Windowed(self.row, self.logits, scores)
