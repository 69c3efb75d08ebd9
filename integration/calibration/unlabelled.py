"""Calibrating without judgments: from translation groups, or from nothing but the corpus.

Known-item questions overstate what words and vectors tell, and say nothing of how an answer in the
question's own language compares with one in another. So the weights stay as they are; only what
differs between pairs of one class is learned: locations and scales of unrelated cosines, and, from
translations, log-odds of pairs that average to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from opensearch_clir.calibration.bundle import FittedOn
from opensearch_clir.calibration.choose import LEAVE_ALONE, MIN_TOPICS, Choice
from opensearch_clir.calibration.fit import Places
from opensearch_clir.calibration.gather import JudgedQuery, Rows, gather
from opensearch_clir.calibration.groups import across, choose_across, members
from opensearch_clir.calibration.intercepts import with_prevalence
from opensearch_clir.calibration.parameters import PairPlace, Parameters
from opensearch_clir.calibration.places import differing, measure_places
from opensearch_clir.calibration.pseudo import pseudo_query
from opensearch_clir.calibration.sample import Sampled, document_ids, draw
from opensearch_clir.errors import DataError
from opensearch_clir.progress import Progress
from opensearch_clir.query.prepare import Preparer

__all__ = ["DIFFERENT", "with_places", "without_judgments"]

#: Places of pairs that lie closer together than this, in scales of their class, change nothing.
DIFFERENT = 0.5

#: Questions made from documents, at most.
QUESTIONS = 300

#: Fewer documents with a language, a vector and text than this say nothing of a corpus.
MIN_DOCUMENTS = 50

#: Ids of documents that random negatives are drawn from.
IDS = 10_000


def without_judgments(
    preparer: Preparer,
    prior: Parameters,
    prevalence: float | None,
    seed: int,
    progress: Progress,
) -> tuple[Choice, FittedOn, list[str]]:
    """Return what the corpus itself chooses, what was looked at, and what the user should know.

    Raises:
        DataError: too few documents.
        ConfigurationError: prevalence out of range.
        ClusterError: the server refused or did not answer.
    """
    documents = draw(preparer, seed=seed)
    languages = sorted({document.lang for document in documents})
    if len(documents) < MIN_DOCUMENTS or len(languages) < 2:
        raise DataError(
            f"index {preparer.index!r} has {len(documents)} documents with a vector in "
            f"{len(languages)} languages: at least {MIN_DOCUMENTS} in two or more are needed to "
            "calibrate without judgments; index more, or give judgments with --set"
        )
    background = preparer.schema.generation.background
    places = measure_places(preparer.encoder, documents, background)
    groups = members(preparer, documents)
    queries = _questions(documents, groups, seed)
    topics = {query.id: groups[query.id][0] for query in queries if query.id in groups}
    grouped = len(set(topics.values())) >= MIN_TOPICS
    if grouped:
        queries = [query for query in queries if query.id in topics]
    rows: list[Rows] = []
    if grouped or prevalence is not None:
        ids, total = document_ids(preparer, IDS, seed=seed)
        evidence = gather(preparer, queries, ids, seed=seed, total=total)
        rows = list(progress(evidence, label="evidence", total=len(queries)))
    notes = []
    if grouped:
        choice = choose_across(across(rows), topics, prior, places, seed=seed)
    else:
        choice, note = _by_places(prior, places)
        notes.append(note)
    if prevalence is not None:
        moved = with_prevalence(_without_source(rows), choice.parameters, background, prevalence)
        name = f"{choice.name}, prevalence {prevalence:g}"
        choice = Choice(name, replace(moved, origin=name), choice.trials)
    fitted_on = FittedOn(
        source="groups" if grouped else "corpus",
        name="",
        queries=len(queries),
        topics=len(set(topics.values())) if grouped else len(queries),
        relevant=sum(len(query.relevant) - 1 for query in queries) if grouped else 0,
        queries_in=tuple(sorted({query.lang for query in queries})),
        documents_in=tuple(languages),
        prevalence=prevalence,
    )
    return choice, fitted_on, notes


def with_places(prior: Parameters, places: Places) -> Parameters:
    """Return the parameters with each pair's own location and scale."""
    pairs = {pair: PairPlace(*place) for pair, place in places.pairs.items()}
    return replace(prior, pairs=pairs, origin=f"{prior.origin}; places of pairs in this index")


def _by_places(prior: Parameters, places: Places) -> tuple[Choice, str]:
    apart = differing(places)
    text = f"unrelated texts of different pairs lie {apart:.2f} scales apart, "
    if apart < DIFFERENT:
        return Choice(LEAVE_ALONE, prior, ()), f"{text}less than {DIFFERENT}: too little to matter"
    choice = Choice("places of pairs", with_places(prior, places), ())
    return choice, f"{text}at least {DIFFERENT}: each pair gets its own location and scale"


def _questions(
    documents: Sequence[Sampled], groups: Mapping[str, tuple[str, frozenset[str]]], seed: int
) -> list[JudgedQuery]:
    """Return questions made from documents, those of groups first, languages taking turns."""
    rng = np.random.default_rng(seed)
    shuffled = [documents[i] for i in rng.permutation(len(documents))]
    turn: dict[str, int] = {}
    keyed = []
    for document in shuffled:
        turn[document.lang] = turn.get(document.lang, 0) + 1
        keyed.append((document.id not in groups, turn[document.lang], document))
    found = []
    for _, _, document in sorted(keyed, key=lambda item: item[:2]):
        text = pseudo_query(document)
        if text is not None:
            answers = groups[document.id][1] if document.id in groups else frozenset()
            found.append(JudgedQuery(document.id, text, document.lang, answers | {document.id}))
        if len(found) == QUESTIONS:
            break
    return found


def _without_source(rows: Sequence[Rows]) -> list[Rows]:
    """Leave out the document that a question was made from: its probability means nothing."""
    kept = [~((row.relevant > 0) & row.matching) for row in rows]
    return [row.subset(keep) for row, keep in zip(rows, kept, strict=True)]
