"""What the ``config.json`` of a trained model says about it."""

from __future__ import annotations

from collections import Counter

import numpy as np

from opensearch_clir.training import tokenized, unrelated
from opensearch_clir.training.config import Config
from opensearch_clir.training.static_model import Floats
from opensearch_clir.training.tokenized import Tables

__all__ = ["facts"]

#: Sentence pairs that make a language one the model is said to know.
ENOUGH_PAIRS = 5000

#: Pieces of a text that an encoder reads.
MAX_TOKENS = 4096


def facts(config: Config, vectors: Floats) -> dict[str, object]:
    """Return ``config.json`` of piece vectors (V, d), apart from their sizes and digests.

    Raises:
        DataError: the token cache in `config.work` is missing or damaged.
    """
    tokens, tables = tokenized.load(config.work / "tokens")
    _, held_out = unrelated.split(tables)
    return {
        "name": config.name,
        "version": config.version,
        "max_tokens": MAX_TOKENS,
        "unknown_id": 0,
        "languages": _languages(tables),
        "seed": config.seed,
        "cosine_unrelated": unrelated.cosines(tokens, held_out, tables.files, vectors, config.seed),
    }


def _languages(tables: Tables) -> list[str]:
    """Return English and the languages with enough sentence pairs, sorted."""
    sizes: Counter[str] = Counter()
    for file, count in zip(*np.unique(tables.pairs[:, 2], return_counts=True), strict=True):
        sizes[tables.files[file].rsplit(".", 1)[1]] += int(count)
    return sorted({"en", *(lang for lang, count in sizes.items() if count >= ENOUGH_PAIRS)})
