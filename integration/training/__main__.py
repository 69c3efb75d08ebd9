"""``python -m opensearch_clir.training CONFIG OUT``: train and write the model's files."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from opensearch_clir.training import artefact, run, tokenized, unrelated
from opensearch_clir.training import config as configuration
from opensearch_clir.training.config import Config
from opensearch_clir.training.static_model import Floats

VERSION = "1"

#: Sentence pairs that make a language one the model is said to know.
ENOUGH = 5000


def main(arguments: list[str] | None = None) -> None:
    """Train by the configuration and write weights, scales, tokenizer and config to a folder."""
    parser = argparse.ArgumentParser(prog="opensearch_clir.training", description=__doc__)
    parser.add_argument("config", type=Path, help="TOML file")
    parser.add_argument("out", type=Path, help="folder for the model's files")
    chosen = parser.parse_args(arguments)
    config = configuration.read(chosen.config)
    tokenizer, vectors = run.train(config)
    artefact.write(chosen.out, tokenizer, vectors, facts(config, vectors))


def facts(config: Config, vectors: Floats) -> dict[str, object]:
    """Return what ``config.json`` says about a model, apart from its sizes and digests."""
    tokens, tables = tokenized.load(config.work / "tokens")
    _, held_out = unrelated.split(tables)
    numbers, counts = np.unique(tables.pairs[:, 2], return_counts=True)
    sizes: Counter[str] = Counter()
    for file, count in zip(numbers, counts, strict=True):
        sizes[tables.files[file].rsplit(".", 1)[1]] += int(count)
    names = {lang for lang, count in sizes.items() if count >= ENOUGH}
    return {
        "name": "clir-embedded",
        "version": VERSION,
        "max_tokens": 4096,
        "unknown_id": 0,
        "languages": sorted({"en", *names}),
        "seed": config.seed,
        "cosine_unrelated": unrelated.cosines(tokens, held_out, tables.files, vectors, config.seed),
    }


if __name__ == "__main__":
    main()
