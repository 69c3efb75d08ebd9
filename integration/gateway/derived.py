"""Requests made of a client's: changed, or others in its name."""

from __future__ import annotations

from collections.abc import Iterable

from opensearch_clir.addresses import Address
from opensearch_clir.gateway.messages import Field, Request

__all__ = ["addressed", "changed", "in_its_name", "uncompressed"]

#: Fields that describe a body.
_OF_THE_BODY = frozenset(
    {b"content-length", b"content-encoding", b"transfer-encoding", b"trailer", b"expect"}
)

#: Fields that are not those of another request made in the caller's name.
_OF_THE_REQUEST = _OF_THE_BODY | {
    b"content-type", b"accept", b"accept-encoding", b"if-match", b"if-none-match", b"range",
    b"connection",
}  # fmt: skip

_IDENTITY = Field.of(b"accept-encoding", b"identity")


def changed(request: Request, fields: Iterable[Field], target: bytes, body: bytes) -> Request:
    """Return a request's head with another target, for another body.

    Args:
        request: as it came.
        fields: of it, those that are handed on.
        target: for the other one.
        body: plain JSON.
    """
    kept = [field for field in fields if field.name not in _OF_THE_BODY]
    if not any(field.name == b"content-type" for field in kept):
        kept.append(Field.of(b"content-type", b"application/json"))
    kept.append(Field.of(b"content-length", b"%d" % len(body)))
    return request.replaced(target=target, fields=kept)


def in_its_name(
    request: Request, fields: Iterable[Field], method: bytes, target: bytes, body: bytes
) -> Request:
    """Return the head of a request of ours with the caller's credentials."""
    kept = [field for field in fields if field.name not in _OF_THE_REQUEST]
    kept.append(_IDENTITY)
    if body:
        kept.append(Field.of(b"content-type", b"application/json"))
        kept.append(Field.of(b"content-length", b"%d" % len(body)))
    return Request(b"", request.version, tuple(kept), method, target).replaced()


def uncompressed(head: Request) -> Request:
    """Return a request that asks for an answer without compression."""
    return head.replaced(fields=[*head.without({b"accept-encoding"}), _IDENTITY])


def addressed(head: Request, address: Address | None, *, rewrite_host: bool) -> bytes:
    """Return a head as it is sent to a node: below its prefix, and with its name if wanted."""
    if address is None:
        return head.wire()
    if address.prefix:
        head = head.replaced(target=address.prefix.encode() + head.target)
    if rewrite_host:
        host = f"[{address.host}]" if ":" in address.host else address.host
        default = 443 if address.scheme == "https" else 80
        name = host if address.port == default else f"{host}:{address.port}"
        named = Field.of(b"Host", name.encode())
        head = head.replaced(fields=[named if f.name == b"host" else f for f in head.fields])
    return head.wire()
