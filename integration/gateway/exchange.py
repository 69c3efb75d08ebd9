"""One request and its response, between one client and the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass

from opensearch_clir.gateway.bodies import Body, receive
from opensearch_clir.gateway.framing import (
    UNTIL_CLOSE,
    closes,
    end_to_end,
    request_framing,
    response_framing,
)
from opensearch_clir.gateway.limits import Budget, Limits
from opensearch_clir.gateway.messages import Field, Malformed, Request, Response, parse_response
from opensearch_clir.gateway.upstream import Link, Unreachable
from opensearch_clir.gateway.wire import BrokenOff, TooSlow, Wire

__all__ = ["Answer", "Exchange", "UpstreamError"]

#: Fields of a caller's request that are not those of another request made in its name.
_OF_THE_BODY = frozenset(
    {b"content-length", b"content-type", b"content-encoding", b"transfer-encoding", b"expect"}
    | {b"accept-encoding", b"accept", b"trailer", b"if-match", b"if-none-match", b"range"}
    | {b"connection"}
)


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
    """A response that was read whole."""

    head: Response
    body: bytes


class Exchange:
    """What can be done with one request.

    Attributes:
        request: as it came.
        keep: whether the client's connection can take another request afterwards.
        begun: whether a part of the final response has gone to the client.
        sent: whether a changed request has gone to the cluster.
    """

    def __init__(
        self,
        client: Wire,
        link: Link,
        request: Request,
        limits: Limits,
        budget: Budget,
        *,
        rewrite_host: bool = False,
    ) -> None:
        """Read what the head says. Raises `Malformed`."""
        self.client, self.link, self.request = client, link, request
        self.limits, self._budget = limits, budget
        self.framing = request_framing(request)
        self.keep = not closes(request)
        self.begun = self.sent = False
        self._rewrite_host = rewrite_host
        self._fields = end_to_end(request.fields, request.tokens(b"connection"))
        self._held: list[Body] = []
        self._continued = False
        self._reserved = 0

    @property
    def head_only(self) -> bool:
        """Whether the response has no body."""
        return self.request.method == b"HEAD"

    async def stream(self) -> None:
        """Hand request and response on untouched, as they come in."""
        if self.framing == 0:
            await self._sent_whole(self.request.replaced(fields=self._fields), b"")
            return
        wire = await self._connect()
        await self._to_upstream(wire, self._outgoing(self.request.replaced(fields=self._fields)))
        relay = asyncio.ensure_future(self._relay_body(wire))
        answer = asyncio.ensure_future(self._answer(wire))
        try:
            await asyncio.wait({relay, answer}, return_when=asyncio.FIRST_COMPLETED)
            if relay.done() and relay.exception() is not None:
                await relay  # the client's fault: nothing that the cluster says matters
            await answer
            if not relay.done():
                self.keep = False
                await asyncio.wait({relay}, timeout=self.limits.linger)
            elif not relay.result():
                self.keep = False
        finally:
            for task in (relay, answer):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task

    async def body(self) -> Body:
        """Return the request's body, held in memory until `release`.

        Raises:
            Malformed: too large, or there is no room for it.
            BrokenOff, TooSlow: the client.
        """
        expect = self.request.get(b"expect")
        if expect is not None and expect.lower() == b"100-continue":
            self._continued = True
            await self.client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        limits = self.limits
        held = await receive(
            self.client, self.request, self.framing, limits.body, self._budget, limits.stall
        )
        self._held.append(held)
        return held

    def hold(self, size: int) -> None:
        """Reserve memory for bytes that are made of the body, until `release`.

        Raises:
            Malformed: there is no room for them.
        """
        self._budget.take(size)
        self._reserved += size

    def release(self) -> None:
        """Give the memory of held bodies back."""
        while self._held:
            self._reserved += self._held.pop().held
        self._budget.give_back(self._reserved)
        self._reserved = 0

    async def send_original(self, body: Body) -> None:
        """Send the request as it came, with its body that was held, and hand the answer on."""
        await self._sent_whole(self.request.replaced(fields=self._fields), body.wire)

    async def send(
        self, target: bytes, body: bytes, *, unless: Collection[int] = frozenset()
    ) -> bool:
        """Send the request with another target and body, and hand the answer on.

        Returns:
            Whether it was; False for an answer with a status of `unless`, which is dropped.
        """
        self.sent = not unless
        return await self._sent_whole(self._changed(target, body), body, unless)

    async def ask_changed(self, target: bytes, body: bytes, *, writes: bool = False) -> Answer:
        """Like `send`, but return the answer, uncompressed.

        Args:
            target, body: of the request.
            writes: whether it must not be followed by the original.
        """
        self.sent = self.sent or writes
        head = self._changed(target, body)
        fields = [*head.without({b"accept-encoding"}), Field.of(b"accept-encoding", b"identity")]
        return await self._asked(head.replaced(fields=fields), body)

    async def ask(
        self, method: bytes, target: bytes, body: bytes = b"", kind: bytes = b"application/json"
    ) -> Answer:
        """Send a request of ours in the caller's name, and return its answer.

        Raises:
            UpstreamError: no usable answer.
        """
        fields = [field for field in self._fields if field.name not in _OF_THE_BODY]
        fields.append(Field.of(b"accept-encoding", b"identity"))
        if body:
            fields.append(Field.of(b"content-type", kind))
            fields.append(Field.of(b"content-length", b"%d" % len(body)))
        head = Request(b"", self.request.version, tuple(fields), method, target)
        return await self._asked(head.replaced(), body)

    async def give(self, answer: Answer, body: bytes | None = None) -> None:
        """Send the client an answer that was read, with its own or another body."""
        content = answer.body if body is None else body
        fields: Iterable[Field] = end_to_end(answer.head.fields, answer.head.tokens(b"connection"))
        dropped = {b"content-length", b"transfer-encoding", b"trailer"}
        kept = [field for field in fields if field.name not in dropped]
        kept.append(Field.of(b"content-length", b"%d" % len(content)))
        self.begun = True
        await self.client.send(answer.head.replaced(kept).wire() + content)

    def _changed(self, target: bytes, body: bytes) -> Request:
        dropped = {b"content-length", b"transfer-encoding", b"content-encoding", b"expect"}
        fields = [field for field in self._fields if field.name not in dropped | {b"trailer"}]
        if not any(field.name == b"content-type" for field in fields):
            fields.append(Field.of(b"content-type", b"application/json"))
        fields.append(Field.of(b"content-length", b"%d" % len(body)))
        return self.request.replaced(target=target, fields=fields)

    async def _sent_whole(
        self, head: Request, body: bytes, unless: Collection[int] = frozenset()
    ) -> bool:
        for last in (False, True):
            wire = await self._connect()
            fresh = self._fresh
            try:
                await self._to_upstream(wire, self._outgoing(head) + body)
                return await self._answer(wire, unless)
            except UpstreamError:
                # A kept connection may have been closed in the very moment it was used again.
                reads = head.method in (b"GET", b"HEAD") or bool(unless)
                repeatable = reads and not self.begun
                if last or fresh or not repeatable or self.client.gone:
                    raise
                self.link.close()
        raise AssertionError("the second try returns or raises")

    async def _asked(self, head: Request, body: bytes) -> Answer:
        wire = await self._connect()
        await self._to_upstream(wire, self._outgoing(head) + body)
        wire.within(self.limits.answer)
        try:
            response = await self._response(wire)
            while response.status < 200:
                response = await self._response(wire)
            framing = response_framing(response, head.method)
            parts = []
            size = 0
            async for piece in wire.pieces(framing):
                wire.within(self.limits.stall)
                parts.append(piece.data)
                size += len(piece.data)
                if size > self.limits.memory:
                    raise UpstreamError("the cluster's answer is larger than the gateway can hold")
        except (BrokenOff, TooSlow, Malformed) as error:
            raise _failure(error) from error
        self._after(wire, response, framing == UNTIL_CLOSE)
        return Answer(response, b"".join(parts))

    async def _connect(self) -> Wire:
        try:
            wire, self._fresh = await self.link.open()
        except Unreachable as error:
            raise UpstreamError(f"the cluster can't be reached: {error}") from error
        # The cluster stops work on a search whose caller has gone, if it is told.
        self.client.protocol.on_gone = self.link.close
        return wire

    def _outgoing(self, head: Request) -> bytes:
        address = self.link.address
        if address is not None and address.prefix:
            head = head.replaced(target=address.prefix.encode() + head.target)
        if address is not None and self._rewrite_host:
            host = f"[{address.host}]" if ":" in address.host else address.host
            default = 443 if address.scheme == "https" else 80
            name = host if address.port == default else f"{host}:{address.port}"
            replaced = Field.of(b"Host", name.encode())
            head = head.replaced(fields=[replaced if f.name == b"host" else f for f in head.fields])
        return head.wire()

    async def _to_upstream(self, wire: Wire, data: bytes) -> None:
        wire.within(self.limits.stall)
        with suppress(BrokenOff):  # there may be an answer that says why
            try:
                await wire.send(data)
            except TooSlow as error:
                raise _failure(error) from error

    async def _relay_body(self, wire: Wire) -> bool:
        """Hand the request's body on; return whether the cluster took all of it."""
        taken = True
        async for piece in self.client.pieces(self.framing):
            self.client.within(self.limits.stall)
            if not taken:
                continue
            wire.within(self.limits.stall)
            try:
                await wire.send(piece.wire)
            except (BrokenOff, TooSlow):
                taken = False
            wire.within(None)
        wire.within(self.limits.answer)
        return taken

    async def _answer(self, wire: Wire, unless: Collection[int] = frozenset()) -> bool:
        """Hand the response on; drop it and return False where its status is one of `unless`."""
        if self.framing == 0 or self._held:
            wire.within(self.limits.answer)
        while True:
            response = await self._response(wire)
            try:
                framing = response_framing(response, self.request.method)
                fields = end_to_end(response.fields, response.tokens(b"connection"))
            except Malformed as error:
                raise _failure(error) from error
            if response.status == 100 and self._continued:
                continue
            head = response.replaced(fields).wire()
            if response.status >= 200:
                break
            await self.client.send(head)
        dropped = response.status in unless
        pieces = wire.pieces(framing)
        if not dropped:
            self.begun = True
            self.client.within(self.limits.stall)
            await self.client.send(head)
        while True:
            wire.within(self.limits.stall)
            try:
                piece = await anext(pieces, None)
            except (BrokenOff, TooSlow, Malformed) as error:
                raise _failure(error) from error
            if piece is None:
                break
            if not dropped:
                self.client.within(self.limits.stall)
                await self.client.send(piece.wire)
        self._after(wire, response, framing == UNTIL_CLOSE)
        if not dropped and (framing == UNTIL_CLOSE or closes(response)):
            self.keep = False
        return not dropped

    def _after(self, wire: Wire, response: Response, ended: bool) -> None:
        self.client.protocol.on_gone = None
        wire.within(None)  # it may be kept for as long as the client likes
        if ended or closes(response):
            self.link.close()

    async def _response(self, wire: Wire) -> Response:
        try:
            data = await wire.read_head()
            if data is None:
                raise BrokenOff("it closed the connection without an answer")
            response = parse_response(data)
            if response.status == 101:
                raise Malformed("it switched protocols unasked", 502)
        except (BrokenOff, TooSlow, Malformed) as error:
            raise _failure(error) from error
        return response


def _failure(error: Exception) -> UpstreamError:
    if isinstance(error, TooSlow):
        return UpstreamError("the cluster did not answer in time", 504)
    return UpstreamError(f"the cluster gave no usable answer: {error}")
