"""Calibrating from judgments: what judged queries choose, and what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opensearch_clir.calibration.bundle import FittedOn
from opensearch_clir.calibration.choose import Choice, choose
from opensearch_clir.calibration.fit_feedback import weighed
from opensearch_clir.calibration.gather import JudgedQuery, Rows, gather
from opensearch_clir.calibration.judgments import judged_queries
from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.calibration.places import measure_places
from opensearch_clir.calibration.sample import document_ids, draw
from opensearch_clir.errors import DataError
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.progress import Progress
from opensearch_clir.query.prepare import Preparer

__all__ = ["Judged", "from_judgments"]

#: Ids of documents that random negatives are drawn from; also the server's largest page.
IDS = 10_000


@dataclass(frozen=True)
class Judged:
    """What judged queries say.

    Attributes:
        choice: that they make.
        fitted_on: what they are.
        notes: what the user should know.
        queries, rows: themselves and their evidence, in the same order.
        topics: query id -> topic.
    """

    choice: Choice
    fitted_on: FittedOn
    notes: list[str]
    queries: Sequence[JudgedQuery]
    rows: Sequence[Rows]
    topics: Mapping[str, str]


def from_judgments(
    preparer: Preparer,
    judgments: EvaluationSet,
    prior: Parameters,
    seed: int,
    progress: Progress,
) -> Judged:
    """Return what judged queries choose, and what they are.

    Raises: see `calibrate`.
    """
    queries, missing = judged_queries(preparer, judgments)
    _check_languages(queries, judgments)
    notes = []
    if missing:
        notes.append(f"{len(missing)} relevant documents are not in the index: {missing[0]} …")
    rows = read_evidence(preparer, queries, seed, progress)
    documents = draw(preparer, seed=seed)
    places = measure_places(preparer.encoder, documents, preparer.schema.generation.background)
    topics = {query.id: judgments.components[query.id] for query in queries}
    origin = f"judgments of {judgments.name}"
    choice = choose(rows, topics, prior, places, origin=origin, seed=seed)
    choice = weighed(preparer, choice, rows, topics, prior.feedback, origin=origin, seed=seed)
    fitted_on = FittedOn(
        source="judgments",
        name=judgments.name,
        queries=len(queries),
        topics=len(set(topics.values())),
        relevant=sum(len(query.relevant) for query in queries),
        queries_in=tuple(sorted({query.lang for query in queries})),
        documents_in=_answered_in(rows),
    )
    return Judged(choice, fitted_on, notes, queries, rows, topics)


def read_evidence(
    preparer: Preparer, queries: Sequence[JudgedQuery], seed: int, progress: Progress
) -> list[Rows]:
    """Return the evidence of queries, in their order. Raises `ClusterError`."""
    ids, total = document_ids(preparer, IDS, seed=seed)
    rows = gather(preparer, queries, ids, seed=seed, total=total)
    return list(progress(rows, label="evidence", total=len(queries)))


def _check_languages(queries: Sequence[JudgedQuery], judgments: EvaluationSet) -> None:
    asked = {query.lang for query in queries}
    answered = {judgments.language(d) for query in queries for d in query.relevant}
    if len(asked | answered) < 2:
        raise DataError(
            f"set {judgments.name!r} has queries and relevant documents in one language only "
            f"({', '.join(sorted(asked | answered)) or 'none'}): how languages compare can't be "
            "learned from it; add queries whose answers are in another language, or calibrate "
            "without --set"
        )


def _answered_in(rows: Sequence[Rows]) -> tuple[str, ...]:
    return tuple(sorted({str(d) for row in rows for d in row.documents[row.relevant > 0]}))
