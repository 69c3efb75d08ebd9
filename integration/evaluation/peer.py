"""PEER: the probability that documents of all languages have the same expected rank.

Yang, Jänich, Mayfield, Lawrie: Language Fairness in Multilingual Information Retrieval, SIGIR 2024.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import chdtrc

from opensearch_clir.evaluation.runs import Run, ranking
from opensearch_clir.evaluation.sets import EvaluationSet

__all__ = ["kruskal_p", "peer"]


def peer(
    evaluation_set: EvaluationSet,
    run: Run,
    *,
    cutoff: int = 100,
    weights: Mapping[int, float] | None = None,
) -> dict[str, float]:
    """Return query id -> PEER@cutoff between 0 (unfair) and 1 (no sign of unfairness).

    For each grade, the ranks of its documents are compared between languages by the Kruskal-Wallis
    test; PEER is the weighted mean of the p-values. Relevant documents that are not in the first
    `cutoff` share the mean of the ranks that follow it.

    A grade with one language only, or with no language that has two documents, can't tell
    anything: its p-value would be the same for every ranking. It is left out, and so is a query
    with no other grades. (The authors' program counts the former as 1.)

    Args:
        weights: grade -> weight, scaled to sum to 1 over the grades a query has. Grade 0 stands
            for everything returned that is not relevant. Default: equal, relevant grades only.
    """
    return {
        query: value
        for query in evaluation_set.queries
        if (value := _of_query(evaluation_set, query, run.get(query, {}), cutoff, weights))
        is not None
    }


def kruskal_p(samples: Sequence[Sequence[float]]) -> float:
    """Return the p-value of the Kruskal-Wallis test on ranks, one sample a language.

    H = (N-1) Σ n_l (r̄_l - r̄)² / Σ (r - r̄)², which is χ² with L-1 degrees of freedom if languages
    make no difference (Kruskal and Wallis 1952, with their correction for ties). If all ranks are
    equal, p is 1.
    """
    everything = np.concatenate([np.asarray(sample, dtype=np.float64) for sample in samples])
    mean = everything.mean()
    total = float(((everything - mean) ** 2).sum())
    if total == 0:
        return 1.0
    between = sum(len(sample) * (float(np.mean(sample)) - mean) ** 2 for sample in samples)
    return float(chdtrc(len(samples) - 1, (len(everything) - 1) * between / total))


def _of_query(
    evaluation_set: EvaluationSet,
    query: str,
    scores: Mapping[str, float],
    cutoff: int,
    weights: Mapping[int, float] | None,
) -> float | None:
    judged = evaluation_set.qrels[query]
    ranks = {doc: rank for rank, doc in enumerate(ranking(scores, cutoff), start=1)}
    total = weight = 0.0
    grades = {*judged.values(), 0} if weights else set(judged.values()) - {0}
    for grade in grades:
        share = weights.get(grade, 0.0) if weights else 1.0
        samples = _ranks_by_language(evaluation_set, judged, ranks, grade, cutoff)
        if share > 0 and len(samples) > 1 and max(map(len, samples)) > 1:
            total += share * kruskal_p(samples)
            weight += share
    return total / weight if weight else None


def _ranks_by_language(
    evaluation_set: EvaluationSet,
    judged: Mapping[str, int],
    ranks: Mapping[str, int],
    grade: int,
    cutoff: int,
) -> list[list[float]]:
    if grade:
        documents = [doc for doc, found in judged.items() if found == grade]
    else:
        documents = [doc for doc in ranks if judged.get(doc, 0) == 0]
    missing = sum(doc not in ranks for doc in documents)
    behind = cutoff + (missing + 1) / 2
    samples: dict[str, list[float]] = {}
    for doc in documents:
        rank = float(ranks.get(doc, behind))
        samples.setdefault(evaluation_set.language(doc), []).append(rank)
    return list(samples.values())
