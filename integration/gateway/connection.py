"""One client's connection: requests in turn, until either side ends it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from opensearch_clir.gateway.answers import error_answer
from opensearch_clir.gateway.exchange import Exchange
from opensearch_clir.gateway.limits import Budget, Limits
from opensearch_clir.gateway.messages import Malformed, parse_request
from opensearch_clir.gateway.metrics import Metrics
from opensearch_clir.gateway.protocol import BrokenOff, TooSlow
from opensearch_clir.gateway.responses import UpstreamError
from opensearch_clir.gateway.upstream import Link, Upstream
from opensearch_clir.gateway.wire import Wire

__all__ = ["Connection", "Handler"]

_log = logging.getLogger(__name__)

#: What is done with a request.
Handler = Callable[[Exchange], Awaitable[None]]


class Connection:
    """Serves one client.

    Attributes:
        idle: whether no request is being worked on.
    """

    def __init__(
        self,
        client: Wire,
        upstream: Upstream,
        handler: Handler,
        limits: Limits,
        budget: Budget,
        metrics: Metrics,
        *,
        rewrite_host: bool = False,
    ) -> None:
        self._client, self._link = client, Link(upstream)
        self._handler, self._limits, self._budget = handler, limits, budget
        self._metrics, self._rewrite_host = metrics, rewrite_host
        self.idle = True
        self._ending = self._begun_head = False
        self._exchange: Exchange | None = None

    def end(self) -> None:
        """End the connection after the request that is being worked on, if any."""
        self._ending = True
        if self.idle:
            self._client.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._client.abort()
        self._link.close()

    async def serve(self) -> None:
        """Serve requests until the end of the connection; never raises what a peer causes."""
        try:
            while await self._next():
                pass
        except Malformed as error:
            await self._refuse(error.status, str(error))
        except UpstreamError as error:
            if self._client.gone:
                return  # and took the connection to the cluster along
            self._metrics.count("upstream_failures")
            _log.warning("%s", error)
            await self._refuse(error.status, str(error))
        except TooSlow:
            if not self.idle or self._begun_head:
                await self._refuse(408, "the request did not come in time")
        except BrokenOff:
            pass
        finally:
            self._client.protocol.on_gone = None
            self._link.close()
            self._client.close()
            await self._client.closed()

    async def _next(self) -> bool:
        client, limits = self._client, self._limits
        self._exchange, self._begun_head = None, False
        client.within(limits.idle)
        client.protocol.on_data = self._head_begins
        head = await client.read_head()
        client.protocol.on_data = None
        if head is None:
            return False
        self.idle = False
        client.within(limits.stall)
        request = parse_request(head.removeprefix(b"\r\n"))
        exchange = Exchange(
            client, self._link, request, limits, self._budget, rewrite_host=self._rewrite_host
        )
        self._exchange = exchange
        with self._metrics.timed():
            try:
                await self._handler(exchange)
            finally:
                exchange.release()
        self.idle = True
        return exchange.keep and not self._ending and not client.gone

    def _head_begins(self) -> None:
        self._begun_head = True
        self._client.within(self._limits.head)

    async def _refuse(self, status: int, reason: str) -> None:
        """Answer with an error where nothing was answered yet; else let the client notice."""
        exchange = self._exchange
        if exchange is not None and exchange.begun:
            self._client.abort()
            return
        self._metrics.count("refused")
        self._client.within(self._limits.linger)
        head_only = exchange is not None and exchange.head_only
        try:
            await self._client.send(error_answer(status, reason, head_only=head_only))
            await self._client.discard(self._limits.linger)
        except (BrokenOff, TooSlow):
            self._client.abort()
