"""The cluster's side: one connection to it for each client's, opened when needed.

Connections are not shared between clients: what belongs to one can't reach another, whatever either
side makes of a message, and a client's close, authentication and order are those of its own.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from opensearch_clir.addresses import Address
from opensearch_clir.gateway.protocol import WireProtocol
from opensearch_clir.gateway.wire import READ, Wire

__all__ = ["Link", "Unreachable", "Upstream"]


class Unreachable(ConnectionError):  # noqa: N818  becomes an UpstreamError
    """No node of the cluster takes a connection."""


@dataclass
class Upstream:
    """Where requests go: these nodes and nowhere else.

    Attributes:
        addresses: of the nodes; each connection starts with the next one in turn.
        tls: for those with ``https``.
        timeout: seconds for a connection to be made.
    """

    addresses: Sequence[Address]
    tls: ssl.SSLContext | None = None
    timeout: float = 10.0
    _turn: count[int] = field(default_factory=count, init=False)

    async def connect(self) -> tuple[Wire, Address]:
        """Return a new connection to a node that takes one.

        Raises:
            Unreachable: none does; says why for the last.
        """
        first, problem = next(self._turn), "no address"
        for step in range(len(self.addresses)):
            address = self.addresses[(first + step) % len(self.addresses)]
            try:
                return await asyncio.wait_for(self._open(address), self.timeout), address
            except (OSError, asyncio.TimeoutError) as error:
                reason = str(error) or f"no connection within {self.timeout:g} s"
                problem = f"{address.url}: {reason}"
        raise Unreachable(problem)

    async def _open(self, address: Address) -> Wire:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=READ, loop=loop)
        secure = self.tls if address.scheme == "https" else None
        transport, protocol = await loop.create_connection(
            lambda: WireProtocol(reader),
            address.host,
            address.port,
            ssl=secure,
            server_hostname=address.host if secure else None,
        )
        return Wire(reader, asyncio.StreamWriter(transport, protocol, reader, loop), protocol)


class Link:
    """The connection to the cluster that belongs to one client's."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._wire: Wire | None = None
        self.address: Address | None = None

    async def open(self) -> tuple[Wire, bool]:
        """Return the connection and whether it is a new one.

        Raises:
            Unreachable: there is none, and none can be made.
        """
        if self._wire is not None and not self._wire.gone:
            return self._wire, False
        self.close()
        self._wire, self.address = await self._upstream.connect()
        return self._wire, True

    def close(self) -> None:
        """Close the connection, at once: nothing more is expected from it."""
        if self._wire is not None:
            self._wire.abort()
            self._wire = None
