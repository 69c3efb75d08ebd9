"""Print the figures of a static model's card: nearest neighbours alone, per set and language.

    python benchmarks/model_figures.py MODEL_FOLDER SETS_FOLDER... [--against MODEL_FOLDER]

Exhaustive, mean nDCG@10: `pooled` ranks all documents, `same` those in the query's language,
`cross` all others. With `--against`, the ratio of `cross` to another model's, with a 95% bootstrap
interval over topics: the mean over the sets of each set's ratio.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.training.evaluate_knn import EvalSet, as_arrays, figures, ndcg

#: Resampled sets of topics.
ROUNDS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--against", type=Path)
    arguments = parser.parse_args()
    encoder = StaticEncoder.load(arguments.model)
    sets = {folder: as_arrays(folder) for folder in arguments.sets}
    found = {data.name: figures(data, encoder.encode) for data in sets.values()}
    print("| set | pooled | same | cross |\n|---|---|---|---|")
    for name, by_lang in found.items():
        values = " | ".join(f"{by_lang['all'][view]:.4f}" for view in ("pooled", "same", "cross"))
        print(f"| {name} | {values} |")
    print(f"\n| query language | {' | '.join(f'{name} same / cross' for name in found)} |")
    print("|---" * (len(found) + 1) + "|")
    for lang in sorted({lang for by_lang in found.values() for lang in by_lang} - {"all"}):
        print(f"| {lang} | {' | '.join(_cell(by_lang.get(lang)) for by_lang in found.values())} |")
    if arguments.against:
        _compare(encoder, StaticEncoder.load(arguments.against), sets)


def _cell(views: dict[str, float] | None) -> str:
    if views is None:
        return "-"
    return " / ".join(f"{views[v]:.3f}" if v in views else "-" for v in ("same", "cross"))


def _compare(encoder: StaticEncoder, other: StaticEncoder, sets: dict[Path, EvalSet]) -> None:
    rng = np.random.default_rng(0)
    ratios = []
    for folder, data in sets.items():
        here, there = (_cross(data, model) for model in (encoder, other))
        found = read_set(folder)
        names = np.array([found.topics[query] for query in found.queries])
        known = ~np.isnan(here)
        _, number = np.unique(names[known], return_inverse=True)
        sums = np.stack([np.bincount(number, values[known]) for values in (here, there)])
        drawn = rng.integers(sums.shape[1], size=(ROUNDS, sums.shape[1]))
        one, two = sums[0][drawn].sum(axis=1), sums[1][drawn].sum(axis=1)
        ratios.append(one / two)
        low, high = np.percentile(ratios[-1], (2.5, 97.5))
        print(
            f"{data.name}: cross {sums[0].sum() / sums[1].sum():.3f} times [{low:.3f}, {high:.3f}]"
        )
    mean = np.mean(ratios, axis=0)
    low, high = np.percentile(mean, (2.5, 97.5))
    print(f"mean of sets: {mean.mean():.3f} times [{low:.3f}, {high:.3f}]")


def _cross(data: EvalSet, model: StaticEncoder) -> np.ndarray:
    scores = model.encode(data.queries) @ model.encode(data.documents).T
    across = np.array(data.query_langs)[:, None] != np.array(data.document_langs)[None, :]
    return np.array(list(ndcg(scores, data.relevant, across)))


if __name__ == "__main__":
    main()
