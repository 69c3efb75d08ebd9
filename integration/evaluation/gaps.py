"""How far a system favours a language: figures of the modality gap, for each query.

All of them are query id -> value and leave out queries about which they can say nothing, so that
`statistics.mean_interval` gives each its confidence interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from opensearch_clir.evaluation.check import SOME_TOPICS
from opensearch_clir.evaluation.metrics import PairValues
from opensearch_clir.evaluation.peer import peer
from opensearch_clir.evaluation.runs import Run, ranking
from opensearch_clir.evaluation.sets import EvaluationSet

__all__ = ["document_language_spread", "gap_figures", "score_gaps_by_pair"]


def gap_figures(
    evaluation_set: EvaluationSet, run: Run, *, depth: int = 10, cutoff: int = 100
) -> dict[str, dict[str, float]]:
    """Return figure -> query id -> value.

    - ``same_language_share@10``: share of the first `depth` hits in the query's language, 0 to 1;
    - ``same_language_share_judged``: that share among the relevant documents, to compare it with;
    - ``equivalent_preferred``: how often the relevant document in the query's language ranks above
      its translations, .5 without preference (one of them not returned: it ranks below);
    - ``equivalent_score_gap``: its score minus the mean score of its translations;
    - ``equivalent_score_gap_sd``: the same in standard deviations of the query's scores;
    - ``equivalent_returned``: share of these equivalents that were returned at all: the score gaps
      rest on them alone and are too small where it is low;
    - ``PEER@100``: see `peer`.

    Args:
        run: rankings of the whole mixed corpus with the scores that ordered them.
        depth: of the first figure.
        cutoff: of PEER.

    Raises:
        DataError: the run has a document that is not in the corpus.
    """
    share = f"same_language_share@{depth}"
    figures: dict[str, dict[str, float]] = {share: {}, "same_language_share_judged": {}}
    for query, returned in run.items():
        if query in evaluation_set.queries and returned:
            figures[share][query] = _share(evaluation_set, query, ranking(returned, depth))
    for query in evaluation_set.queries:
        relevant = evaluation_set.relevant(query)
        figures["same_language_share_judged"][query] = _share(evaluation_set, query, relevant)
    for query in evaluation_set.queries:
        for name, value in _equivalents(evaluation_set, query, run.get(query, {})).items():
            figures.setdefault(name, {})[query] = value
    figures[f"PEER@{cutoff}"] = peer(evaluation_set, run, cutoff=cutoff)
    return figures


def score_gaps_by_pair(evaluation_set: EvaluationSet, run: Run) -> PairValues:
    """Return (query language, document language) -> query id -> score gap of equivalents.

    The gap is the score of the relevant document in the query's language minus that of its
    translation into the document language; a mean where there are several such documents.
    """
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for query in evaluation_set.queries.values():
        scores = run.get(query.id, {})
        for own, translations in _groups(evaluation_set, query.id):
            for doc in translations:
                if own in scores and doc in scores:
                    pair = found.setdefault((query.lang, evaluation_set.language(doc)), {})
                    pair.setdefault(query.id, []).append(scores[own] - scores[doc])
    return {
        pair: {query: float(np.mean(gaps)) for query, gaps in queries.items()}
        for pair, queries in sorted(found.items())
    }


def document_language_spread(
    pairs: PairValues, topics: Mapping[str, str]
) -> tuple[float, dict[str, float]]:
    """Return max - min over document languages, and the value of each document language.

    A document language's value is the mean over query languages of the mean over queries. Pairs
    with fewer than `check.SOME_TOPICS` topics have no say. NaN without any pair.
    """
    means: dict[str, list[float]] = {}
    for (_, target), values in pairs.items():
        if len({topics[query] for query in values}) >= SOME_TOPICS:
            means.setdefault(target, []).append(float(np.mean(list(values.values()))))
    found = {target: float(np.mean(values)) for target, values in sorted(means.items())}
    spread = max(found.values()) - min(found.values()) if found else float("nan")
    return spread, found


def _share(evaluation_set: EvaluationSet, query: str, documents: list[str]) -> float:
    own = evaluation_set.queries[query].lang
    return sum(evaluation_set.language(doc) == own for doc in documents) / len(documents)


def _groups(evaluation_set: EvaluationSet, query: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (document in the query's language, its relevant translations) of a query."""
    own = evaluation_set.queries[query].lang
    groups: dict[str, list[str]] = {}
    for doc in evaluation_set.relevant(query):
        group = evaluation_set.documents[doc].group
        if group is not None:
            groups.setdefault(group, []).append(doc)
    for members in groups.values():
        same = [doc for doc in members if evaluation_set.language(doc) == own]
        foreign = [doc for doc in members if evaluation_set.language(doc) != own]
        if same and foreign:
            yield same[0], foreign


def _equivalents(
    evaluation_set: EvaluationSet, query: str, scores: Mapping[str, float]
) -> dict[str, float]:
    wins: list[float] = []
    gaps: list[float] = []
    returned: list[bool] = []
    for own, translations in _groups(evaluation_set, query):
        returned += [doc in scores for doc in (own, *translations)]
        wins += [_wins(scores, own, doc) for doc in translations if {own, doc} & set(scores)]
        known = [scores[doc] for doc in translations if doc in scores]
        if own in scores and known:
            gaps.append(scores[own] - float(np.mean(known)))
    figures = {}
    if returned:
        figures["equivalent_returned"] = float(np.mean(returned))
    if wins:
        figures["equivalent_preferred"] = float(np.mean(wins))
    if gaps:
        figures["equivalent_score_gap"] = float(np.mean(gaps))
        deviation = float(np.std(list(scores.values())))
        if deviation > 0:
            figures["equivalent_score_gap_sd"] = figures["equivalent_score_gap"] / deviation
    return figures


def _wins(scores: Mapping[str, float], own: str, other: str) -> float:
    lowest = -np.inf
    mine, its = scores.get(own, lowest), scores.get(other, lowest)
    return 0.5 if mine == its else float(mine > its)
