"""A request's body that is looked into: held as it came, and decompressed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from opensearch_clir.gateway.framing import Framing
from opensearch_clir.gateway.limits import Budget
from opensearch_clir.gateway.messages import Malformed, Request
from opensearch_clir.gateway.wire import Wire

__all__ = ["Body", "readable", "receive"]

#: Encodings that are understood; others are handed on unread.
_PLAIN = (b"", b"identity")
_ZLIB = (b"gzip", b"x-gzip", b"deflate")


@dataclass(frozen=True)
class Body:
    """A body.

    Attributes:
        wire: as it is sent on unchanged, chunks and compression included.
        content: decompressed; None where it does not decompress, which is for the cluster to say.
        held: bytes that it takes of the budget.
    """

    wire: bytes
    content: bytes | None
    held: int


def readable(request: Request) -> bool:
    """Whether the request's body can be looked into."""
    encoding = b",".join(request.all(b"content-encoding")).strip().lower()
    return encoding in _PLAIN or encoding in _ZLIB


async def receive(
    client: Wire, request: Request, framing: Framing, limit: int, budget: Budget, stall: float
) -> Body:
    """Read a body; the caller gives `held` back to the budget.

    Raises:
        Malformed: it is larger than `limit` (413), the budget is used up (429), or chunks are
            broken.
        BrokenOff, TooSlow: the client.
    """
    if isinstance(framing, int) and framing > limit:
        raise _too_large(limit)
    held = 0
    parts, contents = [], []
    packed = b"".join(request.all(b"content-encoding")).strip().lower() in _ZLIB
    try:
        async for piece in client.pieces(framing):
            client.within(stall)
            budget.take(len(piece.wire))
            held += len(piece.wire)
            parts.append(piece.wire)
            contents.append(piece.data)
            if held > limit + limit // 8:  # chunks have a frame around them
                raise _too_large(limit)
        content: bytes | None = b"".join(contents)
        contents.clear()
        if packed and content:
            content = _unpacked(content, limit)
        extra = 0 if content is None else len(content)
        if extra > limit:
            raise _too_large(limit)
        budget.take(extra)
        held += extra
    except BaseException:
        budget.give_back(held)
        raise
    return Body(b"".join(parts), content, held)


def _unpacked(data: bytes, limit: int) -> bytes | None:
    """Return the decompressed bytes, at most one more than `limit`; None where they are broken."""
    unpacker = zlib.decompressobj(47)  # gzip or zlib, by its first bytes
    try:
        content = unpacker.decompress(data, limit + 1)
    except zlib.error:
        return None
    if len(content) <= limit and (not unpacker.eof or unpacker.unused_data):
        return None  # cut off, or several members: rare enough to be left to the cluster
    return content


def _too_large(limit: int) -> Malformed:
    return Malformed(
        f"the body is larger than {limit} bytes, the most that this gateway looks into", 413
    )
