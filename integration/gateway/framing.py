"""Where a message's body ends (RFC 9112, section 6), and which fields stay on one connection."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from opensearch_clir.gateway.messages import Field, Malformed, Request, Response

__all__ = [
    "CHUNKED",
    "HOP_BY_HOP",
    "UNTIL_CLOSE",
    "Framing",
    "closes",
    "end_to_end",
    "request_framing",
    "response_framing",
]

#: Bytes of the body, or how its end is found.
Framing = int | Literal["chunked", "until close"]
CHUNKED: Framing = "chunked"
UNTIL_CLOSE: Framing = "until close"

#: Fields that concern one connection and are not handed on. ``Connection`` is handed on with
#: ``close`` and ``keep-alive`` only; ``Transfer-Encoding: chunked`` stays, as chunks are handed on
#: one by one; chunk extensions are dropped.
HOP_BY_HOP = frozenset(
    {b"connection", b"http2-settings", b"keep-alive", b"proxy-connection", b"te", b"upgrade"}
)

#: What a client may not have removed by naming it in ``Connection``: the server would then see
#: another request than a proxy in front of the gateway has checked.
_PROTECTED = re.compile(
    rb"authorization|cookie|host|content-.*|transfer-encoding|trailer|expect|forwarded|x-.*|"
    rb"securitytenant|range|if-.*"
)
_DIGITS = re.compile(rb"[0-9]{1,18}")
_OPTIONS = (b"close", b"keep-alive")


def request_framing(head: Request) -> Framing:
    """Return how long the request's body is.

    Raises:
        Malformed: two lengths, a length beside chunks, or an encoding other than chunks.
    """
    length = _length(head, head.version, 400)
    return 0 if length is None else length


def response_framing(head: Response, method: bytes) -> Framing:
    """Return how long the response's body is, for a request of this method.

    Raises:
        Malformed: as `request_framing`.
    """
    if method == b"HEAD" or head.status < 200 or head.status in (204, 304):
        return 0
    length = _length(head, head.version, 502)
    return UNTIL_CLOSE if length is None else length


def end_to_end(fields: Iterable[Field], named: Iterable[bytes]) -> tuple[Field, ...]:
    """Return the fields that are handed on.

    Args:
        fields: of a head.
        named: members of its ``Connection`` fields, in lower case.

    Raises:
        Malformed: ``Connection`` names a field that must arrive.
    """
    named = set(named)
    for name in named:
        if _PROTECTED.fullmatch(name):
            raise Malformed(f"Connection names {name.decode('latin-1')}, which must be handed on")
    dropped = HOP_BY_HOP | named
    kept = []
    for field in fields:
        if field.name == b"connection":
            kept += _reduced(field)
        elif field.name not in dropped:
            kept.append(field)
    return tuple(kept)


def closes(head: Request | Response) -> bool:
    """Whether the connection ends with this message."""
    options = head.tokens(b"connection")
    if b"close" in options:
        return True
    return head.version == b"1.0" and b"keep-alive" not in options


def _reduced(field: Field) -> list[Field]:
    members = [member.strip(b" \t") for member in field.value.split(b",")]
    kept = [member for member in members if member.lower() in _OPTIONS]
    if kept == members:
        return [field]
    return [Field.of(field.raw.partition(b":")[0], b", ".join(kept))] if kept else []


def _length(head: Request | Response, version: bytes, status: int) -> Framing | None:
    encodings, lengths = head.all(b"transfer-encoding"), head.all(b"content-length")
    if encodings:
        if lengths:
            raise Malformed("both Content-Length and Transfer-Encoding", status)
        if version == b"1.0":
            raise Malformed("Transfer-Encoding in HTTP/1.0", status)
        if len(encodings) > 1 or encodings[0].lower() != b"chunked":
            raise Malformed("a Transfer-Encoding other than chunked", max(status, 501))
        return CHUNKED
    if not lengths:
        return None
    if len(lengths) > 1 or not _DIGITS.fullmatch(lengths[0]):
        raise Malformed("Content-Length is not one whole number", status)
    return int(lengths[0])
