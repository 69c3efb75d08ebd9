"""Eight-bit rows: each piece's vector as int8 with one float16 scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.training.static_model import Floats

__all__ = ["dequantised", "quantised"]


def quantised(vectors: Floats) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Return int8 rows (V, d) and float16 scales (V,); a zero row keeps scale 0.

    ``rows * scales`` differs from `vectors` by at most about half a scale per component.
    """
    largest = np.abs(vectors).max(axis=1)
    scales = (largest / 127).astype(np.float16)
    safe = np.where(scales > 0, scales, 1).astype(np.float32)
    rows = np.clip(np.rint(vectors / safe[:, None]), -127, 127)
    rows[scales == 0] = 0
    return rows.astype(np.int8), scales


def dequantised(rows: NDArray[np.int8], scales: NDArray[np.float16]) -> Floats:
    """Return float32 vectors (V, d)."""
    return rows.astype(np.float32) * scales.astype(np.float32)[:, None]
