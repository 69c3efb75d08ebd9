"""Reading the cluster's answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from opensearch_clir.gateway.framing import UNTIL_CLOSE, response_framing
from opensearch_clir.gateway.limits import Limits
from opensearch_clir.gateway.messages import Malformed, Response, parse_response
from opensearch_clir.gateway.protocol import BrokenOff, TooSlow
from opensearch_clir.gateway.wire import Wire

__all__ = ["Answer", "UpstreamError", "failure", "read_answer", "read_response"]


class UpstreamError(Exception):
    """The cluster gave no usable answer.

    Attributes:
        status: that the client is answered with.
    """

    def __init__(self, reason: str, status: int = 502) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """A response that was read whole.

    Attributes:
        head: of it.
        body: without chunks.
        ended: whether its end was that of the connection.
    """

    head: Response
    body: bytes
    ended: bool = False


async def read_response(wire: Wire) -> Response:
    """Return the head of the next response, which may be an interim one.

    Raises:
        UpstreamError: there is none, or it is not of the strict form.
    """
    try:
        data = await wire.read_head()
        if data is None:
            raise BrokenOff("it closed the connection without an answer")
        response = parse_response(data)
        if response.status == 101:
            raise Malformed("it switched protocols unasked", 502)
    except (BrokenOff, TooSlow, Malformed) as error:
        raise failure(error) from error
    return response


async def read_answer(
    wire: Wire, method: bytes, limits: Limits, hold: Callable[[int], None]
) -> Answer:
    """Return the next final response, whole.

    Args:
        wire: to the cluster.
        method: of the request.
        limits: its times.
        hold: reserves memory for bytes; what it raises goes on.

    Raises:
        UpstreamError: it is not usable.
    """
    wire.within(limits.answer)
    response = await read_response(wire)
    while response.status < 200:
        response = await read_response(wire)
    parts: list[bytes] = []
    try:
        framing = response_framing(response, method)
    except Malformed as error:
        raise failure(error) from error
    pieces = wire.pieces(framing)
    while True:
        wire.within(limits.stall)
        try:
            piece = await anext(pieces, None)
        except (BrokenOff, TooSlow, Malformed) as error:
            raise failure(error) from error
        if piece is None:
            break
        hold(len(piece.data))
        parts.append(piece.data)
    return Answer(response, b"".join(parts), framing == UNTIL_CLOSE)


def failure(error: Exception) -> UpstreamError:
    """Return what a fault on the cluster's side means for the client."""
    if isinstance(error, TooSlow):
        return UpstreamError("the cluster did not answer in time", 504)
    return UpstreamError(f"the cluster gave no usable answer: {error}")
