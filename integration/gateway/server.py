"""The gateway: takes clients in, and lets them go in order when it is stopped."""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass, field

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.gateway.answers import error_answer
from opensearch_clir.gateway.connection import Connection, Handler
from opensearch_clir.gateway.limits import Budget, Limits
from opensearch_clir.gateway.metrics import Metrics
from opensearch_clir.gateway.protocol import WireProtocol
from opensearch_clir.gateway.upstream import Upstream
from opensearch_clir.gateway.wire import READ, Wire

__all__ = ["Gateway"]

_log = logging.getLogger(__name__)

#: Connections that wait to be taken in.
BACKLOG = 512


@dataclass
class Gateway:
    """Listens, and serves each client on a connection of its own.

    Attributes:
        upstream: the cluster.
        handler: what is done with a request.
        limits: sizes and times.
        metrics: counters.
        tls: for clients; None: plain HTTP.
        rewrite_host: whether the cluster sees its own name in ``Host``, in place of the client's.
        draining: whether it is being stopped.
    """

    upstream: Upstream
    handler: Handler
    limits: Limits = field(default_factory=Limits)
    metrics: Metrics = field(default_factory=Metrics)
    tls: ssl.SSLContext | None = None
    rewrite_host: bool = False
    draining: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._budget = Budget(self.limits.memory)
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Begin to listen; return the port, which the system chooses for 0.

        Raises:
            ConfigurationError: the address can't be listened on.
        """
        loop = asyncio.get_running_loop()
        # TLS clients that do not finish their handshake would hold a connection for ever.
        handshake = None if self.tls is None else self.limits.head
        try:
            self._server = await loop.create_server(
                self._protocol,
                host,
                port,
                ssl=self.tls,
                backlog=BACKLOG,
                ssl_handshake_timeout=handshake,
            )
        except OSError as error:
            raise ConfigurationError(
                f"can't listen on {host}:{port}: {error.strerror or error}"
            ) from error
        chosen: int = self._server.sockets[0].getsockname()[1]
        return chosen

    async def stop(self) -> None:
        """Take nobody in any more, let running exchanges end within `Limits.grace`, then close."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        for connection in self._connections.values():
            connection.end()
        if self._connections:
            await asyncio.wait(self._connections, timeout=self.limits.grace)
        left = list(self._connections.items())
        if left:
            _log.warning("%d exchanges did not end in time and were broken off", len(left))
        for task, connection in left:
            connection.abort()
            task.cancel()
        if left:
            await asyncio.wait([task for task, _ in left])

    def _protocol(self) -> WireProtocol:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=READ, loop=loop)
        return WireProtocol(reader, self._taken_in, loop)

    def _taken_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.draining or len(self._connections) >= self.limits.connections:
            writer.write(error_answer(503, "the gateway has as many connections as it may"))
            writer.close()
            return
        self.metrics.count("connections")
        protocol = writer.transport.get_protocol()
        assert isinstance(protocol, WireProtocol)
        connection = Connection(
            Wire(reader, writer, protocol),
            self.upstream,
            self.handler,
            self.limits,
            self._budget,
            self.metrics,
            rewrite_host=self.rewrite_host,
        )
        task = asyncio.ensure_future(connection.serve())
        self._connections[task] = connection
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._connections.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a connection ended with an error", exc_info=error)
