"""The outcome of an experiment as JSON: figures with intervals, differences, worst queries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import numpy as np

from opensearch_clir import __version__
from opensearch_clir.evaluation.experiment import Experiment, Measured
from opensearch_clir.evaluation.gaps import document_language_spread, gap_figures
from opensearch_clir.evaluation.metrics import answer_languages
from opensearch_clir.evaluation.probabilities import judge
from opensearch_clir.evaluation.runs import ranking
from opensearch_clir.evaluation.statistics import mean_interval
from opensearch_clir.evaluation.summary import compare, summarise
from opensearch_clir.progress import Progress, silent

__all__ = ["result"]

#: Worst queries listed.
WORST = 20

#: The system that is compared with all others.
OURS = "clir"


def result(
    experiment: Experiment,
    measured: Mapping[str, Measured],
    *,
    resamples: int = 10_000,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Return the report's figures in the layout of ``clir evaluate --json``.

    Raises:
        DataError: there is nothing to summarise.
    """
    bench, options = experiment.bench, experiment.options
    steps = progress(measured.items(), label="figures", total=len(measured))
    systems = {name: _system(experiment, m, resamples) for name, m in steps}
    if OURS in measured:
        systems[OURS]["probabilities"] = judge(
            experiment.set, measured[OURS].run, resamples=resamples, seed=options.seed
        )
    evaluation_set = experiment.set
    info = bench.client.info()
    generation = bench.preparer.schema.generation
    return {
        "set": {
            "name": evaluation_set.name,
            "documents": len(evaluation_set.documents),
            "queries": len(evaluation_set.queries),
            "topics": len(set(evaluation_set.topics.values())),
            "languages": sorted({d.lang for d in evaluation_set.documents.values()}),
        },
        "versions": {
            "opensearch": info["version"]["number"],
            "opensearch-clir": __version__,
            "encoder": generation.encoder,
            "encoder_fingerprint": generation.fingerprint[:12],
        },
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "seed": options.seed,
        "folds": options.folds,
        "pair_topics": options.pair_topics,
        "systems": systems,
        "paired": _paired(experiment, measured, resamples),
        "worst": {OURS: _worst(experiment, measured[OURS])} if OURS in measured else {},
    }


def _system(experiment: Experiment, m: Measured, resamples: int) -> dict[str, Any]:
    topics, seed = experiment.set.topics, experiment.options.seed
    figures: dict[str, Any] = {"pooled": {}, "same": {}, "cross": {}, "pairs": {}, "small": []}
    for measure in experiment.options.measures:
        summary = summarise(
            topics, m.pooled[measure], m.pairs[measure], resamples=resamples, seed=seed
        ).as_json()
        for place in ("pooled", "same", "cross"):
            figures[place][measure] = summary[place]
        for pair, interval in summary["pairs"].items():
            figures["pairs"].setdefault(pair, {})[measure] = interval
        figures["small"] = summary["small"]
        figures.setdefault("by_answers", {})[measure] = _by_answers(experiment, m, measure)
        spread, by_language = document_language_spread(m.pairs[measure], topics)
        figures.setdefault("document_languages", {})[measure] = {
            "max_minus_min": spread, "languages": by_language
        }  # fmt: skip
    gaps = {
        name: mean_interval(topics, values, resamples=resamples, seed=seed).as_json()
        for name, values in gap_figures(experiment.set, m.run).items()
        if values
    }
    figures["same_language_share@10"] = gaps.pop("same_language_share@10", None)
    figures["gaps"] = gaps
    if m.latency:
        p50, p95 = np.percentile(np.array(m.latency) * 1000, (50, 95))
        figures["latency_ms"] = {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}
    figures["chosen"] = {str(fold): text for fold, text in m.chosen.items()}
    return figures


def _by_answers(experiment: Experiment, m: Measured, measure: str) -> dict[str, Any]:
    """Pooled values of the queries whose answers are in their own language, in others, in both."""
    topics, seed = experiment.set.topics, experiment.options.seed
    found: dict[str, Any] = {}
    for name, queries in answer_languages(experiment.set).items():
        values = {query: m.pooled[measure][query] for query in queries}
        if values:
            found[name] = mean_interval(topics, values, resamples=1000, seed=seed).as_json()
    return found


def _paired(
    experiment: Experiment, measured: Mapping[str, Measured], resamples: int
) -> dict[str, Any]:
    if OURS not in measured:
        return {}
    ours = measured[OURS]
    differences: dict[str, Any] = {}
    for name, other in measured.items():
        if name == OURS:
            continue
        entry: dict[str, Any] = {"pairs": {}}
        for measure in experiment.options.measures:
            compared = compare(
                experiment.set.topics,
                (ours.pooled[measure], ours.pairs[measure]),
                (other.pooled[measure], other.pairs[measure]),
                resamples=resamples,
                seed=experiment.options.seed,
            ).as_json()
            for pair, difference in compared.pop("pairs").items():
                entry["pairs"].setdefault(pair, {})[measure] = difference
            for place, difference in compared.items():
                entry.setdefault(place, {})[measure] = difference
        differences[f"{OURS}-{name}"] = entry
    return differences


def _worst(experiment: Experiment, m: Measured) -> list[dict[str, Any]]:
    measure = experiment.options.measures[0]
    documents = experiment.set.documents
    values = m.pooled[measure]
    entries = []
    for query in sorted(values, key=lambda q: (values[q], q))[:WORST]:
        asked = experiment.set.queries[query]
        relevant = set(experiment.set.relevant(query))
        found = m.run.get(query, {})
        entries.append(
            {
                "query": query,
                "lang": asked.lang,
                "text": asked.text,
                "value": values[query],
                "expected": [
                    {"id": d, "lang": documents[d].lang, "title": _title(experiment, d)}
                    for d in sorted(relevant)[:5]
                ],
                "found": [
                    {
                        "id": d,
                        "lang": documents[d].lang,
                        "title": _title(experiment, d),
                        "score": found[d],
                        "relevant": d in relevant,
                    }
                    for d in ranking(found, 5)
                ],
            }
        )
    return entries


def _title(experiment: Experiment, document: str) -> str:
    chosen = experiment.set.documents[document]
    return (chosen.title or chosen.text)[:120]
