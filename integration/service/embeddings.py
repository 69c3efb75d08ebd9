"""``/v1/embeddings`` and ``/v1/models`` as OpenAI's clients expect them."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from opensearch_clir.encoders.base import Vectors
from opensearch_clir.encoders.registry import EMBEDDED
from opensearch_clir.service.answers import Refusal, answer, body_of
from opensearch_clir.service.handlers import texts_of, work_of

__all__ = ["embeddings", "models"]

#: Rough number of characters of a token, for the ``usage`` that clients count with.
_CHARACTERS = 4


async def embeddings(request: Request) -> Response:
    """Return one embedding for each text of ``input``, in order."""
    work, body = work_of(request), await body_of(request)
    if body.get("model") != EMBEDDED:
        raise Refusal(
            404, "model_not_found", f"the model is {EMBEDDED!r}, got {body.get('model')!r}"
        )
    given = body.get("input")
    texts = texts_of([given] if isinstance(given, str) else given, work, "input")
    if not texts:
        raise Refusal(400, "invalid_request", "'input' is empty")
    form = body.get("encoding_format", "float")
    if form not in ("float", "base64"):
        raise Refusal(400, "invalid_request", "encoding_format must be 'float' or 'base64'")
    dimension = work.encoder.dimension
    if body.get("dimensions") not in (None, dimension):
        raise Refusal(400, "invalid_request", f"the model has {dimension} dimensions")
    vectors = await work.embed(texts, "query" if body.get("input_type") == "query" else "passage")
    tokens = sum(len(text) // _CHARACTERS + 1 for text in texts)
    data = [
        {"object": "embedding", "index": i, "embedding": _written(vector, form)}
        for i, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return answer({"object": "list", "data": data, "model": EMBEDDED, "usage": usage})


async def models(request: Request) -> Response:
    """Return the one model."""
    model = {"id": EMBEDDED, "object": "model", "created": 0, "owned_by": "opensearch-clir"}
    return answer({"object": "list", "data": [model]})


def _written(vector: Vectors, form: str) -> Any:
    if form == "base64":
        return base64.b64encode(np.ascontiguousarray(vector, dtype="<f4").tobytes()).decode("ascii")
    return vector.tolist()
