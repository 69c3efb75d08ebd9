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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import mean

import numpy as np
from opensearchpy import OpenSearch

from opensearch_clir.calibration.fit import Places, fit
from opensearch_clir.calibration.gather import UNIT, Rows, gather
from opensearch_clir.calibration.parameters import WORDS, DensePair, Parameters
from opensearch_clir.cli.common import open_client
from opensearch_clir.encoders.registry import load_encoder
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.tuning import judged
from opensearch_clir.evaluation.workbench import workbench
from opensearch_clir.progress import to_stream
from opensearch_clir.settings import Settings
from opensearch_clir.setup.generation import build_generation

#: Queries of a set that are looked at, at most.
QUERIES = 800

#: Next to no penalty: there is no prior to believe in yet.
RIDGE = 1e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    client, settings = open_client()
    rows = {folder.name: rows_of(client, settings, folder) for folder in arguments.sets}
    places = Places(build_generation(load_encoder(settings.encoder)).background)
    found = asdict(rounded(average(rows, places)))
    arguments.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


def rows_of(client: OpenSearch, settings: Settings, folder: Path) -> list[Rows]:
    """Return the evidence of one set."""
    evaluation_set = read_set(folder)
    with workbench(client, evaluation_set, settings) as bench:
        queries = judged(evaluation_set, sampled(list(evaluation_set.queries)))
        found = gather(bench.preparer, queries, list(evaluation_set.documents))
        return list(to_stream()(found, label=folder.name, total=len(queries)))


def average(rows: Mapping[str, Sequence[Rows]], places: Places) -> Parameters:
    """Return the mean of the parameters that fit each set on its own.

    One fit of all sets together would use evidence that only some sets have, such as headings, to
    tell the sets apart. Such evidence is averaged over the sets that have it.
    """
    fits = {n: fit(r, UNIT, places, origin=n, ridge=RIDGE) for n, r in rows.items()}
    found = list(fits.values())

    def pair(name: str) -> DensePair:
        pairs = [getattr(one, name) for one in found]
        return DensePair(mean(p.intercept for p in pairs), mean(p.slope for p in pairs))

    words = {}
    for column, name in enumerate(WORDS):
        having = [n for n, r in rows.items() if any(row.words[:, column].any() for row in r)]
        words[name] = mean(getattr(fits[n], name) for n in having) if having else 0.0
    origin = f"mean of logistic regressions on {', '.join(rows)}; benchmarks/fit_builtin.py"
    return replace(
        UNIT, matching=pair("matching"), non_matching=pair("non_matching"), origin=origin, **words
    )


def sampled(queries: list[str]) -> list[str]:
    """Return at most `QUERIES` of them, in their order."""
    if len(queries) <= QUERIES:
        return queries
    chosen = np.random.default_rng(0).permutation(len(queries))[:QUERIES]
    return [queries[i] for i in sorted(chosen)]


def rounded(parameters: Parameters) -> Parameters:
    def three(pair: DensePair) -> DensePair:
        return DensePair(round(pair.intercept, 3), round(pair.slope, 3))

    return replace(
        parameters,
        matching=three(parameters.matching),
        non_matching=three(parameters.non_matching),
        **{name: round(getattr(parameters, name), 3) for name in WORDS},
    )


if __name__ == "__main__":
    main()
