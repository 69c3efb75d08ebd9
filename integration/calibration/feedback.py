"""Feedback: what resembles the documents that most probably answer a question answers it, too.

A question is short and in one language; the documents that it finds first are long, and near to
their like in every language. So the first hits, weighted by their probability, are a second
question (Rocchio 1971; for dense vectors Li et al., "Pseudo Relevance Feedback with Deep Language
Models and Dense Retrievers", TOIS 2023)::

    centre = sum(p * vector) / (sum(p) + DOUBT)        trust = sum(p) / (sum(p) + DOUBT)
    evidence = (vector of the document . centre  -  location * trust) / scale  -  typical * trust

with location and scale of unrelated texts in two languages, so that weights carry over from one
encoder to another. Where the first hits are improbable the centre is short, and says little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.second import SecondStage
from opensearch_clir.calibration.shown import Shown
from opensearch_clir.errors import ConfigurationError

__all__ = ["DOCUMENTS", "DOUBT", "FINGERPRINT", "NAME", "Centre", "Feedback"]

#: First hits that are taken, and the weight of knowing nothing beside theirs; see ADR 27.
DOCUMENTS, DOUBT = 2, 0.3

NAME = "feedback"

#: Of all that changes the evidence; weights fitted for one hold for no other.
FINGERPRINT = f"{NAME}/1/{DOCUMENTS}/{DOUBT}"

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Centre:
    """What the first hits have in common.

    Attributes:
        vector: float32 array of shape (dimension,), of a length in [0, 1).
        trust: how far the first hits are believed, in [0, 1).
    """

    vector: Vectors
    trust: float

    @classmethod
    def of(cls, vectors: Vectors, probabilities: NDArray[np.float64]) -> Centre:
        """Return the centre of hits.

        Args:
            vectors: unit vectors of shape (hits, dimension).
            probabilities: of relevance, shape (hits,).
        """
        weights = probabilities / (probabilities.sum() + DOUBT)
        return cls((weights @ vectors).astype(np.float32), float(weights.sum()))

    def evidence(
        self, vectors: Vectors, typical: float, place: tuple[float, float]
    ) -> NDArray[np.float64]:
        """Return the evidence of documents, shape (n,).

        Args:
            vectors: unit vectors of shape (n, dimension).
            typical: see `Feedback`.
            place: location and scale of the cosine of unrelated texts, scale > 0.
        """
        location, scale = place
        near = np.asarray(vectors @ self.vector, dtype=np.float64)
        return (near - location * self.trust) / scale - typical * self.trust


@dataclass(frozen=True)
class Feedback:
    """How much the likeness to the first hits counts.

    Attributes:
        typical: how near first hits and other hits are to each other, in scales above the
            location of unrelated texts.
        stage: weights beside the log-odds without feedback.
        shown: what becomes of their sum; None: nothing.
    """

    typical: float
    stage: SecondStage
    shown: Shown | None = None

    @property
    def usable(self) -> bool:
        """Whether it was fitted for evidence as it is made now."""
        return self.stage.fingerprint == FINGERPRINT

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Feedback:
        """Read the JSON form.

        Raises:
            ConfigurationError: a key is missing, or a number out of range.
        """
        try:
            typical = float(value["typical"])
            stage = SecondStage.from_json(value["stage"])
            shown = Shown.from_json(value["shown"]) if value.get("shown") else None
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"weights of feedback are damaged: {error!r}") from error
        if not math.isfinite(typical):
            raise ConfigurationError("weights of feedback need finite numbers")
        return cls(typical, stage, shown)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)
