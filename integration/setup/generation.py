"""A generation of vectors: everything that changes a vector, under a short id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from opensearch_clir.debias.encoder import GenerationEncoder
from opensearch_clir.debias.transform import Debias
from opensearch_clir.encoders.base import Encoder
from opensearch_clir.index_templates.schema import DebiasReference, Generation

__all__ = ["SPACE", "build_generation", "generation_id"]

#: Similarity of the vector fields.
SPACE = "cosinesimil"


def generation_id(
    encoder: Encoder,
    query_prompt: str | None = None,
    passage_prompt: str | None = None,
    debias: Debias | None = None,
) -> str:
    """Return eight hex digits that are equal only for interchangeable vectors."""
    after = "none" if debias is None else debias.digest
    parts = [encoder.fingerprint, query_prompt, passage_prompt, encoder.dimension, after, SPACE]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]


def build_generation(
    encoder: Encoder,
    *,
    query_prompt: str | None = None,
    passage_prompt: str | None = None,
    background: Mapping[str, tuple[float, float]] | None = None,
    debias: Debias | None = None,
) -> Generation:
    """Describe the vectors that an encoder makes.

    Args:
        encoder: loaded with the prompts below.
        query_prompt, passage_prompt: as in the settings; None where the encoder's own are used.
        background: location and scale of the cosine of unrelated texts; measured if not given,
            which takes as long as encoding a few hundred sentences.
        debias: what is done to the vectors; None: nothing.

    Raises:
        EncoderError: the encoder returned unusable vectors while it was measured.
    """
    if background is None:
        from opensearch_clir.encoders.background import measure

        background = measure(encoder if debias is None else GenerationEncoder(encoder, debias))
    return Generation(
        id=generation_id(encoder, query_prompt, passage_prompt, debias),
        encoder=encoder.name,
        fingerprint=encoder.fingerprint,
        dimension=encoder.dimension,
        background={kind: (float(line[0]), float(line[1])) for kind, line in background.items()},
        query_prompt=query_prompt,
        passage_prompt=passage_prompt,
        debias=DebiasReference(str(debias.method), debias.digest) if debias else None,
    )
