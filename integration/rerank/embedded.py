"""Late interaction with the embedded model: every word of the question meets its best match.

MaxSim (Khattab and Zaharia, "ColBERT", SIGIR 2020) over the vectors of pieces, from the texts at
query time: nothing is stored, and numpy does the work.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.encoders.registry import EMBEDDED, load_encoder
from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.rerank.base import Evidence
from opensearch_clir.rerank.pieces import Cutter

__all__ = ["LateInteraction", "embedded_reranker"]

#: Version of the rules below; part of the fingerprint.
RULES = 2

#: Exponent on the length of a piece's vector, the model's own term weighting, for its weight.
SHARPNESS = 1.5

#: Distinct pieces that count: of the question its weightiest, of a candidate its first.
QUERY_PIECES, PIECES = 64, 1_024

#: Candidates cut into pieces between two looks at the clock.
BATCH = 16

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]


class LateInteraction:
    """The mean over a question's pieces of each one's highest cosine with a piece of the text.

    Pieces weigh the length of their vector to the power of `SHARPNESS`; scores are in [0, 1]. Safe
    to share between threads.

    Attributes:
        name: of the reranker.
        unfitted: log-odds of one standard deviation, where none are fitted: on open sets .00 to .01
            were where languages match, .05 to .1 where they don't.
    """

    unfitted = 0.1

    def __init__(self, encoder: StaticEncoder, name: str = EMBEDDED) -> None:
        """Use the vectors of `encoder`."""
        self.name = name
        self._encoder = encoder
        self._cutter = Cutter(encoder)

    @property
    def fingerprint(self) -> str:
        """Of the model and the rules. Raises `EncoderError` where the model is damaged."""
        return f"late-interaction-{RULES} {self._encoder.fingerprint}"

    def score(self, query: str, texts: Sequence[str], seconds: float) -> Evidence:
        """Return the scores of texts, in [0, 1]; NaN for those without a known piece.

        Time is looked at while texts are cut, which takes nearly all of it.

        Raises:
            EncoderError: the model is damaged.
        """
        limit = time.monotonic() + seconds
        (asked,) = self._cutter.pieces([query])
        (found,) = self.interaction([asked], self.cut(texts, limit), len(texts))
        return np.asarray(found)

    def cut(self, texts: Sequence[str], limit: float) -> list[Rows]:
        """Return the distinct pieces of texts, of as many as there is time for.

        Args:
            texts: any.
            limit: on the monotonic clock, in seconds.
        """
        found: list[Rows] = []
        for start in range(0, len(texts), BATCH):
            if start and time.monotonic() >= limit:
                break
            pieces = self._cutter.pieces(texts[start : start + BATCH])
            distinct = (list(dict.fromkeys(ids))[:PIECES] for ids in pieces)
            found += [np.array(ids, dtype=np.intp) for ids in distinct]
        return found

    def interaction(
        self, asked: Sequence[Sequence[int] | Rows], rows: Sequence[Rows], size: int
    ) -> Evidence:
        """Return how much of each question each text has, shape (questions, size).

        Args:
            asked: pieces of each question.
            rows: distinct pieces of the texts, of the first ones at least.
            size: texts in all; those without pieces get NaN.
        """
        scores = np.full((len(asked), size), np.nan)
        known = [i for i, found in enumerate(rows) if len(found)]
        if not known:
            return scores
        pieces, places = np.unique(np.concatenate([rows[i] for i in known]), return_inverse=True)
        # One product over all distinct pieces, then the highest of each text's.
        units = self._units(pieces)[0]
        starts = np.cumsum([0, *(len(rows[i]) for i in known[:-1])])
        for one, question in zip(scores, asked, strict=True):
            own, weights = self._weighted(question)
            if weights.any():
                best = np.maximum.reduceat((units @ own.T).take(places, axis=0), starts, axis=0)
                one[known] = np.clip(best, 0.0, 1.0) @ weights / weights.sum()
        return scores

    def _weighted(self, pieces: Sequence[int] | Rows) -> tuple[Floats, NDArray[np.float64]]:
        """Return vectors at length 1 and weights of a question's weightiest pieces."""
        distinct, counts = np.unique(np.asarray(pieces, dtype=np.intp), return_counts=True)
        units, lengths = self._units(distinct)
        weights = (lengths**SHARPNESS * counts).astype(np.float64)
        kept = np.argsort(-weights, kind="stable")[:QUERY_PIECES]
        return units[kept], weights[kept]

    def _units(self, rows: Rows) -> tuple[Floats, Floats]:
        """Return vectors at length 1, (n, d), and the lengths they had, (n,)."""
        vectors = self._encoder.rows.take(rows) * self._encoder.scales[rows, None]
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        units = np.divide(
            vectors, lengths[:, None], out=np.zeros_like(vectors), where=lengths[:, None] > 0
        )
        return units, lengths


def embedded_reranker() -> LateInteraction:
    """Return the reranker of the model that comes with the package.

    Raises:
        EncoderError: its files are damaged.
    """
    encoder = load_encoder(EMBEDDED)
    assert isinstance(encoder, StaticEncoder)
    return LateInteraction(encoder)
