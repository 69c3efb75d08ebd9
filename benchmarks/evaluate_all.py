"""Evaluate sets, full and thinned, and write their results for the repository.

    python benchmarks/evaluate_all.py SET... --out benchmarks/results

For each SET: `NAME.json` and the page `NAME.html` of the whole set, and `NAME-thin.json` with the
pooled figures of its one-language-per-group variants (seeds from 0). Texts of documents and queries
are left out. The pages can be made again from the JSON with `clir report` and are not committed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.cli.common import open_client
from opensearch_clir.errors import DataError
from opensearch_clir.evaluation.evaluate import evaluate
from opensearch_clir.evaluation.experiment import Options
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.report.page import write_report
from opensearch_clir.evaluation.report.read import Result
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.thin import thin
from opensearch_clir.progress import to_stream
from opensearch_clir.settings import Settings

#: One-language-per-group variants of each set.
SEEDS = 5

#: Thinned sets have too few topics a pair: pooled figures alone.
POOLED = Options(pair_topics=0, timed=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="thinned variants of each set")
    parser.add_argument("--only", choices=("full", "thin"), help="one of the two; default both")
    parser.add_argument(
        "--pair-topics", type=int, default=60, help="topics a pair that are run within a language"
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    client, settings = open_client()
    for folder in arguments.sets:
        full = read_set(folder)
        if arguments.only != "thin":
            whole(client, full, settings, arguments.out, arguments.pair_topics)
        if arguments.only != "full":
            thinned(client, full, settings, arguments.out, arguments.seeds)


def whole(
    client: OpenSearch, full: EvaluationSet, settings: Settings, out: Path, pair_topics: int
) -> None:
    options = Options(pair_topics=pair_topics)
    found, _ = evaluate(client, full, settings, options, progress=to_stream())
    found.pop("worst")
    write(out / f"{full.name}.json", found)
    write_report([Result(found, full.name)], out / f"{full.name}.html", texts=False)


def thinned(
    client: OpenSearch, full: EvaluationSet, settings: Settings, out: Path, seeds: int
) -> None:
    variants: dict[str, Any] = {}
    about: dict[str, Any] = {}
    for seed in range(seeds):
        try:
            one, _ = evaluate(client, thin(full, seed), settings, POOLED, resamples=2000)
        except DataError as error:
            variants[str(seed)] = {"error": str(error)}
            continue
        about = head(one)
        keep = ("pooled", "by_answers", "same_language_share@10")
        variants[str(seed)] = {
            "set": one["set"],
            "systems": {
                name: {key: figures[key] for key in keep}
                for name, figures in one["systems"].items()
            },
            "paired": {name: d["pooled"] for name, d in one["paired"].items()},
        }
    write(out / f"{full.name}-thin.json", {**about, "seeds": variants})


def head(found: dict[str, Any]) -> dict[str, Any]:
    return {key: found[key] for key in ("versions", "date", "folds")}


def write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {path}", flush=True)


if __name__ == "__main__":
    main()
