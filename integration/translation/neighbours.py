"""Nearest pieces of a vocabulary by the cosine of their vectors."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.encoders.static import StaticEncoder

__all__ = ["LEAST_COSINE", "MAX_NEIGHBOURS", "Neighbours"]

#: Pieces less similar than this are no translations.
LEAST_COSINE = 0.3

#: Neighbours of a piece at most, over all languages; the index has a part of them.
MAX_NEIGHBOURS = 256

#: Rows of the vocabulary converted at once.
BLOCK = 16_384

#: Pieces whose neighbours are kept; at most 2 KiB each.
CACHE = 8_192

_Near = tuple[NDArray[np.int32], NDArray[np.float32]]


class Neighbours:
    """Exact nearest neighbours; the most recently asked pieces are kept. Safe to share."""

    def __init__(self, encoder: StaticEncoder) -> None:
        self._encoder = encoder
        self._kept: OrderedDict[int, _Near] = OrderedDict()
        self._lock = threading.Lock()

    @functools.cached_property
    def weights(self) -> NDArray[np.float32]:
        """Length of the vector of each piece, 0 for pieces without one; shape (V,)."""
        rows, scales = self._encoder.rows, self._encoder.scales
        lengths = np.zeros(len(scales), dtype=np.float32)
        for start in range(0, len(scales), BLOCK):
            block = rows.take(slice(start, start + BLOCK))
            lengths[start : start + BLOCK] = np.sqrt(np.einsum("ij,ij->i", block, block))
        weights: NDArray[np.float32] = lengths * scales
        return weights

    def piece(self, row: int) -> str:
        """Return the piece of a row of the vocabulary."""
        return self._encoder.tokenizer.id_to_token(row) or ""

    def of(self, rows: Sequence[int]) -> list[tuple[tuple[str, float], ...]]:
        """Return each piece's neighbours with their cosines, best first, itself with 1 first.

        At most `MAX_NEIGHBOURS`, none below `LEAST_COSINE`.

        Args:
            rows: of pieces with a vector.
        """
        with self._lock:
            found = {row: self._kept[row] for row in rows if row in self._kept}
        missing = [row for row in dict.fromkeys(rows) if row not in found]
        if missing:
            found.update(zip(missing, self._search(missing), strict=True))
        with self._lock:
            for row in rows:
                self._kept[row] = found[row]
                self._kept.move_to_end(row)
            while len(self._kept) > CACHE:
                self._kept.popitem(last=False)
        return [self._named(row, *found[row]) for row in rows]

    def _named(
        self, row: int, near: NDArray[np.int32], cosines: NDArray[np.float32]
    ) -> tuple[tuple[str, float], ...]:
        others = ((i, c) for i, c in zip(near.tolist(), cosines.tolist(), strict=True) if i != row)
        return ((self.piece(row), 1.0), *((self.piece(i), min(c, 1.0)) for i, c in others))

    @functools.cached_property
    def _unit(self) -> NDArray[np.float32]:
        """Vectors (V, d) scaled to length 1, 0 for pieces without one.

        Kept, at four bytes a component (100 MiB for the embedded model), by processes that search:
        reading the stored rows anew for each query took six times as long.
        """
        rows, scales = self._encoder.rows, self._encoder.scales
        unit = np.empty((len(rows), self._encoder.dimension), dtype=np.float32)
        factors = np.divide(
            scales, self.weights, out=np.zeros_like(self.weights), where=self.weights > 0
        )
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            np.multiply(rows.take(part), factors[part, None], out=unit[part])
        return unit

    def _search(self, asked: Sequence[int]) -> list[_Near]:
        cosines = self._unit[np.array(asked, dtype=np.intp)] @ self._unit.T
        return [_best(line) for line in cosines]


def _best(cosines: NDArray[np.float32]) -> _Near:
    near = np.flatnonzero(cosines >= LEAST_COSINE)
    order = near[np.argsort(-cosines[near], kind="stable")[:MAX_NEIGHBOURS]]
    return order.astype(np.int32), cosines[order]
