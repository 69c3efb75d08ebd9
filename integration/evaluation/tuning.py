"""Cross-fitting: for each fold, settings chosen on the queries of the others alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from opensearch_clir.calibration.bending import bent_and_held_out
from opensearch_clir.calibration.feedback_windows import (
    DocumentVectors,
    FeedbackWindows,
    read_vectors,
)
from opensearch_clir.calibration.fit import Places, fit
from opensearch_clir.calibration.fit_feedback import choose_feedback
from opensearch_clir.calibration.gather import JudgedQuery, Rows, gather
from opensearch_clir.calibration.parameters import Parameters, builtin
from opensearch_clir.evaluation.metrics import per_query
from opensearch_clir.evaluation.runs import Run, ranking
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.systems.emulate import hybrid_scores, rrf_scores
from opensearch_clir.evaluation.systems.stock import COMBINATIONS, HybridConfig
from opensearch_clir.evaluation.workbench import Workbench
from opensearch_clir.progress import Progress, silent

__all__ = ["RRF_CONSTANTS", "Legs", "Tuner", "cross_fitted", "hybrid_grid", "judged"]

T = TypeVar("T")

Lexical = Literal["bm25", "bm25-lang"]

#: Rank constants tried for RRF.
RRF_CONSTANTS = (10, 60)

#: Pull of a pair's log-odds towards its class's. `calibration.choose` tries others, too; choosing
#: anew inside every training fold would cost minutes, and this one won wherever it was tried.
PAIR_RIDGE = 10.0

#: Queries that settings of the stock hybrid are chosen on, at most; more change the choice little.
TUNING_QUERIES = 600

#: The measure that settings are chosen by.
OBJECTIVE = "nDCG@10"


@dataclass(frozen=True)
class Legs:
    """Pooled runs of the parts that the stock hybrid is made of."""

    lexical: Mapping[Lexical, Run]
    dense: Run


def hybrid_grid() -> list[HybridConfig]:
    """Return every setting of the stock hybrid that is tried."""
    legs: tuple[Lexical, ...] = ("bm25", "bm25-lang")
    return [
        HybridConfig(lexical, step / 10, normalisation, combination)
        for lexical in legs
        for step in range(11)
        for normalisation in ("min_max", "l2")
        for combination in COMBINATIONS
    ]


@dataclass
class Tuner:
    """Chooses settings by fold.

    Attributes:
        set: queries and judgments.
        folds: fold of each query, from `folds.make_folds`.
        seed: of the sample that settings of the stock hybrid are chosen on.
    """

    set: EvaluationSet
    folds: Mapping[str, int]
    seed: int = 0

    @property
    def numbers(self) -> list[int]:
        """The folds."""
        return sorted(set(self.folds.values()))

    def training(self, fold: int) -> list[str]:
        """Return the queries that may be seen for a fold."""
        return [query for query, f in self.folds.items() if f != fold]

    def calibrated(self, bench: Workbench, progress: Progress = silent) -> dict[int, Parameters]:
        """Return the fusion's parameters for each fold, fitted on the others.

        Raises:
            DataError: too few relevant pairs to fit.
            ClusterError: the server refused or did not answer.
        """
        queries = judged(self.set, list(self.folds))
        evidence = gather(bench.preparer, queries, list(self.set.documents), seed=self.seed)
        rows = list(progress(evidence, label="evidence", total=len(queries)))
        found: dict[str, Rows] = {r.query: r for r in rows}
        places = Places(bench.preparer.schema.generation.background)
        vectors = read_vectors(bench.preparer, rows)
        return {
            fold: cross_fitted(
                [found[q] for q in self.training(fold)],
                self.set.components,
                places,
                f"{self.set.name}, all folds but {fold}",
                vectors=vectors,
            )
            for fold in self.numbers
        }

    def hybrid(self, legs: Legs) -> dict[int, HybridConfig]:
        """Return the best setting of the stock hybrid for each fold."""

        def scores(config: HybridConfig, query: str) -> dict[str, float]:
            lexical = legs.lexical[config.lexical]
            return hybrid_scores(config, lexical.get(query, {}), legs.dense.get(query, {}))

        return self._best(hybrid_grid(), scores)

    def rrf(self, legs: Legs) -> dict[int, tuple[Lexical, int]]:
        """Return the best lexical leg and rank constant of RRF for each fold."""
        lexical: tuple[Lexical, ...] = ("bm25", "bm25-lang")

        def scores(config: tuple[Lexical, int], query: str) -> dict[str, float]:
            leg, constant = config
            return rrf_scores(constant, legs.lexical[leg].get(query, {}), legs.dense.get(query, {}))

        return self._best([(leg, k) for leg in lexical for k in RRF_CONSTANTS], scores)

    def _best(
        self, configs: Sequence[T], scores: Callable[[T, str], dict[str, float]]
    ) -> dict[int, T]:
        sample = self._sample()
        qrels = {query: self.set.qrels[query] for query in sample}
        values = np.zeros((len(configs), len(sample)))
        for row, config in enumerate(configs):
            run = {}
            for query in sample:
                found = scores(config, query)
                run[query] = {doc: found[doc] for doc in ranking(found, 10)}
            measured = per_query(qrels, run, (OBJECTIVE,))[OBJECTIVE]
            values[row] = [measured[query] for query in sample]
        folds = np.array([self.folds[query] for query in sample])
        return {
            fold: configs[int(values[:, folds != fold].mean(axis=1).argmax())]
            for fold in self.numbers
        }

    def _sample(self) -> list[str]:
        queries = sorted(self.folds)
        if len(queries) <= TUNING_QUERIES:
            return queries
        chosen = np.random.default_rng(self.seed).permutation(len(queries))[:TUNING_QUERIES]
        return [queries[i] for i in sorted(chosen)]


def cross_fitted(
    rows: Sequence[Rows],
    topics: Mapping[str, str],
    places: Places,
    origin: str,
    prior: Parameters | None = None,
    vectors: DocumentVectors | None = None,
) -> Parameters:
    """Return the parameters that are learned from the judged queries of some folds.

    Args:
        rows: evidence of the queries.
        topics: query id -> topic.
        places: of unrelated cosines.
        origin: where the rows come from, for reports.
        prior: in place of the built-in parameters.
        vectors: of the rows' documents, for weights of feedback; None: the prior's stay.

    Raises:
        DataError: too few relevant pairs to fit.
    """
    start = prior or builtin()

    def weights(some: Sequence[Rows]) -> Parameters:
        return fit(some, start, places, origin=origin, pair_ridge=PAIR_RIDGE)

    found, logits = bent_and_held_out(rows, topics, weights, places.background)
    if vectors is None or not logits:
        return found
    windows = FeedbackWindows(rows, logits, vectors, places.background["non_matching"])
    chosen = choose_feedback(windows, topics, start.feedback, origin=origin)
    return replace(found, feedback=chosen.feedback)


def judged(evaluation_set: EvaluationSet, queries: Sequence[str]) -> list[JudgedQuery]:
    """Return queries with their relevant documents, as the fusion is fitted on them."""
    return [
        JudgedQuery(q.id, q.text, q.lang, frozenset(evaluation_set.relevant(q.id)))
        for q in map(evaluation_set.queries.__getitem__, queries)
    ]
