"""The ASGI app: routes, and around them metrics, token and limits, in this order from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from opensearch_clir.errors import ClirError
from opensearch_clir.service import embeddings, handlers, rerank
from opensearch_clir.service.answers import Refusal, for_error, refusal_of
from opensearch_clir.service.auth import TokenRequired
from opensearch_clir.service.limits import Limited
from opensearch_clir.service.metrics import Observed
from opensearch_clir.service.work import Work

__all__ = ["ROUTES", "make_app"]

ROUTES = (
    ("POST", "/v1/indices/{index}/enrich", handlers.enrich),
    ("POST", "/v1/indices/{index}/rewrite", handlers.rewrite),
    ("POST", "/v1/embed", handlers.embed),
    ("POST", "/v1/embeddings", embeddings.embeddings),
    ("GET", "/v1/models", embeddings.models),
    ("POST", "/v1/detect", handlers.detect),
    ("POST", "/v1/indices/{index}/rerank", rerank.rerank_hits),
    ("POST", "/v1/rerank", rerank.rerank),
    ("GET", "/health", handlers.health),
    ("GET", "/ready", handlers.ready),
    ("GET", "/metrics", handlers.metrics),
    ("GET", "/openapi.json", handlers.openapi),
)


def make_app(work: Callable[[], Work], token: str | None) -> Starlette:
    """Return the app.

    Args:
        work: makes the worker's state; called when the app starts.
        token: that callers must send; None: whoever reaches the port may call.
    """
    opened = work()
    limits = opened.options.limits

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.work = opened
        # Before the first request: it would wait longer for the model than a cluster waits for it.
        await opened.in_thread(opened.warm)
        yield
        opened.close()

    guard = [Middleware(TokenRequired, token=token)] if token is not None else []
    return Starlette(
        routes=[Route(path, made, methods=[method]) for method, path, made in ROUTES],
        middleware=[
            Middleware(Observed, metrics=opened.metrics),
            *guard,
            Middleware(Limited, body=limits.body, waiting=limits.waiting, seconds=limits.seconds),
        ],
        exception_handlers={
            Refusal: _refused,
            ClirError: _failed,
            HTTPException: _unknown,
            Exception: _broken,
        },
        lifespan=lifespan,
    )


async def _refused(request: Request, error: Any) -> Response:
    return refusal_of(error)


async def _failed(request: Request, error: Any) -> Response:
    return refusal_of(for_error(error))


async def _unknown(request: Request, error: Any) -> Response:
    kind = {404: "no_such_path", 405: "wrong_method"}.get(error.status_code, "http")
    return refusal_of(Refusal(error.status_code, kind, error.detail), error.headers)


async def _broken(request: Request, error: Exception) -> Response:
    # The server logs the exception itself, which callers have no use for.
    return refusal_of(Refusal(500, "internal", "an error of the service, which its log has"))
