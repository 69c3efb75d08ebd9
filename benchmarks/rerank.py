"""What a reranker adds to the first stage, what it can't reach, and what it costs.

    python benchmarks/rerank.py SET... [--reranker NAME [--label LABEL]] [--window N] [--queries N]
        [--cache DIR] [--out FILE]

Each SET is a folder with `corpus.jsonl[.gz]`, `queries.tsv` and `qrels.tsv[.gz]`; `FOLDER-thin0` is
its variant with one language per text. First stage and reranker weights are cross-fitted by topic,
five folds: no query is scored by weights that were fitted on its topic. Figures are differences of
nDCG@10 with 95% intervals over topics. `oracle` is the best order of the same window, `realised`
the share of its gain that the reranker has, `recall` the share of the relevant documents in the
window at all: what is not can't be rescued. Times are from one run, search and reranking in turn.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from evidence import Gathered, by_fold, limited, read, read_evidence
from numpy.typing import NDArray
from rerank_figures import Run, gains, realised, recall

from opensearch_clir.calibration.fit_second import Windowed, fit_second, with_second
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.parameters import WORDS, Parameters
from opensearch_clir.cli.common import open_client
from opensearch_clir.evaluation.folds import make_folds
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.systems.ours import Calibrated
from opensearch_clir.evaluation.workbench import Workbench, workbench
from opensearch_clir.progress import to_stream
from opensearch_clir.rerank.base import Candidate, Reranker, scored
from opensearch_clir.rerank.registry import EMBEDDED, EMBEDDED_HITS, load_reranker
from opensearch_clir.rerank.window import POOL, WINDOW, choose

FOLDS = 5

#: Queries whose times are taken.
TIMED = 60


@dataclass
class Found:
    """One query's window: ids, the first stage's log-odds, the reranker's scores."""

    ids: list[str]
    windowed: Windowed


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--reranker", help="name, folder or address; default the embedded ones")
    parser.add_argument("--label", help="of that reranker in the results; default its name")
    parser.add_argument("--window", type=int, default=WINDOW)
    parser.add_argument("--queries", type=int, help="at most so many of each set, whole topics")
    parser.add_argument("--cache", type=Path, help="folder that keeps the evidence that was read")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/rerank.json"))
    arguments = parser.parse_args()
    if arguments.label and not arguments.reranker:
        parser.error("--label needs --reranker")
    client, settings = open_client()
    names = [arguments.reranker] if arguments.reranker else [EMBEDDED, EMBEDDED_HITS]
    rerankers = {arguments.label or name: load_reranker(name) for name in names}
    results = json.loads(arguments.out.read_text("utf-8")) if arguments.out.exists() else {}
    for place in arguments.sets:
        found = limited(read(place), arguments.queries)
        with workbench(client, found, settings, progress=to_stream()) as bench:
            evidence = read_evidence(bench, settings, arguments.cache)
            stage = first_stage(bench, evidence)
            for label, reranker in rerankers.items():
                figures = measured(bench, stage, reranker, arguments.window)
                results.setdefault(label, {})[found.name] = figures
                text = json.dumps(results, indent=1, ensure_ascii=False)
                arguments.out.write_text(text + "\n", encoding="utf-8")
                print(label, found.name, json.dumps(figures, ensure_ascii=False))


@dataclass
class First:
    """The first stage: its ranking of each query, and the parameters of each fold."""

    run: Run
    folds: Mapping[str, int]
    parameters: Mapping[int, Parameters]


def first_stage(bench: Workbench, evidence: Gathered) -> First:
    """Search with each query, by parameters that did not see its topic."""
    folds = make_folds(bench.set.components, FOLDS)
    parameters = by_fold(evidence, folds)
    queries = to_stream()(bench.set.queries, label="first stage", total=len(folds))
    depth = min(len(bench.set.documents), 10_000)
    run = bench.run(lambda query: Calibrated(parameters[folds[query]]), queries, depth)
    return First(run, folds, parameters)


def measured(bench: Workbench, stage: First, reranker: Reranker, size: int) -> dict[str, Any]:
    """Return all figures of one reranker on one set."""
    first, folds = stage.run, stage.folds
    windows = {
        query: window(bench.set, query, first[query], reranker, size)
        for query in to_stream()(first, label=reranker.name, total=len(first))
    }
    second = reranked(first, windows, folds, reranker)
    best = {
        query: with_scores(first[query], found.ids, 100 + found.windowed.rows.relevant)
        for query, found in windows.items()
    }
    return {
        "queries": len(first),
        "window": size,
        "gain": {name: gains(bench.set, first, run) for name, run in second.items()},
        "oracle": gains(bench.set, first, best, pairs=False)["pooled"],
        "realised": realised(bench.set, first, second, best),
        "recall": recall(bench.set, {query: w.ids for query, w in windows.items()}),
        "weights": weights(windows, folds, reranker),
        **times(bench, stage.parameters[0], reranker, size),
    }


