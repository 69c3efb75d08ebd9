"""What training a bi-encoder does to nearest neighbours: nDCG@10 before and after, by topic.

    python benchmarks/bi_encoder_effect.py --data DATA --base MODEL SET... --out OUT.json

Trains by `benchmarks/bi_encoder.toml`, with MODEL as base and teacher and the corpora in DATA, and
reports nDCG@10 of exhaustive nearest neighbours of both on each SET, with 95% intervals of the
difference by topic. For models without prompts: questions and documents are encoded alike.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from finetune_effect import VIEWS, show
from knn_effect import compared, measured, read_sets

from opensearch_clir.encoders.registry import load_encoder
from opensearch_clir.training.bi_encoder import train_bi_encoder
from opensearch_clir.training.bi_encoder_config import BiEncoderConfig
from opensearch_clir.training.config import read_any

CONFIG = Path(__file__).with_name("bi_encoder.toml")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", required=True)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    sets = read_sets(chosen.sets)
    config = read_any(CONFIG)
    assert isinstance(config, BiEncoderConfig)
    minutes = config.minutes if chosen.minutes is None else chosen.minutes
    rows: list[Mapping[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        config = replace(
            config, base=chosen.base, teacher=chosen.base, data=chosen.data, work=work / "work",
            minutes=minutes,
        )  # fmt: skip

        def report(row: Mapping[str, Any]) -> None:
            rows.append(row)
            print(json.dumps(row), flush=True)

        train_bi_encoder(config, work / "model", report)
        before, after = load_encoder(chosen.base), load_encoder(str(work / "model"))
        results: dict[str, Any] = {
            "base": Path(chosen.base).name, "minutes": minutes, "progress": rows[-1], "sets": {},
        }  # fmt: skip
        for name, data in sets.items():
            values = [
                measured(data, partial(encoder.encode, role="passage"))
                for encoder in (before, after)
            ]
            found = compared(data, *values)
            results["sets"][name] = {view: found[view] for view in VIEWS if view in found}
            show("bi-encoder", name, results["sets"][name])
            chosen.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
