"""The features of a regression: dense columns, and an intercept of its own for each group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Design"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """A matrix of shape (n, d + count) whose last columns are indicators of groups.

    The groups' part of a curvature matrix is diagonal, so it is eliminated first (Schur
    complement), and any number of groups costs hardly more than none.

    Attributes:
        columns: shape (n, d).
        groups: number of each row's group, 0 … count - 1, shape (n,); ignored if `count` is 0.
        count: groups, >= 0.
    """

    columns: Array
    groups: NDArray[np.intp]
    count: int

    @classmethod
    def dense(cls, columns: Array) -> Design:
        """Return a design without groups."""
        return cls(columns, np.zeros(len(columns), dtype=np.intp), 0)

    def times(self, beta: Array) -> Array:
        """Return the matrix times a vector of shape (d + count,), shape (n,)."""
        size = self.columns.shape[1]
        product = self.columns @ beta[:size]
        return np.asarray(product + beta[size:][self.groups] if self.count else product)

    def summed(self, values: Array) -> Array:
        """Return the transposed matrix times a vector of shape (n,), shape (d + count,)."""
        return np.concatenate([self.columns.T @ values, self._by_group(values)])

    def newton(
        self, curvature: Array, penalty: Array, moving: NDArray[np.bool_], g: Array
    ) -> Array:
        """Return ``(X' diag(curvature) X + diag(penalty))^-1 g`` over the moving coefficients.

        Args:
            curvature: shape (n,), >= 0.
            penalty: shape (d + count,), > 0.
            moving: those not held, shape (d + count,); all others get 0. Groups always move.
            g: shape (d + count,).
        """
        size = self.columns.shape[1]
        move = np.flatnonzero(moving[:size])
        columns = self.columns[:, move]
        weighted = columns * curvature[:, None]
        block = weighted.T @ columns + np.diag(penalty[move])
        right = g[move]
        diagonal = self._by_group(curvature) + penalty[size:]
        cross = np.zeros((len(move), self.count))
        if self.count:
            cross = np.array([self._by_group(column) for column in weighted.T])
            block = block - (cross / diagonal) @ cross.T
            right = right - (cross / diagonal) @ g[size:]
        found = np.zeros(len(g))
        found[move] = np.linalg.solve(block, right)
        found[size:] = (g[size:] - cross.T @ found[move]) / diagonal
        return found

    def _by_group(self, values: Array) -> Array:
        if not self.count:
            return np.zeros(0)
        sums = np.bincount(self.groups, values, minlength=self.count)
        return np.asarray(sums, dtype=np.float64)
