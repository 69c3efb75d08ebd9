"""Fit the built-in fusion parameters on evaluation sets and write them as JSON.

    python benchmarks/fit_builtin.py SET... --out integration/calibration/builtin.json

Each SET is a folder with `corpus.jsonl[.gz]`, `queries.tsv` and `qrels.tsv[.gz]`. Every set is
indexed on the running server and the evidence of its judged queries is read from it; sets weigh the
same, whatever their size. An index that is calibrated on its own data does not use these
parameters.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from opensearchpy import OpenSearch

from opensearch_clir.calibration.fit import fit
from opensearch_clir.calibration.gather import UNIT, Rows, gather
from opensearch_clir.calibration.parameters import DensePair, Parameters
from opensearch_clir.cli.common import open_client
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.tuning import judged
from opensearch_clir.evaluation.workbench import workbench
from opensearch_clir.progress import to_stream
from opensearch_clir.settings import Settings

#: Each set weighs as much as this many rows.
SET_WEIGHT = 1e6

#: Next to no penalty: there is no prior to believe in yet.
RIDGE = 1e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    client, settings = open_client()
    rows = [row for folder in arguments.sets for row in rows_of(client, settings, folder)]
    names = ", ".join(folder.name for folder in arguments.sets)
    origin = f"logistic regression per pair class on {names}; benchmarks/fit_builtin.py"
    found = asdict(rounded(fit(rows, UNIT, origin=origin, ridge=RIDGE)))
    arguments.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


def rows_of(client: OpenSearch, settings: Settings, folder: Path) -> list[Rows]:
    """Return the evidence of one set, weighted to `SET_WEIGHT` in all."""
    evaluation_set = read_set(folder)
    with workbench(client, evaluation_set, settings) as bench:
        queries = judged(evaluation_set, list(evaluation_set.queries))
        found = gather(bench.preparer, queries, list(evaluation_set.documents))
        rows = list(to_stream()(found, label=folder.name, total=len(queries)))
    return scaled(rows)


def scaled(rows: Sequence[Rows]) -> list[Rows]:
    total = sum(float(row.weight.sum()) for row in rows)
    return [replace(row, weight=row.weight * SET_WEIGHT / total) for row in rows]


def rounded(parameters: Parameters) -> Parameters:
    def three(pair: DensePair) -> DensePair:
        return DensePair(round(pair.intercept, 3), round(pair.slope, 3))

    return replace(
        parameters,
        matching=three(parameters.matching),
        non_matching=three(parameters.non_matching),
        own=round(parameters.own, 3),
        any=round(parameters.any, 3),
    )


if __name__ == "__main__":
    main()
