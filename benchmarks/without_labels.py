"""What calibration is worth with and without judgments, against the best stock hybrid.

    python benchmarks/without_labels.py SET... [--queries N] [--cache DIR] [--out FILE]

Each SET is a folder with `corpus.jsonl[.gz]`, `queries.tsv` and `qrels.tsv[.gz]`; `FOLDER-thin0` is
its variant with one language per text; two different ones or more are needed. For each of them the
built-in parameters are fitted anew on the others, so that they have not seen it (nor its
variant). Then, pooled nDCG@10 of: the stock hybrid with settings cross-fitted by topic; those
built-in parameters as they are; calibrated without judgments, from the corpus alone; calibrated
from judgments, cross-fitted by topic. `share` is how much of the gain of the last over the hybrid
the others have.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from evidence import THIN, Gathered, by_fold, limited, read, read_evidence
from fit_builtin import average

from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.calibration.unlabelled import without_judgments
from opensearch_clir.cli.common import open_client
from opensearch_clir.evaluation.experiment import Experiment, Options
from opensearch_clir.evaluation.folds import make_folds
from opensearch_clir.evaluation.metrics import pooled
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.systems.ours import Calibrated
from opensearch_clir.evaluation.tuning import OBJECTIVE
from opensearch_clir.evaluation.workbench import Workbench, workbench
from opensearch_clir.progress import silent, to_stream

#: Ranks that are looked at.
DEPTH = 100

FOLDS = 5


@dataclass
class Bench:
    """One set on the server, with the evidence of its queries."""

    bench: Workbench
    evidence: Gathered

    @property
    def set(self) -> EvaluationSet:
        return self.bench.set


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--queries", type=int, help="at most so many of each set, whole topics")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/without_labels.json"))
    parser.add_argument("--cache", type=Path, help="folder that keeps the evidence that was read")
    arguments = parser.parse_args()
    if len({source(place.name) for place in arguments.sets}) < 2:
        parser.error("give two sets or more: the built-in parameters are fitted on the others")
    client, settings = open_client()
    with ExitStack() as stack:
        benches: dict[str, Bench] = {}
        for place in arguments.sets:
            found = limited(read(place), arguments.queries)
            bench = stack.enter_context(workbench(client, found, settings, progress=to_stream()))
            benches[found.name] = Bench(bench, read_evidence(bench, settings, arguments.cache))
        result = {name: compared(name, benches) for name in benches}
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, figures in result.items():
        print(name, json.dumps(figures))


def compared(name: str, benches: Mapping[str, Bench]) -> dict[str, Any]:
    """Return the figures of one set."""
    this = benches[name]
    others = [b for n, b in benches.items() if source(n) != source(name)]
    prior = average([b.evidence for b in others], [b.set for b in others])
    stock = Experiment(this.bench, Options(systems=("hybrid",), pair_topics=0, timed=0)).run()
    choice, _, notes = without_judgments(this.bench.preparer, prior, None, 0, silent)
    fitted = fitted_on_judgments(this, prior)
    values = {
        "hybrid": float(np.mean(list(stock["hybrid"].pooled[OBJECTIVE].values()))),
        "built-in": measured(this, lambda _: prior),
        "without judgments": measured(this, lambda _: choice.parameters),
        "from judgments": measured(this, fitted),
    }
    gain = values["from judgments"] - values["hybrid"]
    share = {n: round((v - values["hybrid"]) / gain, 3) for n, v in values.items()}
    return {
        "queries": len(this.evidence.rows),
        "nDCG@10": {n: round(v, 4) for n, v in values.items()},
        "share": share,
        "chosen without judgments": choice.name,
        "notes": notes,
    }


def measured(this: Bench, parameters_of: Callable[[str], Parameters]) -> float:
    """Return mean pooled nDCG@10 with the parameters that each query gets."""
    run = this.bench.run(lambda query: Calibrated(parameters_of(query)), this.set.queries, DEPTH)
    return float(np.mean(list(pooled(this.set, run, (OBJECTIVE,))[OBJECTIVE].values())))


def fitted_on_judgments(this: Bench, prior: Parameters) -> Callable[[str], Parameters]:
    """Return the parameters of each query, fitted on the folds of other topics."""
    folds = make_folds(this.evidence.topics, FOLDS)
    found = by_fold(this.evidence, folds, prior)
    return lambda query: found[folds[query]]


def source(name: str) -> str:
    """Return the set that a variant was made from."""
    return name.rpartition(THIN)[0] or name


if __name__ == "__main__":
    main()
