"""Three bits a component: each row's vector as codes of four components, with one scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from opensearch_clir.encoders.rows import BOOK, PART, packed
from opensearch_clir.training.static_model import Floats

__all__ = ["coded", "rotated"]

#: Parts of rows that the codebook is learned from, and how often it is improved.
SAMPLE, ROUNDS = 200_000, 12

#: Rows coded at once.
BLOCK = 8192


def coded(
    vectors: Floats, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.float16], NDArray[np.float16]]:
    """Return packed codes (V, 3d / 8), scales (V,) and the codebook (4096, 4) of vectors (V, d).

    Rows are coded at length ``sqrt(d)``. A row's scale is the one that brings its code nearest to
    the vector; a zero row has scale 0. The codebook is that of Lloyd's algorithm on a sample.

    Args:
        vectors: d a multiple of 8; rotate them first, see `rotated`.
        seed: of the sample.
    """
    length = np.linalg.norm(vectors, axis=1)
    known = np.flatnonzero(length > 0)
    factor = np.zeros_like(length)
    factor[known] = np.sqrt(vectors.shape[1]) / length[known]
    book = _book(vectors, factor, known, seed).astype(np.float16)
    exact = book.astype(np.float32)
    tree = cKDTree(exact)
    codes = np.zeros((len(vectors), vectors.shape[1] * 3 // 8), np.uint8)
    scales = np.zeros(len(vectors), np.float16)
    for start in range(0, len(vectors), BLOCK):
        rows = vectors[start : start + BLOCK]
        parts = (rows * factor[start : start + BLOCK, None]).reshape(-1, PART)
        nearest = tree.query(parts, workers=-1)[1].reshape(len(rows), -1)
        codes[start : start + BLOCK] = packed(nearest)
        near = exact[nearest].reshape(rows.shape)
        square = np.einsum("ij,ij->i", near, near)
        scales[start : start + BLOCK] = np.einsum("ij,ij->i", rows, near) / square
    return codes, np.maximum(scales, 0), book


def rotated(vectors: Floats, seed: int) -> Floats:
    """Return the vectors (V, d) turned at random: cosines stay, components become alike."""
    noise = np.random.default_rng(seed).standard_normal((vectors.shape[1],) * 2)
    turn, triangle = np.linalg.qr(noise)
    found: Floats = vectors @ (turn * np.sign(np.diag(triangle))).astype(np.float32)
    return found


def _book(vectors: Floats, factor: Floats, known: NDArray[np.intp], seed: int) -> Floats:
    """Return the codebook (4096, 4) for rows brought to length ``sqrt(d)`` by `factor`."""
    if not len(known):
        return np.zeros((BOOK, PART), np.float32)
    rng = np.random.default_rng(seed)
    parts = vectors.shape[1] // PART
    drawn = rng.permutation(len(known) * parts)[:SAMPLE]
    row, column = known[drawn // parts], drawn % parts * PART
    sample = vectors[row[:, None], column[:, None] + np.arange(PART)] * factor[row, None]
    book = sample[rng.choice(len(sample), BOOK, replace=len(sample) < BOOK)]
    for _ in range(ROUNDS):
        nearest = cKDTree(book).query(sample, workers=-1)[1]
        count = np.bincount(nearest, minlength=BOOK)
        sums = np.stack([np.bincount(nearest, axis, BOOK) for axis in sample.T], axis=1)
        book = np.where(count[:, None] > 0, sums / np.maximum(count, 1)[:, None], book)
    found: Floats = book.astype(np.float32)
    return found
