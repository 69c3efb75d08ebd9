"""The vectors of a batch, with texts that the encoder chokes on set apart."""

from __future__ import annotations

from collections.abc import Sequence

from opensearch_clir.debias.encoder import encode_in
from opensearch_clir.encoders.base import Encoder
from opensearch_clir.errors import EncoderError
from opensearch_clir.language.base import LanguagePosterior

__all__ = ["embed"]

#: Texts at the start of a batch that must all fail before the encoder itself counts as broken.
BROKEN_AFTER = 8


def embed(
    encoder: Encoder, texts: Sequence[str], posteriors: Sequence[LanguagePosterior]
) -> list[list[float] | EncoderError]:
    """Return the vector of each passage, or the error that this text alone causes.

    Vectors are Python floats that give the same float32 again. An all-zero vector (the model
    knows nothing in the text) is an empty list: the server refuses zero vectors.

    Args:
        encoder: with the debiasing of the index's generation, if it has one.
        texts: passages.
        posteriors: the languages of each.

    Raises:
        EncoderError: the first `BROKEN_AFTER` texts all fail, so the fault is the encoder's.
    """
    results: list[list[float] | EncoderError] = []
    failures = 0
    waiting = [range(len(texts))]
    while waiting:
        part = waiting.pop()
        try:
            chosen = slice(part.start, part.stop)
            vectors = encode_in(encoder, texts[chosen], "passage", posteriors[chosen])
        except EncoderError as error:
            if len(part) > 1:
                half = len(part) // 2
                waiting += [part[half:], part[:half]]
                continue
            failures += 1
            results.append(error)
            if failures == len(results) == BROKEN_AFTER:
                raise
        else:
            rows: list[list[float]] = vectors.tolist()
            results += [row if any(row) else [] for row in rows]
    return results
