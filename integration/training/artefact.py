"""The trained model as files: weights, scales and codebook, tokenizer.json.gz, config.json.

A text's vector is the normalised sum of ``rows[i] * scales[i]`` over its pieces i, tokenised
without special tokens; the unknown piece is a zero row. See `static_files` for the rows.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from opensearch_clir.training.codebook import coded, rotated
from opensearch_clir.training.quantise import quantised
from opensearch_clir.training.static_model import Floats
from opensearch_clir.training.vocabulary import UNKNOWN, WORD_START

__all__ = ["FILES", "put", "write"]

#: In the order they are put in place; the configuration last, since it carries the digests.
FILES = ("weights.npy", "scales.npy", "codebook.npy", "tokenizer.json.gz", "config.json")

#: Pieces whose vector is zero.
SILENT = (UNKNOWN, WORD_START)


def write(
    folder: Path, tokenizer: Tokenizer, vectors: Floats, facts: Mapping[str, Any], seed: int = 1
) -> None:
    """Quantise `vectors` (V, d) and write the files; each appears complete or not at all.

    Rows of a dimension divisible by 8 are kept as codes, others as bytes, without a codebook.
    ``config.json`` is `facts` plus ``dimension``, ``vocabulary`` and ``fingerprint``, the SHA-256
    digest of each other file (of the tokenizer: of its uncompressed text). The same arguments
    give the same bytes.

    Args:
        seed: of the rotation and the sample that the codebook is learned from.

    Raises:
        OSError: the folder can't be written.
    """
    vectors = _silenced(tokenizer, vectors)
    arrays: dict[str, NDArray[Any]] = {}
    if vectors.shape[1] % 8 == 0:
        codes, scales, book = coded(rotated(vectors, seed), seed)
        arrays = {"weights": codes, "scales": scales, "codebook": book}
    else:
        rows, scales = quantised(vectors)
        arrays = {"weights": rows, "scales": scales}
    facts = {**facts, "dimension": int(vectors.shape[1])}
    put(folder, arrays, tokenizer.to_str(pretty=False), facts)


def put(
    folder: Path, arrays: Mapping[str, NDArray[Any]], tokenizer: str, facts: Mapping[str, Any]
) -> None:
    """Write the files of a model; each appears complete or not at all.

    Args:
        folder: made where it is missing.
        arrays: ``weights``, ``scales`` and perhaps ``codebook``, see `static_files`.
        tokenizer: its JSON.
        facts: of ``config.json``, with the dimension.

    Raises:
        OSError: the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = tokenizer.encode()
    parts = {name: folder / f".{name}.part" for name in FILES}
    for name, array in arrays.items():
        with parts[f"{name}.npy"].open("wb") as stream:
            np.save(stream, array)
    # No name and no time in the header: the same model gives the same bytes.
    parts["tokenizer.json.gz"].write_bytes(gzip.compress(text, 9, mtime=0))
    config = {**facts, "vocabulary": len(arrays["scales"])}
    config["fingerprint"] = {
        name: hashlib.sha256(parts[f"{name}.npy"].read_bytes()).hexdigest() for name in arrays
    } | {"tokenizer": hashlib.sha256(text).hexdigest()}
    parts["config.json"].write_text(
        json.dumps(config, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (folder / "codebook.npy").unlink(missing_ok=True)
    for name in FILES:
        if parts[name].exists():
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
