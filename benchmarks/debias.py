"""Every debiasing against leaving the vectors alone.

    python benchmarks/debias.py SET... --out benchmarks/results/debias.json [--words CACHE]

For the embedded model, and for the same model with a direction of its language added to each vector
(see `gap.py`). Debiasings are fitted on the documents of the set, without judgments. Nearest
neighbours are exhaustive; with `--words` so is the fusion, cross-fitted by topic with five folds,
calibrated again for each debiasing: the evidence of words is read once from the running server and
kept in CACHE. Reported are nDCG@10 pooled, within the query's language, and within other languages,
and differences to `none` with intervals by topic. `chosen` is what calibration would take: the
method that is best on four folds, measured on the fifth.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gap import SHARE, places_of
from offline import Floats, Matrices, Variant

from opensearch_clir.encoders.registry import load_encoder
from opensearch_clir.evaluation.folds import make_folds
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.statistics import intervals, topic_table

METHODS = ("none", "centre", "shift", "lir:1", "lir:2", "lir:4")

#: A pair's own values, of query id -> value.
Values = Mapping[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--words", type=Path, help="folder that keeps the evidence of words")
    arguments = parser.parse_args()
    # Sets that are not named keep what was measured before.
    before = arguments.out.read_text("utf-8") if arguments.out.exists() else "{}"
    results: dict[str, Any] = json.loads(before)
    encoder = load_encoder("embedded")
    for folder in arguments.sets:
        m = Matrices.of(read_set(folder))
        plain = m.encoded(encoder)
        strength, moved = m.component_for(plain, SHARE)
        found: dict[str, Any] = {"strength": round(strength, 3)}
        for name, variant in (("embedded", plain), ("component", moved)):
            found[name] = compare(m, variant, arguments.words)
            show(m.set.name, name, found[name])
        results[m.set.name] = found
        arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def compare(m: Matrices, variant: Variant, cache: Path | None) -> dict[str, Any]:
    variants = {method: m.debiased(variant, method) for method in METHODS}
    systems = {"knn": {method: m.cosines(v) for method, v in variants.items()}}
    if cache is not None:
        systems["fused"] = fusions(m, variants, cache)
    return {name: measured(m, scores) for name, scores in systems.items()}


def fusions(m: Matrices, variants: Mapping[str, Variant], cache: Path) -> dict[str, Floats]:
    from offline_words import fused, read_words

    from opensearch_clir.cli.common import open_client

    client, settings = open_client()
    words = read_words(client, settings, m, cache)
    return {name: fused(m, m.cosines(v), words, places_of(m, v)) for name, v in variants.items()}


def measured(m: Matrices, scores: Mapping[str, Floats]) -> dict[str, Any]:
    """Return method -> figures, and differences to `none`."""
    columns = {method: values_of(m, found) for method, found in scores.items()}
    columns["chosen"] = chosen(m, columns)
    report: dict[str, Any] = {}
    for method, values in columns.items():
        if method == "chosen":
            figures: dict[str, Any] = {}
        else:
            share = m.same_language_share(scores[method])
            figures = {"same_language_share@10": round(share, 3)}
        figures |= averages(m, values, "value")
        if method != "none":
            less = {
                column: {q: v - columns["none"][column][q] for q, v in found.items()}
                for column, found in values.items()
            }
            figures["difference"] = averages(m, less, "diff")
        report[method] = figures
    return report


def values_of(m: Matrices, scores: Floats) -> dict[str, Values]:
    return {"pooled": m.pooled(scores), **m.pairs(scores)}


def chosen(m: Matrices, columns: Mapping[str, Mapping[str, Values]]) -> dict[str, Values]:
    """Return the values of the method that is best on the other folds, by pooled nDCG@10."""
    folds = make_folds(dict(zip(m.query_ids, m.topics, strict=True)))
    best = {}
    for fold in set(folds.values()):
        seen = [query for query, f in folds.items() if f != fold]
        means = {
            method: float(np.mean([values["pooled"][q] for q in seen]))
            for method, values in columns.items()
        }
        best[fold] = max(means, key=lambda method: means[method])
    return {
        column: {q: columns[best[folds[q]]][column][q] for q in found}
        for column, found in columns["none"].items()
    }


def averages(m: Matrices, values: Mapping[str, Values], name: str) -> dict[str, Any]:
    pairs = [column for column in values if ">" in column]
    groups = {
        "pooled": ["pooled"],
        "same": [p for p in pairs if p.split(">")[0] == p.split(">")[1]],
        "cross": [p for p in pairs if p.split(">")[0] != p.split(">")[1]],
    }
    topics = dict(zip(m.query_ids, m.topics, strict=True))
    table = topic_table(topics, values)
    wanted = {group: columns for group, columns in groups.items() if columns}
    return {g: i.as_json(name) for g, i in intervals(table, wanted, resamples=2000).items()}


def show(set_name: str, model: str, found: Mapping[str, Any]) -> None:
    for system, methods in found.items():
        for method, figures in methods.items():
            line = f"{set_name:14} {model:9} {system:5} {method:7}"
            for group in ("pooled", "same", "cross"):
                if group in figures:
                    line += f"  {group} {figures[group]['value']:.3f}"
                if group in figures.get("difference", {}):
                    d = figures["difference"][group]
                    line += f" ({d['diff']:+.3f} [{d['low']:+.3f}, {d['high']:+.3f}])"
            print(line, flush=True)


if __name__ == "__main__":
    main()
