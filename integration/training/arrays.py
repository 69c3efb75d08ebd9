"""Types of arrays in training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "Ints"]

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float32]
