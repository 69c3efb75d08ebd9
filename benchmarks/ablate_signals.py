"""What each training signal is worth: all of them against all but one, on one stated budget.

    python benchmarks/ablate_signals.py benchmarks/ablate_signals.toml SET... \\
        --out benchmarks/results/ablation.json

The signals are parallel sentences, documents in several languages, synthesised questions and
code-switched sentences; dictionaries are in every run. A signal that is left out is left out of the
start too (`training/signals.py`); the other kinds fill its place in the batches. Vocabulary, token
cache and the pieces' weights by frequency are made once, from all data. Without parallel sentences,
code-switched ones keep no translations. Then each optional term of the loss, alone: `diff` is what
turning it on adds.

Reported is nDCG@10 of exhaustive nearest neighbours, by the vectors before they are coded: `cross`
among the documents in other languages than the query's, `codeswitch` over all documents for queries
that mix languages, and within the target language of each ordered pair with at least 20 topics.
`diff` is what the signal adds, all less all but one, with its 95% interval by topic; it says
nothing about other seeds. A stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from knn_effect import MIXED, Values, compared, mean_of_sets, measured, read_sets

from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.training import config as configuration
from opensearch_clir.training import run, workspace
from opensearch_clir.training.config import Config
from opensearch_clir.training.evaluate_knn import encode
from opensearch_clir.training.signals import PARALLEL
from opensearch_clir.training.tokenized import Tables

#: Signal -> kinds of the mixture.
SIGNALS: Mapping[str, tuple[str, ...]] = {
    "parallel": PARALLEL,
    "documents": ("pages",),
    "questions": ("questions",),
    "switched": ("switched",),
}

#: Optional terms of the loss, each alone.
TERMS: Mapping[str, Mapping[str, Any]] = {"debias": {"debias": 5.0}, "balanced": {"balanced": True}}

#: Settings that the results state.
STATED = ("vocabulary", "whole_words", "dimension", "start", "steps", "batch", "switched_rows")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    config = configuration.read(chosen.config)
    sets = read_sets(chosen.sets)
    rows = prepare(config)
    budget = asdict(config)
    results: dict[str, Any] = {
        "budget": {name: budget[name] for name in STATED},
        "shares": budget["mixture"]["shares"],
        "rows": rows,
        "signals": {},
        "terms": {},
    }

    def keep(room: str, name: str, found: dict[str, Any]) -> None:
        """Write what is known so far, and print what is new."""
        results[room][name] = found
        chosen.out.write_text(json.dumps(results) + "\n", encoding="utf-8")
        show(name, found)

    everything = trained(config, "all", sets)
    for signal, kinds in SIGNALS.items():
        if not rows[signal] or not any(config.mixture.shares.get(k, 0) for k in kinds):  # type: ignore[call-overload]
            print(f"{signal}: no rows or no share, so nothing to leave out", flush=True)
            continue
        fewer = {k: v for k, v in config.mixture.shares.items() if k not in kinds}
        less = replace(config, mixture=replace(config.mixture, shares=fewer))
        without = trained(less, f"without {signal}", sets)
        keep("signals", signal, worth(sets, without, everything))
    for term, settings in TERMS.items():
        changed = trained(replace(config, **settings), f"with {term}", sets)
        keep("terms", term, {"settings": settings, **worth(sets, everything, changed)})


def prepare(config: Config) -> dict[str, int]:
    """Make vocabulary and token cache, and return how many rows each signal has."""
    workspace.claim(config)
    tokenizer = workspace.vocabulary_of(config, report)
    _, tables = workspace.token_cache(config, tokenizer, report)
    return {signal: sum(size(tables, kind) for kind in kinds) for signal, kinds in SIGNALS.items()}


def size(tables: Tables, kind: str) -> int:
    """Return the rows of a kind; windows are read from the pairs that sentences count."""
    if kind == "windows":
        return 0
    return len(getattr(tables, "pairs" if kind == "sentences" else kind, ()))


def trained(config: Config, name: str, sets: Mapping[str, EvaluationSet]) -> dict[str, Values]:
    """Train in a folder of its own that shares what was prepared, and return the figures."""
    folder = config.work / name.replace(" ", "-")
    folder.mkdir(exist_ok=True)
    for shared in ("tokenizer.json", "tokens", "teacher"):
        if not (folder / shared).exists() and (config.work / shared).exists():
            (folder / shared).symlink_to((config.work / shared).resolve())
    tokenizer, vectors = run.train(
        replace(config, work=folder, eval=None), lambda row: report({"run": name, **row})
    )
    return {key: measured(data, encode(tokenizer, vectors)) for key, data in sets.items()}


def worth(
    sets: Mapping[str, EvaluationSet],
    without: Mapping[str, Values],
    everything: Mapping[str, Values],
) -> dict[str, Any]:
    """Return what a signal adds: on the mean of the sets, by set, by ordered pair."""
    found: dict[str, Any] = {"mean of sets": mean_of_sets(sets, without, everything), "sets": {}}
    found["earns its place"] = bool((found["mean of sets"]["low"] or 0) > 0)
    for name, data in sets.items():
        views = compared(data, without[name], everything[name])
        found["sets"][name] = {
            **{view: views[view] for view in ("cross", MIXED) if view in views},
            "pairs": {v: cell for v, cell in views.items() if ">" in v and not is_same(v)},
        }
    return found


def is_same(pair: str) -> bool:
    """Whether an ordered pair is of one language."""
    source, target = pair.split(">")
    return source == target


def show(signal: str, found: Mapping[str, Any]) -> None:
    """Print a signal's worth."""
    for name, cell in {"mean of sets": found["mean of sets"], **crosses(found)}.items():
        print(
            f"{signal:10} {name:14} {cell['diff']:+.4f} [{cell['low']:+.4f}, {cell['high']:+.4f}]",
            flush=True,
        )


def crosses(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return set -> figures across languages."""
    return {name: views["cross"] for name, views in found["sets"].items()}


def report(row: Mapping[str, Any]) -> None:
    """Print a row of progress."""
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
