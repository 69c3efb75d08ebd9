"""A gateway in this process, and the peers around it: raw clients and a server that records."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.addresses import parse_addresses
from opensearch_clir.gateway.limits import Limits
from opensearch_clir.gateway.run import Listening, Options, serve

#: What tells requests of the gateway itself from those that pass through it.
OWN = b"user-agent: opensearch-py"


def lines_of(head: bytes) -> list[bytes]:
    return head.split(b"\r\n")


@dataclass
class Peer:
    """A server that answers each request with what it is told to, and keeps what it saw.

    Attributes:
        connections: those that carried requests of clients.
        answer: returns the response's bytes for a request's bytes; None: close the connection.
        seen: requests, whole, in order.
    """

    answer: Callable[[bytes], bytes | None]
    seen: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passing = False
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if OWN in head.lower():
                writer.write(_NOTHING_MANAGED)
                continue
            self.connections += not passing
            passing = True
            if b"\r\nexpect: 100-continue" in head.lower():
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.seen.append(head + await body_of(reader, head))
            answer = self.answer(self.seen[-1])
            if answer is None:
                return
            writer.write(answer)
            await writer.drain()
            if b"x-then: close" in answer:
                return


_NOTHING_MANAGED = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
)


async def body_of(reader: asyncio.StreamReader, head: bytes, *, until_close: bool = False) -> bytes:
    """Read a body as it is framed; a second reading of the rules, on purpose not the gateway's."""
    names = {
        line.partition(b":")[0].lower(): line.partition(b":")[2].strip()
        for line in lines_of(head)[1:]
    }
    if b"transfer-encoding" in names:
        parts = []
        while True:
            parts.append(await reader.readuntil(b"\r\n"))
            size = int(parts[-1].split(b";")[0], 16)
            if size == 0:
                break
            parts.append(await reader.readexactly(size + 2))
        while parts[-1] != b"\r\n":
            parts.append(await reader.readuntil(b"\r\n"))
        return b"".join(parts)
    if b"content-length" in names:
        return await reader.readexactly(int(names[b"content-length"]))
    return await reader.read() if until_close else b""


@asynccontextmanager
async def gateway_before(
    port: int, *, limits: Limits | None = None, **options: Any
) -> AsyncIterator[Listening]:
    """Run a gateway before a server on this machine."""
    url = f"http://127.0.0.1:{port}"
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    chosen = Options(port=0, health_port=0, limits=limits or Limits(grace=5), **options)
    with OpenSearch(url, max_retries=0, timeout=5) as client:
        running = asyncio.ensure_future(
            serve(parse_addresses(url), client, chosen, stop, ready.set_result)
        )
        try:
            await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
            yield ready.result() if ready.done() else await running  # type: ignore[misc]
        finally:
            stop.set()
            await running


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def listening_with(handler: Handler) -> AsyncIterator[int]:
    """Run a server; yields its port. Whatever still runs at the end is ended."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await handler(reader, writer)
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0, limit=1 << 20)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0.05)


@asynccontextmanager
async def peer_behind(
    answer: Callable[[bytes], bytes | None], **options: Any
) -> AsyncIterator[tuple[Peer, int, Listening]]:
    """Run a recording server with a gateway before it; yields it, its port, and the gateway."""
    peer = Peer(answer)
    async with (
        listening_with(peer.serve) as port,
        gateway_before(port, **options) as listening,
    ):
        yield peer, port, listening


async def talk(port: int, *data: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """Send bytes, piece by piece, and return all that comes back until the other side closes."""
    name = "localhost" if tls else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name)
    try:
        for piece in data:
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 30)
    finally:
        writer.close()
