"""Print the figures of a static model's card: nearest neighbours alone, per set and language.

    python benchmarks/model_figures.py MODEL_FOLDER SET... [--against MODEL_FOLDER] [--thinned N]

Exhaustive, mean nDCG@10: `pooled` ranks all documents, `same` those in the query's language,
`cross` all others. With `--against`, the ratio of `cross` to another model's, with a 95% bootstrap
interval over topics: the mean over the sets of each set's ratio. With `--thinned`, the same for
the sets in which each text exists in one language only, a set's figures being means over N seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.thin import thin
from opensearch_clir.training.arrays import Floats
from opensearch_clir.training.evaluate_knn import Encode, as_arrays, figures, ndcg

#: Of one set: sums of nDCG@10 over each topic's queries, (2 models, topics).
Sums = NDArray[np.float64]

#: Resampled sets of topics.
ROUNDS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--thinned", type=int, default=0, help="seeds")
    chosen = parser.parse_args()
    sets = [read_set(folder) for folder in chosen.sets]
    thinned = [[thin(data, seed) for seed in range(chosen.thinned)] for data in sets]
    encode = StaticEncoder.load(chosen.model).encode
    table({data.name: [data] for data in sets}, encode)
    if chosen.thinned:
        table({f"{one[0].name} to {chosen.thinned - 1}": one for one in thinned}, encode)
    if chosen.against:
        other = StaticEncoder.load(chosen.against).encode
        compare("full", [[data] for data in sets], encode, other)
        if chosen.thinned:
            compare("thinned", thinned, encode, other)


def table(sets: dict[str, list[EvaluationSet]], encode: Encode) -> None:
    """Print figures per set, and per query language; each is the mean over variants of a set."""
    found = {name: averaged([figures(as_arrays(v), encode) for v in variants])
             for name, variants in sets.items()}  # fmt: skip
    print("\n| set | pooled | same | cross |\n|---|---|---|---|")
    for name, by_lang in found.items():
        values = " | ".join(f"{by_lang['all'][view]:.4f}" for view in ("pooled", "same", "cross"))
        print(f"| {name} | {values} |")
    print(f"\n| query language | {' | '.join(f'{name} same / cross' for name in found)} |")
    print("|---" * (len(found) + 1) + "|")
    for lang in sorted({lang for by_lang in found.values() for lang in by_lang} - {"all"}):
        print(f"| {lang} | {' | '.join(cell(by_lang.get(lang)) for by_lang in found.values())} |")


def averaged(found: Sequence[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return the mean of each figure over the variants that have it."""
    langs = {lang for variant in found for lang in variant}
    values = {
        lang: {
            view: [v[lang][view] for v in found if view in v.get(lang, {})]
            for view in ("pooled", "same", "cross")
        }
        for lang in langs
    }
    return {
        lang: {view: float(np.mean(some)) for view, some in views.items() if some}
        for lang, views in values.items()
    }


def cell(views: dict[str, float] | None) -> str:
    if views is None:
        return "-"
    return " / ".join(f"{views[v]:.3f}" if v in views else "-" for v in ("same", "cross"))


def compare(
    label: str, sets: Sequence[Sequence[EvaluationSet]], one: Encode, other: Encode
) -> None:
    """Print how many times as good `cross` is; variants of a set share its topics."""
    rng = np.random.default_rng(0)
    ratios, points = [], []
    for variants in sets:
        sums = sums_of(variants, one, other)
        points.append(sums[0].sum() / sums[1].sum())
        drawn = rng.integers(sums.shape[1], size=(ROUNDS, sums.shape[1]))
        ratios.append(sums[0][drawn].sum(axis=1) / sums[1][drawn].sum(axis=1))
        show(f"{label} {variants[0].name}: cross", points[-1], ratios[-1])
    show(f"{label}, mean of sets: cross", float(np.mean(points)), np.mean(ratios, axis=0))


def sums_of(variants: Sequence[EvaluationSet], one: Encode, other: Encode) -> Sums:
    names: list[str] = []
    values: list[Floats] = []
    for found in variants:
        data = as_arrays(found)
        across = np.array(data.query_langs)[:, None] != np.array(data.document_langs)[None, :]
        both = np.array(
            [
                list(ndcg(encode(data.queries) @ encode(data.documents).T, data.relevant, across))
                for encode in (one, other)
            ]
        )
        known = ~np.isnan(both[0])
        topics = [found.topics[query] for query in found.queries]
        names += [topic for topic, use in zip(topics, known, strict=True) if use]
        values.append(both[:, known])
    _, number = np.unique(names, return_inverse=True)
    return np.stack([np.bincount(number, row) for row in np.concatenate(values, axis=1)])


def show(label: str, point: float, drawn: NDArray[np.float64]) -> None:
    low, high = np.percentile(drawn, (2.5, 97.5))
    print(f"{label} {point:.3f} times [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
