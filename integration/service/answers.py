"""JSON in and out, and errors as one shape that OpenAI's clients read, too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from opensearch_clir.errors import (
    ClirError,
    ClusterAuthError,
    ClusterError,
    ConfigurationError,
    EncoderError,
    IndexMissingError,
    IndexStateError,
    NotManagedError,
    QueryError,
    RerankerError,
)

__all__ = ["Refusal", "answer", "body_of", "for_error", "refusal_of"]


class Refusal(Exception):  # noqa: N818  it is what the caller gets, not an error of ours
    """A request that is answered with an error.

    Attributes:
        status: of HTTP.
        kind: for programs.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        """Refuse a request."""
        super().__init__(message)
        self.status = status
        self.kind = kind


#: Status and kind by class of error; the first that fits.
_STATUS: tuple[tuple[type[ClirError], int, str], ...] = (
    (QueryError, 400, "invalid_request"),
    (ConfigurationError, 400, "invalid_request"),
    (IndexMissingError, 404, "no_such_index"),
    (NotManagedError, 404, "not_set_up"),
    (IndexStateError, 409, "index_state"),
    (ClusterAuthError, 502, "cluster_refused"),
    (ClusterError, 503, "cluster_unavailable"),
    (EncoderError, 500, "encoder"),
    (RerankerError, 502, "reranker"),
)


def answer(value: Any, status: int = 200) -> Response:
    """Return a JSON answer. Escaped, so that any text can be written, lone surrogates too."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Response(text.encode("ascii"), status, media_type="application/json")


def refusal_of(error: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer to a refused request."""
    response = answer({"error": {"type": error.kind, "message": str(error)}}, error.status)
    response.headers.update(headers or {})
    return response


def for_error(error: ClirError) -> Refusal:
    """Return the refusal for an error of ours."""
    for kind, status, name in _STATUS:
        if isinstance(error, kind):
            return Refusal(status, name, str(error))
    return Refusal(500, "internal", str(error))


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request carries.

    Raises:
        Refusal: it carries something else.
    """
    try:
        value = json.loads(await request.body(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "invalid_json", f"the body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise Refusal(400, "invalid_request", "the body must be a JSON object")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
