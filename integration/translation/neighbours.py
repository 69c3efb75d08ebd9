"""Nearest pieces of a vocabulary by the cosine of their vectors."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

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

#: Pieces whose neighbours are kept, as row numbers at most 2 KiB each, and as strings 30 KiB.
CACHE, NAMED = 32_768, 1_024

#: Leading components that candidates are found by, rows their basis is taken from, and candidates
#: of a piece whose exact cosines are computed.
COMPONENTS, SAMPLE, CANDIDATES = 128, 20_000, 1_024

Floats = NDArray[np.float32]

_Near = tuple[NDArray[np.int32], NDArray[np.float32]]

#: Pieces with their cosines.
_Named = tuple[tuple[str, float], ...]

Value = TypeVar("Value")


class _Recent(Generic[Value]):
    """The values of the rows that were asked last."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[int, Value] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def of(
        self, rows: Sequence[int], make: Callable[[Sequence[int]], Sequence[Value]]
    ) -> list[Value]:
        """Return the value of each row, made together for those not kept."""
        with self._lock:
            found = {row: self._values[row] for row in rows if row in self._values}
        missing = [row for row in dict.fromkeys(rows) if row not in found]
        if missing:
            found.update(zip(missing, make(missing), strict=True))
        with self._lock:
            for row in rows:
                self._values[row] = found[row]
                self._values.move_to_end(row)
            while len(self._values) > self._size:
                self._values.popitem(last=False)
        return [found[row] for row in rows]


class Neighbours:
    """Nearest neighbours; the most recently asked pieces are kept. Safe to share.

    Cosines are exact; neighbours are those among the `CANDIDATES` nearest by leading components.
    """

    def __init__(self, encoder: StaticEncoder) -> None:
        self._encoder = encoder
        self._near: _Recent[_Near] = _Recent(CACHE)
        self._named: _Recent[_Named] = _Recent(NAMED)

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

    def of(self, rows: Sequence[int]) -> list[_Named]:
        """Return each piece's neighbours with their cosines, best first, itself with 1 first.

        At most `MAX_NEIGHBOURS`, none below `LEAST_COSINE`.

        Args:
            rows: of pieces with a vector.
        """
        return self._named.of(rows, self._name)

    def _name(self, rows: Sequence[int]) -> list[_Named]:
        return [
            (
                (self.piece(row), 1.0),
                *(
                    (self.piece(i), min(cosine, 1.0))
                    for i, cosine in zip(near.tolist(), cosines.tolist(), strict=True)
                    if i != row
                ),
            )
            for row, (near, cosines) in zip(rows, self._near.of(rows, self._search), strict=True)
        ]

    @functools.cached_property
    def _sketch(self) -> tuple[Floats, Floats]:
        """A basis (d, k) and all unit vectors in it (V, k), 0 for pieces without a vector.

        Kept by processes that search: half of the vectors' own size, since reading the stored
        rows anew for each query takes several times as long. The basis holds the principal
        components of a sample, so that cosines in it are near the true ones.
        """
        encoder = self._encoder
        size = len(encoder.scales)
        sample = np.flatnonzero(self.weights > 0)[:: max(1, size // SAMPLE)]
        unit = self._units(sample)
        values, basis = np.linalg.eigh(unit.T @ unit)
        basis = basis[:, np.argsort(-values)[:COMPONENTS]]
        rows = np.empty((size, basis.shape[1]), dtype=np.float32)
        for start in range(0, size, BLOCK):
            part = np.arange(start, min(start + BLOCK, size))
            np.matmul(self._units(part), basis, out=rows[part[0] : part[-1] + 1])
        return basis, rows

    def _units(self, rows: NDArray[np.intp]) -> Floats:
        """Return the vectors of rows (n,) at length 1, (n, d); 0 where a piece has none."""
        encoder, lengths = self._encoder, self.weights[rows]
        factors = np.divide(
            encoder.scales[rows], lengths, out=np.zeros_like(lengths), where=lengths > 0
        )
        return encoder.rows.take(rows) * factors[:, None]

    def _search(self, asked: Sequence[int]) -> list[_Near]:
        basis, sketch = self._sketch
        exact = self._units(np.array(asked, dtype=np.intp))
        rough = (exact @ basis) @ sketch.T
        return [self._best(line, unit) for line, unit in zip(rough, exact, strict=True)]

    def _best(self, rough: Floats, unit: Floats) -> _Near:
        """Return the pieces nearest to a unit vector (d,) among the best by the sketch (V,)."""
        if len(rough) > CANDIDATES:
            rows = np.sort(np.argpartition(-rough, CANDIDATES)[:CANDIDATES])
        else:
            rows = np.arange(len(rough))
        cosines = self._units(rows) @ unit
        near = np.flatnonzero(cosines >= LEAST_COSINE)
        order = near[np.argsort(-cosines[near], kind="stable")[:MAX_NEIGHBOURS]]
        return rows[order].astype(np.int32), cosines[order]
