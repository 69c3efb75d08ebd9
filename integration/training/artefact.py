"""The trained model as files: weights.npy, scales.npy, tokenizer.json.gz, config.json.

A text's vector is the normalised sum of ``weights[i] * scales[i]`` over its pieces i, tokenised
without special tokens; the unknown piece is a zero row.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from opensearch_clir.training.quantise import quantised
from opensearch_clir.training.static_model import Floats
from opensearch_clir.training.vocabulary import UNKNOWN, WORD_START

__all__ = ["FILES", "write"]

#: In the order they are put in place; the configuration last, since it carries the digests.
FILES = ("weights.npy", "scales.npy", "tokenizer.json.gz", "config.json")

#: Pieces whose vector is zero.
SILENT = (UNKNOWN, WORD_START)


def write(folder: Path, tokenizer: Tokenizer, vectors: Floats, facts: Mapping[str, Any]) -> None:
    """Quantise `vectors` (V, d) and write the files; each appears complete or not at all.

    ``config.json`` is `facts` plus ``dimension``, ``vocabulary`` and ``fingerprint``, the SHA-256
    digest of each other file (of the tokenizer: of its uncompressed text). The same arguments
    give the same bytes.

    Raises:
        OSError: the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, scales = quantised(_silenced(tokenizer, vectors))
    text = tokenizer.to_str(pretty=False).encode()
    parts = {name: folder / f".{name}.part" for name in FILES}
    for name, array in (("weights.npy", rows), ("scales.npy", scales)):
        with parts[name].open("wb") as stream:
            np.save(stream, array)
    # No name and no time in the header: the same model gives the same bytes.
    parts["tokenizer.json.gz"].write_bytes(gzip.compress(text, 9, mtime=0))
    config = dict(facts)
    config["dimension"], config["vocabulary"] = int(rows.shape[1]), int(rows.shape[0])
    config["fingerprint"] = {
        "weights": hashlib.sha256(parts["weights.npy"].read_bytes()).hexdigest(),
        "scales": hashlib.sha256(parts["scales.npy"].read_bytes()).hexdigest(),
        "tokenizer": hashlib.sha256(text).hexdigest(),
    }
    parts["config.json"].write_text(
        json.dumps(config, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    for name in FILES:
        parts[name].replace(folder / name)


def _silenced(tokenizer: Tokenizer, vectors: Floats) -> Floats:
    """Return a copy (V, d) with zero rows where a piece says nothing.

    The mark of a word's start alone is such a piece: a text of it and unknown pieces is unknown.
    """
    vectors = vectors.copy()
    for piece in SILENT:
        if (number := tokenizer.token_to_id(piece)) is not None:
            vectors[number] = 0
    return vectors
