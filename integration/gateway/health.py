"""Health, readiness and metrics, on a port of their own: no path can be one of the cluster's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.gateway.messages import Malformed, parse_request
from opensearch_clir.gateway.server import Gateway
from opensearch_clir.gateway.upstream import Unreachable

__all__ = ["Health"]

#: Seconds for a request of a monitor, and to reach the cluster for one.
_PATIENCE = 5.0


class Health:
    """Answers ``GET /health``, ``/ready`` and ``/metrics``.

    Args:
        gateway: that is asked about.
        problem: returns what keeps the gateway from knowing which indices are managed, if anything.
    """

    def __init__(self, gateway: Gateway, problem: Callable[[], str | None]) -> None:
        self._gateway, self._problem = gateway, problem
        self._server: asyncio.Server | None = None
        self._paths: dict[bytes, Callable[[], Awaitable[tuple[int, str, str]]]] = {
            b"/health": self._alive,
            b"/ready": self._ready,
            b"/metrics": self._metrics,
        }

    async def start(self, host: str, port: int) -> int:
        """Begin to listen; return the port, which the system chooses for 0.

        Raises:
            ConfigurationError: the address can't be listened on.
        """
        try:
            self._server = await asyncio.start_server(self._serve, host, port, limit=8192)
        except OSError as error:
            raise ConfigurationError(
                f"can't listen on {host}:{port}: {error.strerror or error}"
            ) from error
        chosen: int = self._server.sockets[0].getsockname()[1]
        return chosen

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE)
            request = parse_request(head[:-4])
            answer = self._paths.get(request.target.partition(b"?")[0])
            if request.method not in (b"GET", b"HEAD"):
                status, kind, text = 405, "text/plain", "GET only\n"
            elif answer is None:
                status, kind, text = 404, "text/plain", "/health, /ready or /metrics\n"
            else:
                status, kind, text = await answer()
            body = text.encode()
            lines = f"HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}"
            writer.write(f"{lines}\r\nconnection: close\r\n\r\n".encode())
            writer.write(b"" if request.method == b"HEAD" else body)
            await asyncio.wait_for(writer.drain(), _PATIENCE)
        except (
            OSError, Malformed, asyncio.IncompleteReadError, asyncio.LimitOverrunError,
            asyncio.TimeoutError,
        ):  # fmt: skip
            pass  # a port scan, most likely
        finally:
            writer.close()

    async def _alive(self) -> tuple[int, str, str]:
        return _json(200, {"status": "ok"})

    async def _ready(self) -> tuple[int, str, str]:
        if self._gateway.draining:
            return _json(503, {"status": "stopping"})
        try:
            wire, address = await asyncio.wait_for(self._gateway.upstream.connect(), _PATIENCE)
        except (Unreachable, asyncio.TimeoutError) as error:
            return _json(503, {"status": "no cluster", "reason": str(error) or "no answer"})
        wire.close()
        if (problem := self._problem()) is not None:
            return _json(503, {"status": "not ready", "reason": problem})
        return _json(200, {"status": "ok", "cluster": address.url})

    async def _metrics(self) -> tuple[int, str, str]:
        return 200, "text/plain; version=0.0.4", self._gateway.metrics.text()


def _json(status: int, value: object) -> tuple[int, str, str]:
    return status, "application/json", json.dumps(value) + "\n"
