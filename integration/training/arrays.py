"""Arrays in training: their types, unit rows, products on two threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["Floats", "Ints", "normalised", "pool", "product"]

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float32]


@cache
def pool() -> ThreadPoolExecutor:
    """Return two threads: numpy and scipy release the interpreter's lock in long products."""
    return ThreadPoolExecutor(2)


def product(matrix: sparse.csr_matrix, dense: Floats) -> Floats:
    """Return the sparse-dense product, the two halves of the rows in parallel."""
    half = int(np.searchsorted(matrix.indptr, matrix.indptr[-1] // 2))
    parts = pool().map(lambda part: part @ dense, [matrix[:half], matrix[half:]])
    return np.concatenate(list(parts))


def normalised(sums: Floats) -> tuple[Floats, Floats]:
    """Return unit rows (zero where the sum is zero) and the norms (n,)."""
    norm = np.sqrt(np.einsum("ij,ij->i", sums, sums))
    return sums * np.where(norm > 1e-9, 1 / np.maximum(norm, 1e-9), 0)[:, None], norm
