"""Prometheus metrics, of all workers together where there are several."""

from __future__ import annotations

import os
import time

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["MULTIPROCESS", "Metrics", "Observed"]

#: Folder that several workers share, in the library's own variable.
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The metrics of one worker."""

    def __init__(self) -> None:
        """Make them, all at zero."""
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "clir_requests",
            "Requests by endpoint and status.",
            ["endpoint", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "clir_request_seconds",
            "Seconds per request.",
            ["endpoint"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.batch = Histogram(
            "clir_batch_documents",
            "Documents that were enriched together.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=self.registry,
        )
        self.rewritten = Counter(
            "clir_queries",
            "Queries by what became of them: rewritten or echoed.",
            ["outcome"],
            registry=self.registry,
        )
        self.documents = Counter(
            "clir_documents",
            "Documents by what became of them: enriched, without_text or refused.",
            ["outcome"],
            registry=self.registry,
        )
        self.in_work = Gauge(
            "clir_requests_in_work",
            "Requests that are being answered.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )

    def exposition(self) -> Response:
        """Return the metrics in the text format."""
        registry = self.registry
        if os.environ.get(MULTIPROCESS):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class Observed:
    """ASGI middleware that counts and times requests by their route."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        """Wrap an app."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._metrics.in_work.track_inprogress():
            try:
                await self._app(scope, receive, watched)
            finally:
                # Paths are made of index names; the route has one label for all of them.
                endpoint = getattr(scope.get("endpoint"), "__name__", "none")
                self._metrics.requests.labels(endpoint, str(status)).inc()
                self._metrics.seconds.labels(endpoint).observe(time.perf_counter() - started)
