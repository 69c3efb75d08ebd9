"""How the rows of a static model are kept: as bytes, or as codes of four components each."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["BOOK", "PART", "ByteRows", "CodedRows", "Rows", "packed", "unpacked"]

#: Components that one code stands for, and codes there are: 12 bits, 3 a component.
PART, BOOK = 4, 4096

Floats = NDArray[np.float32]


class Rows(Protocol):
    """The rows (V, d) of a model before their scales."""

    def __len__(self) -> int: ...

    def take(self, index: NDArray[np.intp] | slice) -> Floats:
        """Return some rows, float32 (n, d)."""
        ...


class ByteRows:
    """Rows of int8 components (V, d)."""

    def __init__(self, rows: NDArray[np.int8]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, index: NDArray[np.intp] | slice) -> Floats:
        return self._rows[index].astype(np.float32)


class CodedRows:
    """Rows whose every four components are one of 4,096 vectors.

    Product quantisation (Jégou, Douze and Schmid, "Product quantization for nearest neighbor
    search", PAMI 2011) with one codebook for all parts.
    """

    def __init__(self, codes: NDArray[np.uint8], book: NDArray[Any]) -> None:
        """Take packed codes (V, 3d / 8), see `packed`, and the codebook (4096, 4)."""
        self._codes = codes
        self._book = np.ascontiguousarray(book, dtype=np.float32)

    def __len__(self) -> int:
        return len(self._codes)

    def take(self, index: NDArray[np.intp] | slice) -> Floats:
        codes = unpacked(self._codes[index])
        return self._book.take(codes, axis=0).reshape(len(codes), codes.shape[1] * PART)


def packed(codes: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
    """Return codes (n, parts) in [0, 4096), an even number of parts, two in three bytes."""
    first, second = codes[:, 0::2], codes[:, 1::2]
    bytes_ = np.stack([first & 255, first >> 8 | (second & 15) << 4, second >> 4], axis=-1)
    return bytes_.astype(np.uint8).reshape(len(codes), codes.shape[1] * 3 // 2)


def unpacked(codes: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return what was `packed`."""
    triples = codes.reshape(len(codes), codes.shape[1] // 3, 3).astype(np.uint16)
    found = np.empty((len(codes), triples.shape[1], 2), dtype=np.uint16)
    found[..., 0] = triples[..., 0] | (triples[..., 1] & 15) << 8
    found[..., 1] = triples[..., 1] >> 4 | triples[..., 2] << 4
    return found.reshape(len(codes), codes.shape[1] * 2 // 3)
