"""Handing bodies and answers on, piece by piece: what is under way is bounded by who is slower."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from opensearch_clir.gateway.framing import UNTIL_CLOSE, Framing, end_to_end, response_framing
from opensearch_clir.gateway.limits import Limits
from opensearch_clir.gateway.messages import Malformed, Response
from opensearch_clir.gateway.protocol import BrokenOff, TooSlow
from opensearch_clir.gateway.responses import failure, read_response
from opensearch_clir.gateway.wire import Wire

__all__ = ["Relayed", "relay_answer", "relay_body"]


@dataclass(frozen=True)
class Relayed:
    """What became of an answer.

    Attributes:
        response: its head.
        ended: whether its end was that of the connection.
        given: whether the client got it.
    """

    response: Response
    ended: bool
    given: bool


async def relay_body(client: Wire, framing: Framing, cluster: Wire, limits: Limits) -> bool:
    """Hand a request's body on; return whether the cluster took all of it.

    Raises:
        Malformed, BrokenOff, TooSlow: the client.
    """
    taken = True
    async for piece in client.pieces(framing):
        client.within(limits.stall)
        if not taken:
            continue
        cluster.within(limits.stall)
        try:
            await cluster.send(piece.wire)
        except (BrokenOff, TooSlow):
            taken = False
        cluster.within(None)
    cluster.within(limits.answer)
    return taken


async def relay_answer(
    cluster: Wire,
    client: Wire,
    method: bytes,
    limits: Limits,
    *,
    continued: bool = False,
    unless: Collection[int] = frozenset(),
    begin: Callable[[], None] = lambda: None,
) -> Relayed:
    """Hand a response on, with the interim ones before it.

    Args:
        cluster, client: connections.
        method: of the request.
        limits: their times.
        continued: whether the client was told to continue already.
        unless: statuses of answers that are dropped.
        begin: called before the first byte of the final response is sent.

    Raises:
        UpstreamError: the cluster.
        BrokenOff, TooSlow: the client.
    """
    while True:
        response = await read_response(cluster)
        try:
            framing = response_framing(response, method)
            fields = end_to_end(response.fields, response.tokens(b"connection"))
        except Malformed as error:
            raise failure(error) from error
        if response.status >= 200:
            break
        if response.status != 100 or not continued:
            await client.send(response.replaced(fields).wire())
    given = response.status not in unless
    if given:
        begin()
        client.within(limits.stall)
        await client.send(response.replaced(fields).wire())
    pieces = cluster.pieces(framing)
    while True:
        cluster.within(limits.stall)
        try:
            piece = await anext(pieces, None)
        except (BrokenOff, TooSlow, Malformed) as error:
            raise failure(error) from error
        if piece is None:
            return Relayed(response, framing == UNTIL_CLOSE, given)
        if given:
            client.within(limits.stall)
            await client.send(piece.wire)
