"""What is done with each request: looked into, or handed on without a look."""

from __future__ import annotations

import logging

from opensearch_clir.errors import ClirError
from opensearch_clir.gateway.bodies import Body, readable
from opensearch_clir.gateway.documents import NotUnderstood
from opensearch_clir.gateway.exchange import Exchange
from opensearch_clir.gateway.routes import Route, route
from opensearch_clir.gateway.searches import search, search_many
from opensearch_clir.gateway.work import Work
from opensearch_clir.gateway.writes import write_bulk, write_document, write_update

__all__ = ["App"]

_log = logging.getLogger(__name__)

_JSON = (b"application/json", b"application/x-ndjson")


class App:
    """Handles requests; see `Work` for what it works with."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def __call__(self, exchange: Exchange) -> None:
        """Handle one request."""
        request = exchange.request
        asked = route(request.method, request.target)
        if asked.kind == "changing":
            try:
                await exchange.stream()
            finally:
                self._work.targets.forget()
            return
        if asked.kind == "other" or not _json(exchange) or not await self._concerns(asked):
            await exchange.stream()
            return
        body = await exchange.body()
        if not await self._changed(exchange, asked, body):
            await exchange.send_original(body)

    async def _concerns(self, asked: Route) -> bool:
        """Whether a managed index may be meant, as far as the address says."""
        targets = self._work.targets
        if asked.kind in ("document", "update"):
            return await targets.written(asked.index or "") is not None
        if asked.kind in ("search", "count", "search template") and asked.index is not None:
            wildcards = asked.params.get("expand_wildcards", "open")
            return bool((await targets.find(asked.index, wildcards)).managed)
        if asked.kind == "bulk" and asked.index is not None and await targets.written(asked.index):
            return True
        return await targets.any()

    async def _changed(self, exchange: Exchange, asked: Route, body: Body) -> bool:
        """Answer a request that is changed; False where it goes on as it came."""
        content = body.content
        if content is None:
            return False
        work = self._work
        try:
            if asked.kind in ("search", "count", "search template"):
                return await search(exchange, asked, content, work)
            if asked.kind in ("msearch", "msearch template"):
                return await search_many(exchange, asked, content, work)
            if asked.kind == "bulk":
                return await write_bulk(exchange, asked, body, work)
            target = await work.targets.written(asked.index or "")
            if target is None:
                return False
            write = write_update if asked.kind == "update" else write_document
            return await write(exchange, asked, target, content, work)
        except NotUnderstood:
            if exchange.sent:
                raise
            return False
        except (ClirError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            # Also a fault of ours must cost nobody a search or a document.
            if exchange.sent:
                raise
            work.metrics.count("fallbacks")
            _log.warning(
                "a request (%s) goes on unchanged: %s", asked.kind, error,
                exc_info=not isinstance(error, ClirError),
            )  # fmt: skip
            return False


def _json(exchange: Exchange) -> bool:
    kind = (exchange.request.get(b"content-type") or b"").partition(b";")[0].strip().lower()
    understood = kind in _JSON or (not kind and exchange.framing == 0)
    return understood and readable(exchange.request)
