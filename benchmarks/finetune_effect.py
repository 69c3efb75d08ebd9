"""What fine-tuning on a set's documents does to nearest neighbours, there and on other sets.

    python benchmarks/finetune_effect.py SET OTHER_SET... --out benchmarks/results/finetune.json

The embedded model is fine-tuned on the documents of SET, without its queries and judgments, as
`clir train` does with the settings of `VARIANTS`; the first are the defaults. Reported is nDCG@10
of exhaustive nearest neighbours before and after, with 95% intervals of the difference by topic, on
SET and on the others, where it shows what is lost.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from knn_effect import compared, measured, read_sets

from opensearch_clir.encoders.registry import EMBEDDED, load_encoder
from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.training import finetune
from opensearch_clir.training.finetune_config import FineTuning

#: Settings that differ from the defaults.
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "defaults": {},
    "no averaging with the base": {"keep": 0.0},
    "neither averaging nor pull": {"keep": 0.0, "pull": 0.0},
    "no code-switched copies": {"copies": 0, "same_page": 1.0},
}

VIEWS = ("pooled", "same", "cross")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("set", type=Path, help="whose documents are learned from")
    parser.add_argument("others", type=Path, nargs="*")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=FineTuning.steps)
    chosen = parser.parse_args()
    sets = read_sets([chosen.set, *chosen.others])
    base = load_encoder(EMBEDDED)
    before = {name: measured(data, base.encode) for name, data in sets.items()}
    results: dict[str, Any] = {"corpus": chosen.set.name, "steps": chosen.steps, "variants": {}}
    for name, settings in VARIANTS.items():
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            config = FineTuning(
                corpus=next(chosen.set.glob("corpus.jsonl*")),
                work=work / "work",
                steps=chosen.steps,
                **settings,
            )
            began = monotonic()
            finetune.tune(config, work / "model", lambda row: None)
            found: dict[str, Any] = {"settings": settings, "seconds": round(monotonic() - began)}
            encoder = StaticEncoder.load(work / "model")
            for data in sets.values():
                all_views = compared(data, before[data.name], measured(data, encoder.encode))
                found[data.name] = {view: all_views[view] for view in VIEWS if view in all_views}
                show(name, data.name, found[data.name])
        results["variants"][name] = found
        chosen.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def show(variant: str, name: str, found: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a line."""
    cells = [
        f"{view} {v['before']:.3f} > {v['after']:.3f} "
        f"({v['diff']:+.3f} [{v['low']:+.3f}, {v['high']:+.3f}])"
        for view, v in found.items()
    ]
    print(f"{variant:28} {name:14} {'  '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
