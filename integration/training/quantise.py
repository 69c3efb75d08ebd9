"""Eight-bit rows: each piece's vector as int8 with one float16 scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.training.static_model import Floats

__all__ = ["quantised"]


def quantised(vectors: Floats) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Return int8 rows (V, d), values -127 to 127, and float16 scales (V,).

    A zero row has scale 0. ``rows * scales`` differs from `vectors` by at most half a scale per
    component, for components up to 8e6 in size.
    """
    largest = np.abs(vectors).max(axis=1)
    scales = (largest / 127).astype(np.float16)
    # A scale rounded down would cut the largest component off.
    short = scales.astype(np.float32) * 127 < largest
    scales[short] = np.nextafter(scales[short], np.float16(np.inf))
    safe = np.where(scales > 0, scales, 1).astype(np.float32)
    rows = np.clip(np.rint(vectors / safe[:, None]), -127, 127)
    return rows.astype(np.int8), scales
