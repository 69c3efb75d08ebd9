"""Compare the forms `one-stage` and `focused`: ranking, time, and how many documents are found.

    python benchmarks/forms.py SET... [--queries N] [--parameters FILE]

Each SET is a folder with `corpus.jsonl[.gz]`, `queries.tsv` and `qrels.tsv[.gz]`; `FOLDER-thin0` is
its variant with one language per text. Both forms search one index with the same parameters, taking
turns query by query; differences are paired, with intervals over topics.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from evidence import limited, read

from opensearch_clir.calibration.parameters import Parameters, builtin
from opensearch_clir.cli.common import open_client
from opensearch_clir.evaluation.metrics import pooled
from opensearch_clir.evaluation.statistics import mean_interval
from opensearch_clir.evaluation.workbench import Workbench, workbench
from opensearch_clir.progress import to_stream
from opensearch_clir.query.dsl import one_stage
from opensearch_clir.query.forms import LEAST_PIECES
from opensearch_clir.query.request import neighbours

MEASURES = ("nDCG@10", "R@100")

DEPTH = 100

FORMS = {"one-stage": 0.0, "focused": LEAST_PIECES}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--queries", type=int, help="at most so many of each set, whole topics")
    parser.add_argument("--parameters", type=Path, help="JSON; the built-in ones unless given")
    arguments = parser.parse_args()
    parameters = builtin()
    if arguments.parameters is not None:
        text = arguments.parameters.read_text(encoding="utf-8")
        parameters = Parameters.from_json(json.loads(text))
    client, settings = open_client()
    for place in arguments.sets:
        found = limited(read(place), arguments.queries)
        with workbench(client, found, settings, progress=to_stream()) as bench:
            print(json.dumps(compared(bench, parameters), ensure_ascii=False), flush=True)


def compared(bench: Workbench, parameters: Parameters) -> dict[str, Any]:
    """Return the figures of one set."""
    runs: dict[str, dict[str, dict[str, float]]] = {form: {} for form in FORMS}
    times: dict[str, list[float]] = {form: [] for form in FORMS}
    totals: dict[str, list[int]] = {form: [] for form in FORMS}
    queries = to_stream()(bench.set.queries, label=bench.set.name, total=len(bench.set.queries))
    for number, query in enumerate(queries):
        plan = bench.questions[query].plan(parameters, neighbours(DEPTH, 0))
        order = list(FORMS) if number % 2 else list(FORMS)[::-1]
        for form in order:
            body = {
                "query": one_stage(plan, least_pieces=FORMS[form]),
                "size": DEPTH,
                "_source": False,
                "track_total_hits": True,
            }
            started = time.perf_counter()
            hits = bench.client.search(index=bench.index, body=body)["hits"]
            times[form].append(time.perf_counter() - started)
            totals[form].append(hits["total"]["value"])
            runs[form][query] = {hit["_id"]: hit["_score"] for hit in hits["hits"]}
    values = {form: pooled(bench.set, run, MEASURES) for form, run in runs.items()}
    figures: dict[str, Any] = {"set": bench.set.name, "queries": len(bench.set.queries)}
    for measure in MEASURES:
        one, other = (values[form][measure] for form in FORMS)
        change = mean_interval(bench.set.topics, {q: other[q] - one[q] for q in one})
        figures[measure] = {
            "one-stage": round(float(np.mean(list(one.values()))), 4),
            "focused": round(float(np.mean(list(other.values()))), 4),
            "difference": {k: round(getattr(change, k), 5) for k in ("value", "low", "high")},
        }
    figures["time ratio, median"] = round(
        float(np.median(np.array(times["focused"]) / np.array(times["one-stage"]))), 3
    )
    figures["documents"] = len(bench.set.documents)
    figures["found, median"] = {form: float(np.median(totals[form])) for form in FORMS}
    return figures


if __name__ == "__main__":
    main()
