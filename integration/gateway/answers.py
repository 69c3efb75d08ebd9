"""Answers of the gateway's own, of the shape of OpenSearch's errors."""

from __future__ import annotations

import json
from http import HTTPStatus

__all__ = ["error_answer"]


def error_answer(status: int, reason: str, *, head_only: bool = False) -> bytes:
    """Return a whole response after which the connection is closed.

    Args:
        status: code.
        reason: for people.
        head_only: whether it answers a ``HEAD``.
    """
    cause = {"type": "clir_gateway_exception", "reason": reason}
    error = {"error": {"root_cause": [cause], **cause}, "status": status}
    body = json.dumps(error).encode()
    phrase = HTTPStatus(status).phrase
    head = (
        f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json; charset=UTF-8\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if head_only else body)
