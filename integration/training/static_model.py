"""The static model: a text is the normalised sum of its pieces' vectors; loss, gradient, update.

A piece's vector is ``exp(gain) * direction``: the gain starts at the logarithm of the SIF weight
and is learned, so an update moves a vector by a share of its size whatever its frequency.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from opensearch_clir.training.arrays import Floats, Ints
from opensearch_clir.training.mixture import Batch
from opensearch_clir.training.tokenized import Tokens

__all__ = [
    "Floats",
    "Lessons",
    "Model",
    "Optimiser",
    "bags",
    "embed",
    "folded",
    "normalised",
    "step",
]

#: Tokens of one text that are read when the row is one text, and when it is several.
SINGLE_CAP, PART_CAP = 96, 48


@cache
def _pool() -> ThreadPoolExecutor:
    """Return two threads: numpy and scipy release the interpreter's lock in long products."""
    return ThreadPoolExecutor(2)


@dataclass
class Model:
    """``direction`` (V, d), ``gain`` (V,); row 0, the unknown piece, never counts."""

    direction: Floats
    gain: Floats


@dataclass
class Lessons:
    """What a teacher says: ``row`` (texts,) is each text's row of ``vectors`` (m, d), or -1."""

    row: Ints
    vectors: Floats
    weight: float

    def turned(self, turn: Floats) -> Lessons:
        """Return the lessons in the space that `turn` (d, d) maps to; with an empty one, these."""
        if not turn.size:
            return self
        return Lessons(self.row, normalised(self.vectors @ turn)[0], self.weight)

    def pull(self, gradient: Floats, keys: Ints) -> None:
        """Add the gradient of minus the mean cosine to it, times the weight.

        Args:
            gradient: by unit vectors (2n, d), left sides, then right; changed in place.
            keys: of the batch's rows (n,); those that are text numbers may have a lesson.
        """
        size = len(keys)
        known = np.flatnonzero(keys < len(self.row))
        rows = self.row[keys[known]]
        known, rows = known[rows >= 0], rows[rows >= 0]
        pull = self.vectors[rows] * np.float32(self.weight / (2 * size))
        gradient[known] -= pull
        gradient[known + size] -= pull


class Optimiser:
    """Adam without momentum, one second moment per row, rows not in the batch untouched."""

    def __init__(self, size: int, decay: float = 0.99) -> None:
        """Start for `size` pieces; `decay` is that of the second moments."""
        self.decay = decay
        self.moment = np.zeros(size, np.float32)
        self.gain_moment = np.zeros(size, np.float32)
        self.count = np.zeros(size, np.int32)

    def update(
        self,
        model: Model,
        rows: Ints,
        gradient: Floats,
        current: Floats,
        rate: float,
        gain_rate: float,
    ) -> None:
        """Move the distinct `rows` (u,) of the model; their moments follow.

        Args:
            gradient: of the loss by the rows' vectors (u, d); overwritten.
            current: the rows' vectors ``exp(gain) * direction`` (u, d) before the move.
            rate: step size of directions.
            gain_rate: step size of gains.
        """
        gain_gradient = np.einsum("ij,ij->i", gradient, current)
        self.count[rows] += 1
        bias = 1 - self.decay ** np.minimum(self.count[rows], 4000).astype(np.float32)
        size = np.exp(model.gain[rows])
        square = np.einsum("ij,ij->i", gradient, gradient) * size**2 / gradient.shape[1]
        moment = self.decay * self.moment[rows] + (1 - self.decay) * square
        self.moment[rows] = moment
        factor = rate * size / (np.sqrt(moment / bias) + 1e-12)
        gradient *= factor[:, None]
        model.direction[rows] -= gradient
        moment = self.decay * self.gain_moment[rows] + (1 - self.decay) * gain_gradient**2
        self.gain_moment[rows] = moment
        model.gain[rows] -= gain_rate * gain_gradient / (np.sqrt(moment / bias) + 1e-12)


def folded(model: Model) -> Floats:
    """Return the piece vectors (V, d) float32, gain folded in; row 0 is zero."""
    vectors = model.direction * np.exp(model.gain)[:, None]
    vectors[0] = 0
    return vectors


def bags(tokens: Tokens, side: tuple[Ints, Ints], size: int) -> tuple[Ints, Ints]:
    """Return the pieces of a side's rows: (row start offsets (size + 1,), piece ids).

    Args:
        side: row numbers, ascending, and text numbers, as in `Batch`.
        size: rows; one that the side lacks is empty.
    """
    rows, texts = side
    starts = tokens.starts[texts]
    per_row = np.bincount(rows, minlength=size)
    cap = np.where(per_row[rows] > 1, PART_CAP, SINGLE_CAP)
    lengths = np.minimum(tokens.starts[texts + 1] - starts, cap)
    ends = np.cumsum(lengths)
    positions = np.arange(ends[-1]) + np.repeat(starts - ends + lengths, lengths)
    offsets = np.zeros(size + 1, np.int64)
    np.cumsum(np.bincount(rows, weights=lengths, minlength=size).astype(np.int64), out=offsets[1:])
    return offsets, np.asarray(tokens.ids[positions], np.int64)