def window(
    found: EvaluationSet, query: str, hits: Mapping[str, float], reranker: Reranker, size: int
) -> Found:
    """Have the window of one query scored."""
    pool = sorted(hits, key=lambda doc: -hits[doc])[: POOL * size]
    ids = [pool[i] for i in choose([found.language(doc) for doc in pool], size)]
    documents = [found.documents[doc] for doc in ids]
    candidates = [Candidate(d.id, d.lang, f"{d.title}\n{d.text}".strip()) for d in documents]
    relevant = found.relevant(query)
    rows = Rows(
        query,
        found.queries[query].lang,
        np.array([d.lang for d in documents], dtype=np.str_),
        np.zeros(len(ids)),
        np.zeros((len(ids), len(WORDS))),
        np.array([float(doc in relevant) for doc in ids]),
        np.ones(len(ids)),
    )
    log_odds = np.array([logit(hits[doc]) for doc in ids])
    scores = scored(reranker, found.queries[query].text, candidates)
    return Found(ids, Windowed(rows, log_odds, scores))


def reranked(
    first: Run, windows: Mapping[str, Found], folds: Mapping[str, int], reranker: Reranker
) -> dict[str, Run]:
    """Return the run after the second stage, with only its weight fitted, and with all weights."""
    runs: dict[str, Run] = {"weight alone": {}, "all weights": {}}
    for name, run in runs.items():
        for fold in range(FOLDS):
            taught = [w.windowed for query, w in windows.items() if folds[query] != fold]
            stage = fit_second(taught, reranker.name, "", keep=name == "weight alone")
            for query in (query for query in windows if folds[query] == fold):
                found = windows[query]
                run[query] = with_scores(
                    first[query], found.ids, with_second(found.windowed, stage)
                )
    return runs


def weights(
    windows: Mapping[str, Found], folds: Mapping[str, int], reranker: Reranker
) -> dict[str, float]:
    """Return what a standard deviation of the scores weighs, fitted on all queries."""
    stage = fit_second([w.windowed for w in windows.values()], reranker.name, "", keep=True)
    own, other = stage.matching.weight, stage.non_matching.weight
    return {"same": round(own, 3), "cross": round(other, 3)}


def with_scores(
    hits: Mapping[str, float], ids: Sequence[str], log_odds: NDArray[np.float64]
) -> dict[str, float]:
    """Return log-odds of all hits, those of some replaced."""
    found = {doc: logit(p) for doc, p in hits.items()}
    return found | dict(zip(ids, log_odds.tolist(), strict=True))


def times(
    bench: Workbench, parameters: Parameters, reranker: Reranker, size: int
) -> dict[str, Any]:
    """Return medians of the search, preparation included, and of reranking its window."""
    system = Calibrated(parameters)
    queries = sorted(bench.set.queries)
    picked = np.random.default_rng(0).permutation(len(queries))[:TIMED]
    searching: list[float] = []
    reranking: list[float] = []
    each: list[float] = []
    for row in picked.tolist():
        query = queries[row]
        started = time.perf_counter()
        body = replace_source(system.body(bench.fresh(query), POOL * size))
        hits = bench.client.search(index=bench.index, body=body)["hits"]["hits"]
        searching.append(time.perf_counter() - started)
        candidates = [
            Candidate(h["_id"], "", f"{h['_source']['title']}\n{h['_source']['text']}")
            for h in hits[:size]
        ]
        started = time.perf_counter()
        scored(reranker, bench.set.queries[query].text, candidates)
        reranking.append(time.perf_counter() - started)
        each.append(reranking[-1] / max(1, len(candidates)))
    ms = {name: round(1000 * statistics.median(values), 2) for name, values in (
        ("search", searching), ("rerank", reranking), ("candidate", each))}  # fmt: skip
    return {"ms": ms}


def replace_source(body: dict[str, Any]) -> dict[str, Any]:
    """Return a search that brings the texts along, as reranking needs it."""
    return {**body, "_source": ["title", "text"]}


def logit(p: float) -> float:
    p = min(max(p, 1e-7), 1 - 1e-7)
    return math.log(p / (1 - p))


if __name__ == "__main__":
    main()
