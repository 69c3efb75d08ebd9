"""The fitted transform: one affine map for each language, blended over a text's languages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.debias.method import Method
from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.languages import UND

__all__ = ["Debias"]

Vectors = NDArray[np.float32]

#: A unit vector of which less than this remains was nothing but language.
NOTHING = 1e-4


@dataclass(frozen=True, eq=False)
class Debias:
    """Maps of unit vectors, the same for documents and queries.

    Of a language: ``v -> v + offset - (v · directions) directions``; those of a text that may be in
    several languages are averaged by probability, and the result is given unit length.

    Attributes:
        method: how it was fitted.
        dimension: length d of a vector.
        offsets: by language, shape (d,); empty for ``none`` and ``lir``.
        directions: by language, orthonormal rows, shape (r, d); empty unless ``lir``.

    The entry `UND` serves every language that has none of its own.
    """

    method: Method
    dimension: int
    offsets: Mapping[str, Vectors] = field(default_factory=dict)
    directions: Mapping[str, Vectors] = field(default_factory=dict)

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes with a map of their own, `UND` included, sorted."""
        return tuple(sorted({*self.offsets, *self.directions}))

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 over all that changes a vector."""
        found = hashlib.sha256(json.dumps([str(self.method), self.dimension]).encode())
        for code in self.languages:
            found.update(f"\n{code}\n".encode())
            for part in (self.offsets, self.directions):
                if code in part:
                    found.update(np.ascontiguousarray(part[code], dtype="<f4").tobytes())
        return found.hexdigest()

    def apply(self, vectors: Vectors, posteriors: Sequence[LanguagePosterior]) -> Vectors:
        """Return unit float32 rows of shape (n, d).

        A row that is all zeros stays so, and one of which nothing is left becomes so.

        Args:
            vectors: unit or all-zero rows, shape (n, d).
            posteriors: languages of each text, n of them.
        """
        if self.method.kind == "none":
            return vectors
        rows = vectors.astype(np.float64)
        mapped = np.zeros_like(rows)
        for code, weights in self._shares(posteriors).items():
            chosen = np.flatnonzero(weights)
            mapped[chosen] += weights[chosen, None] * self._map(rows[chosen], code)
        mapped[~vectors.any(axis=1)] = 0.0
        norms = np.linalg.norm(mapped, axis=1, keepdims=True)
        unit = np.divide(mapped, norms, out=np.zeros_like(mapped), where=norms > NOTHING)
        result: Vectors = unit.astype(np.float32)
        return result

    def _shares(self, posteriors: Sequence[LanguagePosterior]) -> dict[str, NDArray[np.float64]]:
        known = set(self.languages)
        shares: dict[str, NDArray[np.float64]] = {}
        for row, posterior in enumerate(posteriors):
            for code, probability in posterior.probabilities.items():
                key = code if code in known else UND
                weights = shares.setdefault(key, np.zeros(len(posteriors)))
                weights[row] += probability
        return shares

    def _map(self, rows: NDArray[np.float64], code: str) -> NDArray[np.float64]:
        if code in self.offsets:
            rows = rows + self.offsets[code]
        if code in self.directions:
            directions = self.directions[code].astype(np.float64)
            rows = rows - (rows @ directions.T) @ directions
        return rows
