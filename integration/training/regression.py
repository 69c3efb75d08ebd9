"""A starting point without gradient steps: piece vectors that give texts the teacher's vectors.

A ridge regression: a text's weighted bag of pieces, at length 1, times the piece vectors is to be
the teacher's vector of its English side. English texts the teacher was not asked about then take
the vector that the first solution gives them, and the second solution learns from all texts.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse

from opensearch_clir.training.losses import Lessons
from opensearch_clir.training.lsi import MAX_PIECES, unit_rows
from opensearch_clir.training.static_model import Floats, normalised
from opensearch_clir.training.tokenized import Ints, Tables, Tokens, first_pieces
from opensearch_clir.training.workspace import Report

__all__ = ["initial"]

#: Pull of each piece vector towards zero, in units of one text that consists of the piece.
RIDGE = 0.3

#: Iterations of conjugate gradients in the first and the second solution.
ITERATIONS = (12, 8)

#: Columns solved at once by each of two threads.
COLUMNS = 32

#: Rows of a file that count in full; those of larger files count less, by the square root.
FULL_ROWS = 8000


def initial(
    tokens: Tokens,
    tables: Tables,
    lessons: Lessons,
    weights: Floats,
    seed: int,
    report: Report,
) -> Floats:
    """Return directions (V, d); a text's vector is the sum of ``weights * directions``, normalised.

    Pieces that no text has get noise of length 0.1.

    Args:
        lessons: what the teacher says of English texts.
        weights: of the pieces, (V,).
        seed: of the noise.
        report: is told which solution is being worked on.
    """
    english, texts, strength = _rows(tables)
    known, vectors = lessons.row, lessons.vectors
    report({"stage": "regression", "texts": int((known[english] >= 0).sum())})
    taught = known[english] >= 0
    bags = _bags(tokens, texts[taught], weights)
    found = _solve(bags, vectors, strength[taught], known[english[taught]], ITERATIONS[0])
    report({"stage": "regression", "texts": len(texts)})
    everything, place = np.unique(english, return_inverse=True)
    targets = normalised(_bags(tokens, everything, weights) @ found)[0]
    asked = known[everything] >= 0
    targets[asked] = vectors[known[everything[asked]]]
    bags = _bags(tokens, texts, weights)
    found = _solve(bags, targets, strength, place, ITERATIONS[1], found)
    rng = np.random.default_rng(seed)
    empty = ~found.any(axis=1)
    noise = rng.standard_normal((int(empty.sum()), found.shape[1]), dtype=np.float32)
    found[empty] = 0.1 * noise / np.sqrt(found.shape[1])
    return found


def _rows(tables: Tables) -> tuple[Ints, Ints, Floats]:
    """Return (English text, text that means it, weight) of each row: (n,) each."""
    own = np.unique(np.concatenate([tables.pairs[:, 0], tables.english]))
    paired = np.isin(tables.words[:, :2], tables.english)
    forth, back = tables.words[paired[:, 0]], tables.words[paired[:, 1]][:, [1, 0, 2]]
    mixed = tables.switched[:, [2, 0, 3]]
    pairs = np.concatenate([tables.pairs, forth, back, mixed])
    count = np.bincount(pairs[:, 2], minlength=1)[pairs[:, 2]]
    strength = np.sqrt(np.minimum(1, FULL_ROWS / count)).astype(np.float32)
    return (
        np.concatenate([own, pairs[:, 0]]),
        np.concatenate([own, pairs[:, 1]]),
        np.concatenate([np.ones(len(own), np.float32), strength]),
    )


def _bags(tokens: Tokens, texts: Ints, weights: Floats) -> sparse.csr_matrix:
    """Return the weighted bags (n, V) of texts, rows of length 1, the unknown piece left out."""
    lengths, ids = first_pieces(tokens, texts, MAX_PIECES)
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    values = np.where(ids == 0, np.float32(0), weights[ids])
    bags = sparse.csr_matrix((values, ids, offsets), shape=(len(texts), len(weights)))
    bags.sum_duplicates()
    return unit_rows(bags)


def _solve(
    bags: sparse.csr_matrix,
    targets: Floats,
    strength: Floats,
    place: Ints,
    iterations: int,
    start: Floats | None = None,
) -> Floats:
    """Return W (V, d) with bags @ W near targets, by conjugate gradients per column.

    Args:
        bags: (n, V).
        targets: the rows (m, d) that `place` picks from.
        strength: weights of the rows (n,).
        place: row of `targets` for each row of `bags` (n,).
        start: W to begin with; default 0.
    """
    turned = bags.T.tocsr()
    weigh = strength[:, None]

    def columns(part: slice) -> Floats:
        """Solve for some of the d columns: none depends on another, and memory is bounded."""
        wanted = targets[place, part]
        begin = None if start is None else np.ascontiguousarray(start[:, part])
        return _gradients(bags, turned, weigh, turned @ (weigh * wanted), iterations, begin)

    width = targets.shape[1]
    parts = [slice(first, first + COLUMNS) for first in range(0, width, COLUMNS)]
    with ThreadPoolExecutor(2) as pool:
        return np.concatenate(list(pool.map(columns, parts)), axis=1)


def _gradients(
    bags: sparse.csr_matrix,
    turned: sparse.csr_matrix,
    weigh: Floats,
    right: Floats,
    iterations: int,
    start: Floats | None,
) -> Floats:
    """Return W (V, k) by conjugate gradients, each column for itself, from `start` or 0."""

    def normal(w: Floats) -> Floats:
        inner = bags @ w
        inner *= weigh
        found: Floats = turned @ inner + np.float32(RIDGE) * w
        return found

    w = np.zeros_like(right) if start is None else start
    residual = right if start is None else right - normal(w)
    direction = residual.copy()
    size = np.einsum("ij,ij->j", residual, residual)
    for _ in range(iterations):
        product = normal(direction)
        along = size / np.maximum(np.einsum("ij,ij->j", direction, product), 1e-12)
        w += along * direction
        residual -= along * product
        smaller = np.einsum("ij,ij->j", residual, residual)
        direction *= smaller / np.maximum(size, 1e-12)
        direction += residual
        size = smaller
    return w
