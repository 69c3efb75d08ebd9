"""What every encoder does: texts in, vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.errors import EncoderError

__all__ = ["Encoder", "Role", "Vectors", "encode"]

#: What a text is for: models with prompts encode questions and passages differently.
Role = Literal["query", "passage"]

#: Float32 array of shape (texts, dimension).
Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """Turns texts of any language into vectors of one space.

    Attributes:
        name: how a user names it in the settings.
        dimension: length of each vector.
        fingerprint: hex digest of all that changes a vector (weights, tokenizer, prompts);
            equal fingerprints mean interchangeable vectors.
    """

    @property
    def name(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def fingerprint(self) -> str: ...

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        """Return one row per text; call this module's `encode` instead, which checks the result."""
        ...


def encode(encoder: Encoder, texts: Sequence[str], role: Role) -> Vectors:
    """Encode texts to unit rows and check what came back.

    Returns:
        Float32 array of shape (len(texts), dimension). Each row has Euclidean length 1, or is all
        zeros where the model knows nothing in the text.

    Raises:
        EncoderError: wrong shape, NaN or infinity. The server would report such vectors with a
            misleading message, so they never leave here.
    """
    if not texts:
        return np.zeros((0, encoder.dimension), dtype=np.float32)
    vectors = np.asarray(encoder.encode(texts, role), dtype=np.float32)
    expected = (len(texts), encoder.dimension)
    if vectors.shape != expected:
        raise EncoderError(
            f"encoder {encoder.name!r} returned vectors of shape {vectors.shape}, "
            f"expected {expected}; check its model"
        )
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        first = int(np.flatnonzero(~finite)[0])
        raise EncoderError(
            f"encoder {encoder.name!r} returned NaN or infinity for text {first + 1} of "
            f"{len(texts)}; check its model and that text"
        )
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 1e-12)
    return unit
