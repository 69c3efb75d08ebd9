"""One request and its response, between one client and the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from contextlib import suppress

from opensearch_clir.gateway.bodies import Body, receive
from opensearch_clir.gateway.derived import addressed, changed, in_its_name, uncompressed
from opensearch_clir.gateway.framing import closes, end_to_end, request_framing
from opensearch_clir.gateway.limits import Budget, Limits
from opensearch_clir.gateway.messages import Field, Request, Response
from opensearch_clir.gateway.protocol import BrokenOff, TooSlow
from opensearch_clir.gateway.relay import relay_answer, relay_body
from opensearch_clir.gateway.responses import Answer, UpstreamError, failure, read_answer
from opensearch_clir.gateway.upstream import Link, Unreachable
from opensearch_clir.gateway.wire import Wire

__all__ = ["Exchange"]


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
        relay = asyncio.ensure_future(relay_body(self.client, self.framing, wire, self.limits))
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
        head = changed(self.request, self._fields, target, body)
        return await self._sent_whole(head, body, unless)

    async def ask_changed(self, target: bytes, body: bytes, *, writes: bool = False) -> Answer:
        """Like `send`, but return the answer, uncompressed.

        Args:
            target, body: of the request.
            writes: whether it must not be followed by the original.
        """
        self.sent = self.sent or writes
        head = uncompressed(changed(self.request, self._fields, target, body))
        return await self._asked(head, body)

    async def ask(self, method: bytes, target: bytes, body: bytes = b"") -> Answer:
        """Send a request of ours in the caller's name, and return its answer.

        Raises:
            UpstreamError: no usable answer.
        """
        return await self._asked(
            in_its_name(self.request, self._fields, method, target, body), body
        )

    async def give(self, answer: Answer, body: bytes | None = None) -> None:
        """Send the client an answer that was read, with its own or another body."""
        content = answer.body if body is None else body
        fields: Iterable[Field] = end_to_end(answer.head.fields, answer.head.tokens(b"connection"))
        dropped = {b"content-length", b"transfer-encoding", b"trailer"}
        kept = [field for field in fields if field.name not in dropped]
        kept.append(Field.of(b"content-length", b"%d" % len(content)))
        if closes(answer.head):
            self.keep = False
        self.begun = True
        await self.client.send(answer.head.replaced(kept).wire() + content)

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
        answer = await read_answer(wire, head.method, self.limits, self.hold)
        self._after(wire, answer.head, answer.ended)
        return answer

    async def _connect(self) -> Wire:
        try:
            wire, self._fresh = await self.link.open()
        except Unreachable as error:
            raise UpstreamError(f"the cluster can't be reached: {error}") from error
        # The cluster stops work on a search whose caller has gone, if it is told.
        self.client.protocol.on_gone = self.link.close
        return wire

    def _outgoing(self, head: Request) -> bytes:
        return addressed(head, self.link.address, rewrite_host=self._rewrite_host)

    async def _to_upstream(self, wire: Wire, data: bytes) -> None:
        wire.within(self.limits.stall)
        with suppress(BrokenOff):  # there may be an answer that says why
            try:
                await wire.send(data)
            except TooSlow as error:
                raise failure(error) from error

    async def _answer(self, wire: Wire, unless: Collection[int] = frozenset()) -> bool:
        """Hand the response on; drop it and return False where its status is one of `unless`."""
        if self.framing == 0 or self._held:
            wire.within(self.limits.answer)
        relayed = await relay_answer(
            wire,
            self.client,
            self.request.method,
            self.limits,
            continued=self._continued,
            unless=unless,
            begin=self._begin,
        )
        self._after(wire, relayed.response, relayed.ended)
        if relayed.given and (relayed.ended or closes(relayed.response)):
            self.keep = False
        return relayed.given

    def _begin(self) -> None:
        self.begun = True

    def _after(self, wire: Wire, response: Response, ended: bool) -> None:
        self.client.protocol.on_gone = None
        wire.within(None)  # it may be kept for as long as the client likes
        if ended or closes(response):
            self.link.close()
