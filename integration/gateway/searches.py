"""Requests that search: ``_search``, ``_count``, ``_msearch`` and both with templates."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from opensearch_clir.gateway.documents import NotUnderstood, dumps, loads_object
from opensearch_clir.gateway.exchange import Exchange
from opensearch_clir.gateway.multiple import Pair, pairs
from opensearch_clir.gateway.routes import Route, with_query
from opensearch_clir.gateway.searching import (
    URI_PARAMETERS,
    from_uri,
    in_pit,
    rewritten_body,
    wants_dfs,
)
from opensearch_clir.gateway.targets import Found
from opensearch_clir.gateway.work import Work

__all__ = ["search", "search_many"]

_DFS = "dfs_query_then_fetch"

#: Where the server answers so, the request goes on as it came: its error is then the user's own,
#: and what only our query is refused for (no scripts, too many clauses) costs nobody a search.
_REFUSED = frozenset({400, 500})


async def search(exchange: Exchange, route: Route, content: bytes, work: Work) -> bool:
    """Send a search or a count rewritten; False where there is nothing to rewrite.

    Raises:
        NotUnderstood: it is left to the server.
        ClirError: it can't be rewritten.
    """
    target, params = exchange.request.target, route.params
    without, added = set(), {}
    if route.kind == "search template":
        body = await _rendered(exchange, loads_object(content))
        target = _without_template(target)
    else:
        if not content.strip() and "source" in params:
            content = params["source"].encode("utf-8", "surrogateescape")
            without |= {"source", "source_content_type"}
        body = loads_object(content) if content.strip() else {}
    if "q" in params and route.kind != "search template":
        body["query"] = from_uri(params)
        without |= URI_PARAMETERS
    expression, found = await _searched(body, route, work)
    hits = route.kind != "count"
    changed = await work.run(_body, body, expression, found, work, hits)
    if changed is None:
        return False
    if hits and wants_dfs(expression, found) and "search_type" not in params:
        added["search_type"] = _DFS
    work.metrics.count("searches_rewritten")
    target = with_query(target, without=without, added=added)
    return await exchange.send(target, dumps(changed), unless=_REFUSED)


async def search_many(exchange: Exchange, route: Route, content: bytes, work: Work) -> bool:
    """Send the searches of a body rewritten; False where there is nothing to rewrite.

    Raises:
        NotUnderstood: the body is left to the server.
    """
    found = pairs(content)
    if route.kind == "msearch":
        made = await asyncio.gather(*(_one(exchange, pair, route, work) for pair in found))
    else:  # what is rendered is asked for on one connection, in turn
        made = [await _one(exchange, pair, route, work) for pair in found]
    changed = [is_changed for _, is_changed in made]
    if not any(changed):
        return False
    target = exchange.request.target
    if route.kind == "msearch template":
        target = _without_template(target)
    work.metrics.count("searches_rewritten", sum(changed))
    answer = await exchange.ask_changed(target, b"".join(lines for lines, _ in made))
    if answer.head.status in _REFUSED or await work.run(_any_failed, answer.body, changed):
        return False
    await exchange.give(answer)
    return True


def _any_failed(answer: bytes, changed: Sequence[bool]) -> bool:
    """Whether the server refused a search that was rewritten."""
    if b'"error"' not in answer:
        return False
    try:
        responses = loads_object(answer).get("responses", [])
    except NotUnderstood:
        return False
    pairs = zip(responses, changed, strict=False)
    return any(is_changed and r.get("status") in _REFUSED for r, is_changed in pairs)


async def _one(exchange: Exchange, pair: Pair, route: Route, work: Work) -> tuple[bytes, bool]:
    """Return the lines of one search, a template rendered, and whether it was rewritten."""
    header, lines = dict(pair.header), pair.header_line + b"\n" + pair.body_line + b"\n"
    body = loads_object(pair.body_line)
    if route.kind == "msearch template":
        body = await _rendered(exchange, body)
        lines = pair.header_line + b"\n" + dumps(body) + b"\n"
    expression = pair.expression(route.index)
    found = await work.targets.find(expression, str(header.get("expand_wildcards", "open")))
    changed = await work.run(_body, body, expression, found, work, True)
    if changed is None:
        return lines, False
    if wants_dfs(expression, found) and "search_type" not in {*header, *route.params}:
        header["search_type"] = _DFS
    return dumps(header) + b"\n" + dumps(changed) + b"\n", True


async def _searched(body: dict[str, Any], route: Route, work: Work) -> tuple[str, Found]:
    """Return the indices that are searched: as named, and what that stands for."""
    pit = body.get("pit")
    if route.index is None and isinstance(pit, dict):
        everything = await work.targets.find("_all", "all")
        return "_all", in_pit(str(pit.get("id", "")), everything)
    expression = route.index or "_all"
    return expression, await work.targets.find(
        expression, route.params.get("expand_wildcards", "open")
    )


def _body(
    body: dict[str, Any], expression: str, found: Found, work: Work, hits: bool
) -> dict[str, Any] | None:
    return rewritten_body(body, expression, found, work.registry, hits=hits)


async def _rendered(exchange: Exchange, body: dict[str, Any]) -> dict[str, Any]:
    """Return the search that a template and its parameters give.

    Raises:
        NotUnderstood: the server does not render it; its own answer then says why.
    """
    options = {key: value for key, value in body.items() if key in ("explain", "profile")}
    wanted = {key: value for key, value in body.items() if key in ("id", "source", "params")}
    answer = await exchange.ask(b"POST", b"/_render/template", dumps(wanted))
    rendered = loads_object(answer.body).get("template_output")
    if answer.head.status != 200 or not isinstance(rendered, dict):
        raise NotUnderstood("the template can't be rendered")
    return {**rendered, **options}


def _without_template(target: bytes) -> bytes:
    path, mark, query = target.partition(b"?")
    return path.rstrip(b"/").removesuffix(b"/template") + mark + query
