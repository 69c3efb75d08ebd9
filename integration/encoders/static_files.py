"""The files of a static model, read and checked.

A folder holds ``weights.npy``, ``scales.npy`` (float16, (V,)), ``config.json`` and
``tokenizer.json`` or ``tokenizer.json.gz``. The weights are int8 (V, d); or, where there is a
``codebook.npy`` (float16, (4096, 4)), they are codes: uint8 (V, 3d / 8), see `rows.packed`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.encoders.rows import BOOK, PART, ByteRows, CodedRows, Rows
from opensearch_clir.errors import EncoderError

__all__ = ["digests", "is_static", "read_arrays", "read_config", "tokenizer_text"]

WEIGHTS, SCALES, CONFIG = "weights.npy", "scales.npy", "config.json"
CODEBOOK = "codebook.npy"
TOKENIZER, TOKENIZER_GZ = "tokenizer.json", "tokenizer.json.gz"

_HINT = "copy the model's folder again, or reinstall the package if it is the embedded one"


def is_static(folder: Path) -> bool:
    """Whether the folder looks like a static model, complete or not."""
    return (folder / WEIGHTS).is_file()


def read_config(folder: Path) -> dict[str, Any]:
    """Return ``config.json``; ``dimension`` and ``vocabulary`` are positive integers in it.

    Raises:
        EncoderError: it is missing or malformed.
    """
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error
    except ValueError as error:
        raise _damaged(path, f"not valid JSON: {error}") from error
    if not isinstance(config, dict):
        raise _damaged(path, "not a JSON object")
    for key, default in (("dimension", None), ("vocabulary", None), ("max_tokens", 512)):
        value = config.setdefault(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise _damaged(path, f"{key!r} must be a positive integer, not {value!r}")
    return config


def read_arrays(folder: Path, vocabulary: int, dimension: int) -> tuple[Rows, NDArray[np.float32]]:
    """Return the rows (V, d), memory-mapped, and float32 scales (V,).

    Raises:
        EncoderError: an array is missing, damaged, or of another type or shape.
    """
    scales = _array(folder / SCALES, np.float16, (vocabulary,), None)
    if not (np.isfinite(scales).all() and (scales >= 0).all()):
        raise _damaged(folder / SCALES, "a scale is negative or not finite")
    return _rows(folder, vocabulary, dimension), scales.astype(np.float32)


def _rows(folder: Path, vocabulary: int, dimension: int) -> Rows:
    if not (folder / CODEBOOK).is_file():
        return ByteRows(_array(folder / WEIGHTS, np.int8, (vocabulary, dimension), "r"))
    if dimension % (2 * PART):
        raise _damaged(folder / CONFIG, f"a dimension of {dimension} can't be kept as codes")
    book = _array(folder / CODEBOOK, np.float16, (BOOK, PART), None)
    if not np.isfinite(book).all():
        raise _damaged(folder / CODEBOOK, "a component is not finite")
    codes = _array(folder / WEIGHTS, np.uint8, (vocabulary, dimension * 3 // 8), "r")
    return CodedRows(codes, book)


def _array(path: Path, dtype: type, shape: tuple[int, ...], mode: Any) -> NDArray[Any]:
    try:
        # As a plain array: every operation on the memmap class costs a little more.
        array: NDArray[Any] = np.asarray(np.load(path, mmap_mode=mode, allow_pickle=False))
    except OSError as error:
        raise _damaged(path, error.strerror or "cut short") from error
    except (ValueError, EOFError) as error:
        raise _damaged(path, str(error)) from error
    if array.dtype != dtype or array.shape != shape:
        raise _damaged(
            path,
            f"{array.dtype} {array.shape}, but {CONFIG} says {np.dtype(dtype)} {shape}",
        )
    return array


def tokenizer_text(folder: Path) -> str:
    """Return the tokenizer's JSON, from the plain file or the compressed one.

    Raises:
        EncoderError: both are missing, or the one found can't be read.
    """
    path = folder / TOKENIZER
    if not path.is_file():
        path = folder / TOKENIZER_GZ
    try:
        content = path.read_bytes()
        if path.name == TOKENIZER_GZ:
            content = gzip.decompress(content)
        return content.decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _damaged(path, reason) from error


def digests(folder: Path, config: dict[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of weights, scales, uncompressed tokenizer and codebook, if there is one.

    Raises:
        EncoderError: a file can't be read, or isn't the one that ``config.json`` was written for.
    """
    names = ["weights", "scales", *(["codebook"] if (folder / CODEBOOK).is_file() else [])]
    found = {name: _sha256(folder / f"{name}.npy") for name in names}
    found["tokenizer"] = hashlib.sha256(tokenizer_text(folder).encode()).hexdigest()
    stated = config.get("fingerprint")
    for name, digest in (stated if isinstance(stated, dict) else {}).items():
        if found.get(name) != digest:
            raise _damaged(folder, f"the {name} are not those that {CONFIG} was written for")
    return found


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error
    return digest.hexdigest()


def _damaged(path: Path, reason: str) -> EncoderError:
    return EncoderError(f"the static model can't be loaded: {path}: {reason}; {_HINT}")
