"""A gateway before the real server, in a thread of its own; with a recorder behind it on demand."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from opensearchpy import OpenSearch

from concepts import BACKGROUND, ConceptEncoder
from opensearch_clir import Clir
from opensearch_clir.addresses import parse_addresses
from opensearch_clir.gateway.limits import Limits
from opensearch_clir.gateway.run import Listening, Options, serve

LANGUAGES = "de,en,fr,ja"


@dataclass
class Recorder:
    """Hands bytes on, both ways, and keeps them.

    Attributes:
        port: where the gateway connects to.
        connections: for each, what went to the server and what came from it.
    """

    port: int = 0
    connections: list[tuple[bytearray, bytearray]] = field(default_factory=list)

    async def start(self, target: int) -> asyncio.Server:
        async def pump(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray
        ) -> None:
            with suppress(ConnectionError):
                while data := await reader.read(65536):
                    kept += data
                    writer.write(data)
                    await writer.drain()
            writer.close()

        async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            kept = (bytearray(), bytearray())
            self.connections.append(kept)
            there, back = await asyncio.open_connection("127.0.0.1", target)
            await asyncio.gather(pump(reader, back, kept[0]), pump(there, writer, kept[1]))

        server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server


@contextmanager
def gateway(
    client: OpenSearch,
    url: str,
    *,
    open_clir: Callable[[str], Clir] | None = None,
    recorder: Recorder | None = None,
    **options: Any,
) -> Iterator[Listening]:
    """Run a gateway before the server at `url`.

    Args:
        client: that the gateway reads set-ups and statistics with, past the recorder.
        open_clir: makes the facade of an index; by default one with the encoder of concepts.
        recorder: to put between the gateway and the server.
        options: of the gateway.
    """
    ready: threading.Event = threading.Event()
    found: list[Any] = []
    chosen = Options(port=0, health_port=0, **{"limits": Limits(grace=10), **options})
    opened = open_clir or (lambda name: Clir(client, name, encoder=ConceptEncoder()))

    async def main() -> None:
        stop, behind, target = asyncio.Event(), None, url
        if recorder is not None:
            behind = await recorder.start(parse_addresses(url)[0].port)
            target = f"http://127.0.0.1:{recorder.port}"

        def say(listening: Listening) -> None:
            found.extend([listening, asyncio.get_running_loop(), stop])
            ready.set()

        try:
            await serve(parse_addresses(target), client, chosen, stop, say, opened)
        finally:
            if behind is not None:
                behind.close()

    failures: list[BaseException] = []

    def body() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - told in the test's thread
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=body)
    thread.start()
    try:
        assert ready.wait(60)
        if failures:
            raise failures[0]
        yield found[0]
    finally:
        if found:
            found[1].call_soon_threadsafe(found[2].set)
        thread.join(60)
        if failures:
            raise failures[0]


def managed(client: OpenSearch, name: str, *, shards: int = 1, **settings: Any) -> Clir:
    """Make a managed index whose vectors are counts of concepts."""
    mapping = {"properties": {"lang": {"type": "keyword"}, "day": {"type": "date"}}}
    index = {"index.knn": True, "index.number_of_shards": shards}
    client.indices.create(index=name, body={"mappings": mapping, "settings": index})
    clir = Clir(client, name, encoder=ConceptEncoder())
    chosen = {"fields": "text", "lang_field": "lang", "languages": LANGUAGES, **settings}
    with patch("opensearch_clir.encoders.background.measure", return_value=BACKGROUND):
        clir.setup(**chosen)
    return clir


def through(port: int, **options: Any) -> OpenSearch:
    """Return a stock client of the gateway."""
    context: ssl.SSLContext | None = options.pop("context", None)
    if context is not None:
        options |= {"use_ssl": True, "ssl_context": context}
    return OpenSearch([{"host": "127.0.0.1", "port": port}], timeout=60, max_retries=0, **options)
