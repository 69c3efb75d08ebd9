"""The static model: a text is the normalised sum of its pieces' vectors; gradient, update.

A piece's vector is ``exp(gain) * direction``: the gain starts at the logarithm of the SIF weight
and is learned, so an update moves a vector by a share of its size whatever its frequency.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from opensearch_clir.training.arrays import Floats, Ints, normalised, product
from opensearch_clir.training.losses import Terms, contrast, parted
from opensearch_clir.training.mixture import Batch
from opensearch_clir.training.tokenized import Tokens

__all__ = ["Floats", "Model", "Optimiser", "bags", "embed", "folded", "normalised", "step"]

#: Tokens of one text that are read when the row is one text, and when it is several.
SINGLE_CAP, PART_CAP = 96, 48


@dataclass
class Model:
    """``direction`` (V, d), ``gain`` (V,); row 0, the unknown piece, never counts."""

    direction: Floats
    gain: Floats


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
    terms: Terms | None = None,
) -> float:
    """Train on one batch and return its contrastive loss: mean over both directions, in nats.

    ``model`` and ``optimiser`` change in place. See `Config` for rates and scale.

    Args:
        terms: what counts beside the contrast.
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
    unit, norm = normalised(product(matrix, current))
    terms = terms or Terms()
    langs = terms.languages(batch)
    negatives = langs if terms.balanced else None
    loss, gradient = contrast(unit[:size], unit[size:], batch, scale, negatives)
    if terms.lessons is not None:
        terms.lessons.pull(gradient, batch.keys)
    if terms.anchor is not None:
        terms.anchor.pull(gradient, matrix, rows)
    if terms.debias and langs is not None:
        gradient += np.float32(terms.debias) * parted(unit, np.concatenate(langs))[1]
    gradient -= unit * np.einsum("ij,ij->i", gradient, unit)[:, None]
    gradient *= np.where(norm > 1e-9, 1 / np.maximum(norm, 1e-9), 0)[:, None]
    optimiser.update(model, rows, product(matrix.T.tocsr(), gradient), current, rate, gain_rate)
    return loss


def _compact(ids: Ints, size: int) -> tuple[Ints, Ints]:
    """Return the distinct ids, ascending, and each id's place among them."""
    place = np.zeros(size, np.int32)
    place[ids] = 1
    rows = np.flatnonzero(place)
    place[rows] = np.arange(len(rows), dtype=np.int32)
    return rows, place[ids]