def embed(vectors: Floats, offsets: Ints, ids: Ints) -> Floats:
    """Return unit vectors (n, d) of rows of pieces; a row without a known piece is zero."""
    known = (ids != 0).astype(np.float32)
    matrix = sparse.csr_matrix((known, ids, offsets), shape=(len(offsets) - 1, len(vectors)))
    return normalised(matrix @ vectors)[0]


def step(
    model: Model,
    optimiser: Optimiser,
    tokens: Tokens,
    batch: Batch,
    rate: float,
    gain_rate: float,
    scale: float,
    lessons: Lessons | None = None,
) -> float:
    """Train on one batch and return its contrastive loss: mean over both directions, in nats.

    ``model`` and ``optimiser`` change in place. See `Config` for rates and scale.
    """
    size = len(batch.keys)
    left_offsets, left_ids = bags(tokens, batch.left, size)
    right_offsets, right_ids = bags(tokens, batch.right, size)
    ids = np.concatenate([left_ids, right_ids])
    offsets = np.concatenate([left_offsets, left_offsets[-1] + right_offsets[1:]])
    rows, local = _compact(ids, len(model.gain))
    matrix = sparse.csr_matrix(
        ((ids != 0).astype(np.float32), local, offsets), shape=(2 * size, len(rows))
    )
    current = model.direction[rows] * np.exp(model.gain[rows])[:, None]
    unit, norm = normalised(_product(matrix, current))
    loss, gradient = _contrast(unit[:size], unit[size:], batch, scale)
    if lessons is not None:
        lessons.pull(gradient, batch.keys)
    gradient -= unit * np.einsum("ij,ij->i", gradient, unit)[:, None]
    gradient *= np.where(norm > 1e-9, 1 / np.maximum(norm, 1e-9), 0)[:, None]
    optimiser.update(model, rows, _product(matrix.T.tocsr(), gradient), current, rate, gain_rate)
    return loss


def _contrast(left: Floats, right: Floats, batch: Batch, scale: float) -> tuple[float, Floats]:
    """Return the loss of in-batch softmax both ways and its gradient (2n, d) by unit vectors.

    Args:
        left: unit vectors (n, d).
        right: unit vectors (n, d).
        batch: tells which rows are no negatives of each other, see `_same`.
        scale: cosines are multiplied by it.
    """
    size = len(left)
    odds = left @ right.T
    own = np.einsum("ij,ij->i", left, right)
    odds -= 1
    odds *= scale
    list(_pool().map(lambda part: np.exp(part, out=part), np.array_split(odds, 2)))
    odds[_same(batch)] = 0
    by_row = 1 / odds.sum(axis=1)
    by_column = 1 / odds.sum(axis=0)
    likely = np.exp(scale * (own - 1))
    loss = -0.5 * float(np.mean(np.log(likely * by_row) + np.log(likely * by_column)))
    odds *= by_row[:, None] + by_column[None, :]
    odds[np.arange(size), np.arange(size)] -= 2
    odds *= scale / (2 * size)
    return loss, np.concatenate([odds @ right, odds.T @ left])


def _first(side: tuple[Ints, Ints]) -> Ints:
    """Return the first text number of each row."""
    rows, texts = side
    return texts[np.flatnonzero(np.diff(rows, prepend=-1))]


def _same(batch: Batch) -> NDArray[np.bool_]:
    """Return (n, n): whether left row i and right row j, i other than j, may mean the same.

    So they do with equal keys, when their partners (or they) begin with the same text, or when
    they begin with the same text themselves, as sides are exchanged at random.
    """
    left, right = _first(batch.left), _first(batch.right)
    same = _equal(batch.keys, batch.keys) | _equal(left, left)
    same |= _equal(right, right)
    same |= _equal(left, right)
    np.fill_diagonal(same, False)
    return same


def _equal(rows: Ints, columns: Ints) -> NDArray[np.bool_]:
    equal: NDArray[np.bool_] = rows[:, None] == columns[None, :]
    return equal


def _compact(ids: Ints, size: int) -> tuple[Ints, Ints]:
    """Return the distinct ids, ascending, and each id's place among them."""
    place = np.zeros(size, np.int32)
    place[ids] = 1
    rows = np.flatnonzero(place)
    place[rows] = np.arange(len(rows), dtype=np.int32)
    return rows, place[ids]


def _product(matrix: sparse.csr_matrix, dense: Floats) -> Floats:
    """Return the sparse-dense product, the two halves of the rows in parallel."""
    half = int(np.searchsorted(matrix.indptr, matrix.indptr[-1] // 2))
    parts = _pool().map(lambda part: part @ dense, [matrix[:half], matrix[half:]])
    return np.concatenate(list(parts))


def normalised(sums: Floats) -> tuple[Floats, Floats]:
    """Return unit rows (zero where the sum is zero) and the norms (n,)."""
    norm = np.sqrt(np.einsum("ij,ij->i", sums, sums))
    return sums * np.where(norm > 1e-9, 1 / np.maximum(norm, 1e-9), 0)[:, None], norm
