"""Write docs/results.md from the committed results: `python benchmarks/results_table.py`."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean
from typing import Any

OLDER = (
    "**Measured with an earlier fusion, without entities and translated pieces; to be run again.**"
)

#: Fingerprints of the embedded model's versions; what an older one measured is marked.
MODELS = {"9573ff488bba": 1, "e65f3a9db199": 2, "bf387578b8cd": 3}

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "results.md"

INTRODUCTION = """# Results

Written by `benchmarks/results_table.py` from `benchmarks/results/`; made with

    python benchmarks/evaluate_all.py SET... --out benchmarks/results

All systems of a set ran in one go on one index with the same vectors (the embedded model). Settings
of the stock hybrid (BM25 leg, weights, normalisation, combination), of RRF and the fusion of `clir`
are cross-fitted: a query is never scored with what was learned from its topic. Figures are means
over queries, intervals are 95% BCa bootstrap intervals over topics. `pooled` ranks the whole mixed
corpus, `same` and `cross` rank within the target language and average the pairs with at least 20
topics. Latencies are taken in turns on a shared two-core machine: compare them, don't quote them.

The three open sets are parallel: every relevant document exists in every language. `tldr-tasks` is
close to some of the model's training data (other pages of the same project). `helpdesk` is written
for this project and has not been checked by native speakers.
"""


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page as it should be."""
    parts = [INTRODUCTION]
    for path in sorted(RESULTS.glob("*.json")):
        full = json.loads(path.read_text(encoding="utf-8"))
        # Other benchmarks keep their figures beside those of `clir evaluate`.
        if "systems" in full and not path.stem.endswith("-thin"):
            thin_path = path.with_name(f"{path.stem}-thin.json")
            thin = json.loads(thin_path.read_text(encoding="utf-8")) if thin_path.exists() else {}
            parts.append(section(full, thin))
    return "\n".join(parts)


def section(full: dict[str, Any], thin: dict[str, Any]) -> str:
    facts, versions = full["set"], full["versions"]
    older = "probabilities" not in full["systems"].get("clir", {})
    about = (
        f"{facts['documents']} documents, {facts['queries']} queries, {facts['topics']} topics, "
        f"{len(facts['languages'])} languages. {full['date']}, "
        f"OpenSearch {versions['opensearch']}, "
        f"{encoder(versions)}."
    )
    lines = [
        f"## {facts['name']}",
        "",
        about + (f" {OLDER}" if older else ""),
        "",
        "| nDCG@10 | pooled | same | cross | own language in top 10 | R@100 pooled | p50 ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, figures in full["systems"].items():
        share = figures["same_language_share@10"]["value"]
        cells = [interval(figures[place]["nDCG@10"]) for place in ("pooled", "same", "cross")]
        recall = interval(figures["pooled"]["R@100"])
        p50 = figures["latency_ms"]["p50"]
        lines.append(f"| {name} | {' | '.join(cells)} | {share:.2f} | {recall} | {p50} |")
    lines += ["", "| nDCG@10, difference | pooled | same | cross |", "|---|---|---|---|"]
    for name, places in full["paired"].items():
        cells = [difference(places.get(place)) for place in ("pooled", "same", "cross")]
        lines.append(f"| {name.replace('-', ' − ', 1)} | {' | '.join(cells)} |")
    worse = worse_pairs(full)
    if worse:
        lines += ["", f"Pairs where `clir` is worse than the stock hybrid after Holm: {worse}."]
    chosen = sorted(set(full["systems"]["hybrid"]["chosen"].values()))
    lines += ["", f"Stock hybrid settings chosen on the training folds: {'; '.join(chosen)}."]
    if not older:
        lines += ["", *probabilities(full["systems"]["clir"]["probabilities"])]
    if thin:
        lines += ["", *thinned(thin)]
    return "\n".join(lines) + "\n"


def encoder(versions: dict[str, Any]) -> str:
    """Return the encoder of a run, marked where the embedded model has a newer version."""
    fingerprint = versions["encoder_fingerprint"]
    version = MODELS.get(fingerprint)
    name = f"encoder {versions['encoder']} {fingerprint}"
    if version is None:
        return name
    latest = max(MODELS.values())
    older = " **(an earlier model, to be run again)**" if version < latest else ""
    return f"{name}, version {version}{older}"


def probabilities(judged: dict[str, Any]) -> list[str]:
    """Return the table of how far scores of shown hits are probabilities."""
    lines = [
        "Scores of `clir` as probabilities, on held-out hits:",
        "",
        "| hits | documents | relevant | ECE | slope | intercept | Brier skill |",
        "|---|---|---|---|---|---|---|",
    ]
    names = {"matching": "in the question's language", "non_matching": "in others"}
    for depth, classes in judged.items():
        for name, found in classes.items():
            figures = [
                f"{found[key]:.2f}" if found.get(key) is not None else "-"
                for key in ("slope", "intercept", "brier_skill")
            ]
            share = f"{found['positives']} of {found['pairs']}"
            lines.append(
                f"| top {depth} | {names[name]} | {share} | {interval(found['ece'])} | "
                f"{' | '.join(figures)} |"
            )
    return lines


def thinned(thin: dict[str, Any]) -> list[str]:
    runs = [run for run in thin["seeds"].values() if "systems" in run]
    if not runs:
        return ["No thinned variant could be evaluated."]
    about = (
        f"Each text in one language only (seeds 0-4, {len(runs)} run; "
        f"{encoder(thin['versions'])}), nDCG@10 pooled: mean over the seeds, with the least and "
        "the largest. The last column counts the seeds in which `clir` is better or worse by an "
        "interval that excludes 0."
    )
    lines = [
        about,
        "",
        "| thinned | all queries | answer in another language only | clir better / worse |",
        "|---|---|---|---|",
    ]
    for name in runs[0]["systems"]:
        every = [run["systems"][name]["pooled"]["nDCG@10"]["value"] for run in runs]
        foreign = [
            run["systems"][name]["by_answers"]["nDCG@10"]["foreign"]["value"]
            for run in runs
            if "foreign" in run["systems"][name]["by_answers"]["nDCG@10"]
        ]
        verdicts = [
            run["paired"][f"clir-{name}"]["nDCG@10"]["verdict"] for run in runs if name != "clir"
        ]
        counted = f"{verdicts.count('better')} / {verdicts.count('worse')}" if verdicts else ""
        lines.append(f"| {name} | {spread(every)} | {spread(foreign)} | {counted} |")
    return lines


def worse_pairs(full: dict[str, Any]) -> str:
    pairs = full["paired"].get("clir-hybrid", {}).get("pairs", {})
    worse = [
        f"{name} ({found['nDCG@10']['diff']:+.3f})"
        for name, found in pairs.items()
        if found["nDCG@10"].get("p_holm", 1) < 0.05 and found["nDCG@10"]["diff"] < 0
    ]
    return ", ".join(worse)


def interval(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return "-"
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def difference(figure: dict[str, Any] | None) -> str:
    if not figure:
        return "-"
    found = figure["nDCG@10"]
    if found["low"] is None:
        return f"{found['diff']:+.3f}"
    return f"{found['diff']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}] {found['verdict']}"


def spread(values: list[float]) -> str:
    if not values:
        return "-"
    return f"{mean(values):.3f} ({min(values):.3f}–{max(values):.3f})"


if __name__ == "__main__":
    main()
