"""All systems on one set, in one run on one index: runs, cross-fitted settings, latencies."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.cluster import guarded
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.evaluation.folds import make_folds
from opensearch_clir.evaluation.metrics import MEASURES, PairValues, Values, in_pairs, pooled
from opensearch_clir.evaluation.runs import Run
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.systems.base import DEPTH, System
from opensearch_clir.evaluation.systems.ours import Calibrated
from opensearch_clir.evaluation.systems.stock import Bm25, Hybrid, Knn, Rrf
from opensearch_clir.evaluation.tuning import Legs, Lexical, Tuner
from opensearch_clir.evaluation.workbench import FIELDS, Workbench
from opensearch_clir.progress import Progress, silent
from opensearch_clir.query.request import MAX_WINDOW

__all__ = ["SYSTEMS", "Experiment", "Measured", "Options"]

#: Names of all systems, in the order of reports.
SYSTEMS = ("bm25", "bm25-lang", "knn", "hybrid", "rrf", "clir")

SystemOf = Callable[[str], System]


@dataclass(frozen=True)
class Options:
    """How to run.

    Attributes:
        systems: some of `SYSTEMS`.
        measures: names of ``ir_measures``.
        folds: for cross-fitting.
        seed: of folds and samples.
        pair_topics: topics a pair that are run within the target language; None: all, 0: no
            pairs, the pooled figures alone.
        parameters: of the fusion, in place of cross-fitted ones.
        timed: queries whose latency is taken.
    """

    systems: Sequence[str] = SYSTEMS
    measures: Sequence[str] = MEASURES
    folds: int = 5
    seed: int = 0
    pair_topics: int | None = 60
    parameters: Parameters | None = None
    timed: int = 100


@dataclass
class Measured:
    """What one system did.

    Attributes:
        run: pooled ranking, query id -> document id -> score.
        pooled: measure -> query id -> value.
        pairs: measure -> (query language, document language) -> query id -> value.
        latency: seconds, one per timed query.
        chosen: settings by fold, in words; empty for untuned systems.
    """

    run: Run
    pooled: Mapping[str, Values]
    pairs: Mapping[str, PairValues]
    latency: list[float] = field(default_factory=list)
    chosen: dict[int, str] = field(default_factory=dict)


class Experiment:
    """One run over a set.

    Args:
        bench: the index and the prepared questions.
        options: how to run.
        progress: told of searches.
        extra: more systems by name, such as rerankers, each a function from a query id; one that
            is tuned must give a query only what was learned on other folds (`folds`).

    Raises:
        ConfigurationError: an unknown system, or fewer topics than folds.
    """

    def __init__(
        self,
        bench: Workbench,
        options: Options,
        progress: Progress = silent,
        extra: Mapping[str, SystemOf] | None = None,
    ) -> None:
        self.extra = dict(extra or {})
        unknown = [n for n in options.systems if n not in SYSTEMS and n not in self.extra]
        if unknown:
            raise ConfigurationError(
                f"unknown system {', '.join(unknown)}: choose from {', '.join(SYSTEMS)}"
            )
        self.bench = bench
        self.options = options
        self.progress = progress
        self.set: EvaluationSet = bench.set
        self.folds = make_folds(self.set.components, options.folds, options.seed)
        self.asked = _sample_pairs(self.set, options.pair_topics, options.seed)

    def run(self) -> dict[str, Measured]:
        """Run every system and return what it did, by name.

        Raises:
            DataError: too little data to fit.
            ClusterError: the server refused or did not answer.
        """
        systems, runs, chosen = self._systems()
        measured = {}
        for name in self.options.systems:
            run = runs.get(name) or self._pooled(name, systems[name])
            measured[name] = Measured(
                run,
                pooled(self.set, run, self.options.measures),
                self._pairs(name, systems[name]),
                chosen=chosen.get(name, {}),
            )
        for name, seconds in self._latencies(systems).items():
            measured[name].latency = seconds
        return measured

    def _systems(
        self,
    ) -> tuple[dict[str, SystemOf], dict[str, Run], dict[str, dict[int, str]]]:
        """Return each system by query, the untuned ones' runs, and what was chosen by fold."""
        languages = tuple(sorted({d.lang for d in self.set.documents.values()}))
        names = self.bench.preparer.schema.names
        lexical: dict[Lexical, Bm25] = {
            "bm25": Bm25(FIELDS),
            "bm25-lang": Bm25(tuple(map(names.text, languages)), "bm25-lang"),
        }
        plain: dict[str, System] = {"knn": Knn()}
        plain.update(lexical.items())
        systems: dict[str, SystemOf] = {n: (lambda _, s=s: s) for n, s in plain.items()}  # type: ignore[misc]
        wanted = set(self.options.systems)
        needed = set(plain) if wanted & {"hybrid", "rrf"} else wanted & set(plain)
        runs = {name: self._pooled(name, systems[name]) for name in plain if name in needed}
        tuner = Tuner(self.set, self.folds, self.options.seed)
        chosen: dict[str, dict[int, str]] = {}
        if wanted & {"hybrid", "rrf"}:
            legs = Legs({name: runs[name] for name in lexical}, runs["knn"])
            hybrids = tuner.hybrid(legs)
            constants = tuner.rrf(legs)
            chosen["hybrid"] = {fold: str(config) for fold, config in hybrids.items()}
            chosen["rrf"] = {f: f"{leg} + knn, k {k}" for f, (leg, k) in constants.items()}
            by_fold = {f: Hybrid(config, lexical[config.lexical]) for f, config in hybrids.items()}
            fused = {f: Rrf(k, lexical[leg]) for f, (leg, k) in constants.items()}
            systems["hybrid"] = lambda query: by_fold[self.folds[query]]
            systems["rrf"] = lambda query: fused[self.folds[query]]
        if "clir" in wanted:
            given = self.options.parameters
            parameters = (
                dict.fromkeys(tuner.numbers, given)
                if given is not None
                else tuner.calibrated(self.bench, self.progress)
            )
            chosen["clir"] = {fold: str(p) for fold, p in parameters.items()}
            ours = {fold: Calibrated(p) for fold, p in parameters.items()}
            systems["clir"] = lambda query: ours[self.folds[query]]
        systems.update(self.extra)
        return systems, runs, chosen

    def _pooled(self, name: str, system_of: SystemOf) -> Run:
        queries = self.progress(self.set.queries, label=name, total=len(self.set.queries))
        return self.bench.run(system_of, queries, DEPTH)

    def _pairs(self, name: str, system_of: SystemOf) -> dict[str, PairValues]:
        if not self.asked:
            return {measure: {} for measure in self.options.measures}
        targets = {
            target: {q for (_, t), queries in self.asked.items() if t == target for q in queries}
            for _, target in self.asked
        }
        every = sorted(set().union(*targets.values()))
        size = len(self.set.documents)
        if every and system_of(every[0]).same_scores and size <= MAX_WINDOW:
            label = f"{name}, within languages"
            queries = self.progress(every, label=label, total=len(every))
            deep = self.bench.run(system_of, queries, size)
            return in_pairs(self.set, deep, self.options.measures, asked=self.asked)
        runs: dict[str, Run] = {}
        label = f"{name}, within languages"
        for target in self.progress(sorted(targets), label=label, total=len(targets)):
            within = [{"term": {"lang": target}}]
            runs[target] = self.bench.run(system_of, sorted(targets[target]), DEPTH, within)
        return in_pairs(self.set, runs.__getitem__, self.options.measures, asked=self.asked)

    def _latencies(self, systems: Mapping[str, SystemOf]) -> dict[str, list[float]]:
        """Time whole searches, preparation included, the systems taking turns query by query."""
        rng = np.random.default_rng(self.options.seed)
        queries = sorted(self.set.queries)
        picked = rng.permutation(len(queries))[: self.options.timed]
        names = list(self.options.systems)
        seconds: dict[str, list[float]] = {name: [] for name in names}
        for number, row in enumerate(self.progress(picked, label="latency", total=len(picked))):
            query = queries[int(row)]
            for name in names[number % len(names) :] + names[: number % len(names)]:
                started = time.perf_counter()
                body: dict[str, Any] = systems[name](query).body(self.bench.fresh(query), 10)
                with guarded(f"timing {name}"):
                    self.bench.client.search(index=self.bench.index, body=body)
                seconds[name].append(time.perf_counter() - started)
        return seconds


def _sample_pairs(
    evaluation_set: EvaluationSet, topics: int | None, seed: int
) -> dict[tuple[str, str], list[str]]:
    """Return the queries to run within a language, by pair: those of at most `topics` topics."""
    by_pair: dict[tuple[str, str], dict[str, list[str]]] = {}
    if topics == 0:
        return {}
    for query in evaluation_set.queries.values():
        for target in {evaluation_set.language(d) for d in evaluation_set.relevant(query.id)}:
            topic = evaluation_set.topics[query.id]
            by_pair.setdefault((query.lang, target), {}).setdefault(topic, []).append(query.id)
    rng = np.random.default_rng(seed)
    asked = {}
    for pair, found in sorted(by_pair.items()):
        names = sorted(found)
        if topics is not None and len(names) > topics:
            names = [names[i] for i in sorted(rng.permutation(len(names))[:topics])]
        asked[pair] = [query for name in names for query in found[name]]
    return asked
