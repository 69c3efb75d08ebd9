"""The embedded model's vocabulary as a soft dictionary between languages.

Every piece of the vocabulary has a vector, whatever its language; pieces near a query's piece are
its likely translations. Documents are indexed by their pieces, so that the server's inverted index
finds translated words as it finds words. This is late interaction (Khattab and Zaharia, "ColBERT",
SIGIR 2020: each query token scores by its most similar token in the document) cut to the
nearest pieces, or a probabilistic structured query (Darwish and Oard, SIGIR 2003) whose translation
table comes from vectors.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.encoders.registry import EMBEDDED, load_encoder
from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.translation.neighbours import Neighbours

__all__ = ["Lexicon", "QueryPiece", "embedded_lexicon"]

_LETTER = re.compile(r"[^\W_]")

#: Exponent on the length of a vector that makes the weight of a piece; see ADR 15.
SHARPNESS = 1.5

#: Version of the rules by which a text becomes indexed pieces.
RULES = 1

#: Distinct pieces of a document that are indexed; those of a longer text are its first.
MAX_PIECES = 2_048

#: Pieces of a query that are translated: those that weigh most.
MAX_QUERY_PIECES = 32

#: Characters of a query that are looked at.
MAX_QUERY_CHARACTERS = 4_000


@dataclass(frozen=True)
class QueryPiece:
    """One piece of a query.

    Attributes:
        piece: as indexed.
        share: of the query's weight, in (0, 1]; the shares of a query sum to at most 1.
        translations: pieces of the vocabulary by descending similarity to it, each with its cosine
            in (0, 1]; the piece itself comes first, with 1.
    """

    piece: str
    share: float
    translations: tuple[tuple[str, float], ...]


class Lexicon:
    """Pieces of texts, and translations of pieces, from a static model. Safe to share.

    Attributes:
        id: eight hex digits; the same for all models with the same vocabulary, since what is
            indexed does not depend on the vectors.
    """

    def __init__(self, encoder: StaticEncoder) -> None:
        """Use the vocabulary and vectors of `encoder`; they are read on first use."""
        self._encoder = encoder
        self._neighbours = Neighbours(encoder)

    @functools.cached_property
    def id(self) -> str:
        """See the class.

        Raises:
            EncoderError: the tokenizer is missing or damaged.
        """
        digest = hashlib.sha256(f"{RULES} {self._encoder.vocabulary_digest}".encode())
        return digest.hexdigest()[:8]

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the distinct known pieces of each text, in order of their first occurrence.

        At most `MAX_PIECES` each, pieces without a letter or digit left out; linear in the length
        of the texts.

        Raises:
            EncoderError: the tokenizer is missing or damaged.
        """
        weights = self._neighbours.weights
        return [
            [p for i in dict.fromkeys(ids) if weights[i] > 0 if (p := self._word(i))][:MAX_PIECES]
            for ids in self._encoder.token_ids(texts)
        ]

    def translate(self, text: str) -> tuple[QueryPiece, ...]:
        """Return the query's weightiest pieces with their translations, in order of weight.

        A piece weighs by the length of its vector (rare words have long ones: the model's own term
        weighting) to the power of `SHARPNESS`, repeated ones as often as they occur. The shares of
        a query of function words alone sum to much less than 1.

        Raises:
            EncoderError: the tokenizer is missing or damaged.
        """
        (found,) = self._encoder.token_ids([text[:MAX_QUERY_CHARACTERS]])
        words = [i for i in found if self._word(i)]
        ids, counts = np.unique(np.array(words, dtype=np.intp), return_counts=True)
        lengths = self._neighbours.weights[ids].astype(np.float64)
        weights: NDArray[np.float64] = lengths**SHARPNESS * counts
        # Measured against at least one usual word: finding the "the" of the query "the" is nothing.
        total = max(float(weights.sum()), self._usual)
        order = [i for i in np.argsort(-weights, kind="stable") if weights[i] > 0]
        order = order[:MAX_QUERY_PIECES]
        near = self._neighbours.of([int(ids[i]) for i in order])
        return tuple(
            QueryPiece(self._neighbours.piece(int(ids[i])), float(weights[i]) / total, translations)
            for i, translations in zip(order, near, strict=True)
        )

    @functools.cached_property
    def _usual(self) -> float:
        """Median weight of a piece."""
        lengths = self._neighbours.weights
        return float(np.median(lengths[lengths > 0].astype(np.float64)) ** SHARPNESS)

    def _word(self, row: int) -> str | None:
        """Return the piece of a row, or None where it is punctuation."""
        piece = self._neighbours.piece(row)
        return piece if _LETTER.search(piece) else None


@functools.cache
def embedded_lexicon() -> Lexicon:
    """Return the lexicon of the model that comes with the package; one for the process."""
    encoder = load_encoder(EMBEDDED)
    if not isinstance(encoder, StaticEncoder):
        raise AssertionError("the embedded model is a static one")
    return Lexicon(encoder)
