"""How fast the embedded model encodes and loads beside a sentence-transformers model.

    python benchmarks/encoder_speed.py MODEL SET --out benchmarks/results/encoder_speed.json

MODEL is a folder or name that sentence-transformers loads, SET a folder with `corpus.jsonl` and
`queries.tsv`. The two take turns on the same texts, so that what else the machine does meets both;
read the ratios. A load is a process of its own, from its start to its first vector. Needs the
environment of `make test-torch`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from opensearch_clir.encoders.base import Encoder, encode
from opensearch_clir.encoders.registry import EMBEDDED, load_encoder
from opensearch_clir.evaluation.read_set import read_set

ROUNDS, LOADS = 3, 5

#: Texts of a kind.
TEXTS = 128

#: What a process does that loads an encoder by name and encodes one text.
LOAD = """
import sys
from opensearch_clir.encoders.base import encode
from opensearch_clir.encoders.registry import load_encoder
encode(load_encoder(sys.argv[1]), ["a question"], "query")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("set", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    found = read_set(arguments.set)
    kinds = {
        "documents": [f"{d.title}\n{d.text}" for d in found.documents.values()][:TEXTS],
        "questions": [q.text for q in found.queries.values()][:TEXTS],
    }
    names = {"embedded": EMBEDDED, "other": arguments.model}
    encoders = {name: load_encoder(model) for name, model in names.items()}
    figures = {kind: rates(encoders, texts) for kind, texts in kinds.items()}
    result = {
        "model": Path(arguments.model).parent.name or arguments.model,
        "set": found.name,
        "texts per second": figures,
        "seconds to the first vector": loads(names),
    }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


def rates(encoders: dict[str, Encoder], texts: list[str]) -> dict[str, float]:
    """Return texts per second, the median of rounds in turns, and the median of their ratios."""
    seconds: dict[str, list[float]] = {name: [] for name in encoders}
    for _ in range(ROUNDS):
        for name, encoder in encoders.items():
            started = time.perf_counter()
            encode(encoder, texts, "passage")
            seconds[name].append(time.perf_counter() - started)
    ratios = [o / e for e, o in zip(seconds["embedded"], seconds["other"], strict=True)]
    return {n: round(len(texts) / median(s), 1) for n, s in seconds.items()} | {
        "ratio": round(median(ratios), 2)
    }


def loads(names: dict[str, str]) -> dict[str, float]:
    """Return seconds of a process that starts, loads and encodes one text."""
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(LOADS):
        for name, model in names.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", LOAD, model], check=True)
            seconds[name].append(time.perf_counter() - started)
    ratios = [e / o for e, o in zip(seconds["embedded"], seconds["other"], strict=True)]
    return {n: round(median(s), 3) for n, s in seconds.items()} | {
        "ratio": round(median(ratios), 3)
    }


if __name__ == "__main__":
    main()
