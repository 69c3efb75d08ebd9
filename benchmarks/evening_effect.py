"""What evening out a finished static model does to nearest neighbours.

    python benchmarks/evening_effect.py SET... --model FOLDER --data FOLDER --out FILE.json

The map is learned from sentence pairs of the data folder's `parallel`, as `clir train` does with
`text_evenness` and `common`, and applied to the model's vectors. The embedded model is evened out
already: `benchmarks/results/evening.json` is of its version 2. Reported is nDCG@10 of
exhaustive nearest neighbours before and after, with 95% intervals of the difference by topic.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from finetune_effect import VIEWS, show
from knn_effect import Encode, compared, mean_of_sets, measured, read_sets

from opensearch_clir.encoders.registry import EMBEDDED, load_encoder
from opensearch_clir.training import corpora, evening
from opensearch_clir.training.arrays import Floats, normalised

#: Power of the standard deviation, and leading components removed.
VARIANTS: Sequence[tuple[float, int]] = ((0.0, 1), (0.0, 2), (0.25, 0), (0.25, 1), (0.5, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    sets = read_sets(chosen.sets)
    plain = cached(load_encoder(chosen.model).encode)
    before = {name: measured(data, plain) for name, data in sets.items()}
    units = plain(sample(chosen.data))
    results: dict[str, Any] = {"texts": len(units), "variants": {}}
    for power, common in VARIANTS:
        turn = evening.of_vectors(units, power, common)
        after = {name: measured(data, turned(plain, turn)) for name, data in sets.items()}
        label = f"power {power}, {common} removed"
        found: dict[str, Any] = {"mean of sets, cross": mean_of_sets(sets, before, after)}
        for name, data in sets.items():
            views: Mapping[str, Any] = compared(data, before[name], after[name])
            found[name] = {view: views[view] for view in VIEWS}
            show(label, name, found[name])
        print(label, json.dumps(found["mean of sets, cross"]), flush=True)
        results["variants"][label] = found
    chosen.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def sample(data: Path) -> list[str]:
    """Return the distinct texts of as many random pairs of each file as training takes."""
    rng = np.random.default_rng(0)
    found: dict[str, None] = {}
    for text in corpora.bitexts(data):
        for i in rng.permutation(len(text.english))[: evening.PER_FILE].tolist():
            found |= {text.english[i]: None, text.other[i]: None}
    return list(found)


def cached(encode: Any) -> Encode:
    """Return the encoding of passages that keeps what it was asked before."""
    kept: dict[str, Floats] = {}

    def known(texts: Sequence[str]) -> Floats:
        new = [text for text in dict.fromkeys(texts) if text not in kept]
        kept.update(zip(new, encode(new, "passage"), strict=True))
        return np.stack([kept[text] for text in texts])

    return known


def turned(encode: Encode, turn: Floats) -> Encode:
    """Return the encoding in the space that `turn` (d, d) maps to."""
    return lambda texts: normalised(encode(texts) @ turn)[0]


if __name__ == "__main__":
    main()
