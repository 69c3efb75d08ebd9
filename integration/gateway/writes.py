"""Requests that write documents: ``_doc``, ``_create``, ``_update``, ``_bulk``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from opensearch_clir.errors import ClirError
from opensearch_clir.gateway.bodies import Body
from opensearch_clir.gateway.bulk import Plan, classify, parts, prepared, read
from opensearch_clir.gateway.documents import NotUnderstood, dumps, loads_object
from opensearch_clir.gateway.enriching import (
    correction,
    enriched_objects,
    need_of,
    rewritten_update,
    stale_document,
    with_object,
)
from opensearch_clir.gateway.exchange import Exchange
from opensearch_clir.gateway.fetching import Key, fetch
from opensearch_clir.gateway.responses import Answer, UpstreamError
from opensearch_clir.gateway.routes import Route, with_query
from opensearch_clir.gateway.settling import ROUNDS, Settler, failed, items_of
from opensearch_clir.gateway.targets import Managed
from opensearch_clir.gateway.work import Work
from opensearch_clir.ingest.processors.updates import marked_stale

__all__ = ["write_bulk", "write_document", "write_update"]

_log = logging.getLogger(__name__)

_REFUSED = frozenset({400})
_VERSION = ("_version", "_seq_no", "_primary_term")

#: Parameters of an update that are not those of the one that catches up with it.
_OF_THE_FIRST = frozenset(
    {"retry_on_conflict", "if_seq_no", "if_primary_term", "_source", "_source_includes"}
    | {"_source_excludes", "filter_path", "require_alias", "lang"}
)


async def write_document(
    exchange: Exchange, route: Route, target: Managed, content: bytes, work: Work
) -> bool:
    """Send a document enriched; False where it has nothing to enrich.

    Raises:
        NotUnderstood: it is left to the server.
    """
    document = loads_object(content)

    def enriched() -> bytes:
        try:
            enricher = work.registry.enricher(target.name, target.schema)
            (ours,) = enriched_objects([document], enricher)
        except ClirError as error:
            _log.warning("a document for %s goes stale: %s", target.name, error)
            return stale_document(content, document, target.schema)
        return with_object(content, document, ours, target.schema)

    body = await work.run(enriched)
    work.metrics.count("documents_passed" if body is content else "documents_enriched")
    if body is content:
        return False
    # Where it is refused, nothing is written, and what the server says of the original counts.
    return await exchange.send(exchange.request.target, body, unless=_REFUSED)


async def write_update(
    exchange: Exchange, route: Route, target: Managed, content: bytes, work: Work
) -> bool:
    """Send an update enriched; False where it has nothing to enrich.

    Raises:
        NotUnderstood: it is left to the server.
    """
    body = loads_object(content)
    key = Key.of(target, route.id, route.params.get("routing"))
    need = need_of(body, target.schema)
    if need == "merge":
        answer = await _merged(exchange, route, key, body, work)
    else:
        changed = await work.run(_changed, body, None, target, work)
        if changed is body and need == "nothing":
            return False
        answer = await exchange.ask_changed(exchange.request.target, dumps(changed), writes=True)
        if need == "script" and answer.head.status < 300:
            answer = await _caught_up(exchange, key, answer, work)
    work.metrics.count("documents_enriched")
    await exchange.give(answer)
    return True


async def write_bulk(exchange: Exchange, route: Route, body: Body, work: Work) -> bool:
    """Send a bulk body enriched; False where nothing in it is for a managed index.

    Raises:
        NotUnderstood: it is left to the server.
    """
    operations = await work.run(read, body.content)
    names = {operation.index(route.index) for operation in operations}
    found = await asyncio.gather(*(work.targets.written(name) for name in names))
    targets = {name: m for name, m in zip(names, found, strict=True) if m is not None}
    if not targets:
        return False
    plan = Plan(operations, targets, route.index)
    await work.run(classify, plan)
    stored = await fetch(exchange, [plan.key(number) for number in plan.merges])
    await work.run(prepared, plan, stored, work.registry)
    work.metrics.count("documents_enriched", plan.enriched)
    work.metrics.count("documents_passed", plan.passed)
    target = exchange.request.target
    limit = exchange.limits.body
    bodies = await work.run(lambda: list(parts(operations, limit)))
    exchange.hold(sum(len(part) for part, _ in bodies))
    if len(bodies) == 1 and not plan.conditional and not plan.scripts:
        await exchange.send(target, bodies[0][0])
        return True
    answers = [
        (await exchange.ask_changed(target, part, writes=True), count) for part, count in bodies
    ]
    await exchange.give(answers[0][0], await _settled(exchange, plan, answers, work))
    return True


async def _settled(
    exchange: Exchange, plan: Plan, answers: list[tuple[Answer, int]], work: Work
) -> bytes:
    """Return the body of the answer to a bulk request that was sent in parts."""
    first = answers[0][0]
    items: list[dict[str, Any]] = []
    took = 0
    for answer, count in answers:
        found = items_of(answer.body, count) if answer.head.status == 200 else None
        if found is None:
            # No items are asked for, or a part was refused as a whole: then its answer counts.
            return answer.body if answer.head.status != 200 else first.body
        items += found
        took += int(loads_object(answer.body).get("took", 0))
    target = with_query(exchange.request.target, without={"require_alias"})
    try:
        await Settler(exchange, target, plan, work.registry, work.run).settle(items)
    except (NotUnderstood, UpstreamError, ClirError) as error:
        # What is written is written: the answer says what is not, the hash what is stale.
        _log.warning("a bulk request was not settled: %s", error)
    whole = {**loads_object(first.body), "items": items}
    if "took" in whole:
        whole["took"] = took
    if "errors" in whole:
        whole["errors"] = failed(items)
    return dumps(whole)


async def _merged(
    exchange: Exchange, route: Route, key: Key, body: Mapping[str, Any], work: Work
) -> Answer:
    """Send an update with what the whole document is enriched to, under its version."""
    target, own = exchange.request.target, "if_seq_no" in route.params
    for _ in range(ROUNDS):
        known = (await fetch(exchange, [key])).get(key)
        if known is None:
            stale = dumps(marked_stale(body, key.target.schema))
            return await exchange.ask_changed(target, stale, writes=True)
        changed = await work.run(_changed, body, known.source, key.target, work)
        if changed is body or known.version is None or own:
            return await exchange.ask_changed(target, dumps(changed), writes=True)
        version = {name: str(value) for name, value in known.version.items()}
        under = with_query(target, without={"retry_on_conflict"}, added=version)
        answer = await exchange.ask_changed(under, dumps(changed), writes=True)
        if answer.head.status != 409:
            break
    return answer


async def _caught_up(exchange: Exchange, key: Key, answer: Answer, work: Work) -> Answer:
    """Enrich what a script has made of a document, and answer with its last version.

    The update itself is done: where catching up fails, the hash shows that the document is stale.
    """
    try:
        said = loads_object(answer.body)
        if said.get("result") not in ("noop", "deleted"):
            said.update(await _corrected(exchange, key, work))
    except (NotUnderstood, UpstreamError, ClirError) as error:
        _log.warning(
            "a document that a script changed in %s stays stale: %s", key.target.name, error
        )
        return answer
    return Answer(answer.head, dumps(said))


async def _corrected(exchange: Exchange, key: Key, work: Work) -> dict[str, Any]:
    """Enrich a stored document; return its new version, or nothing where it was up to date."""
    for _ in range(ROUNDS):
        known = (await fetch(exchange, [key])).get(key)
        if known is None or known.source is None:
            return {}
        enricher = await work.run(work.registry.enricher, key.target.name, key.target.schema)
        body = await work.run(correction, known.source, enricher)
        if body is None:
            return {}
        version = {name: str(value) for name, value in (known.version or {}).items()}
        target = with_query(exchange.request.target, without=_OF_THE_FIRST, added=version)
        second = await exchange.ask_changed(target, dumps(body), writes=True)
        if second.head.status < 300:
            latest = loads_object(second.body)
            return {name: latest[name] for name in _VERSION if name in latest}
        if second.head.status != 409:
            raise UpstreamError(f"the cluster answered {second.head.status}")
    raise UpstreamError(f"it changed {ROUNDS} times meanwhile")


def _changed(
    body: Mapping[str, Any], current: Mapping[str, Any] | None, target: Managed, work: Work
) -> Mapping[str, Any]:
    try:
        return rewritten_update(body, current, work.registry.enricher(target.name, target.schema))
    except ClirError as error:
        _log.warning("an update for %s goes stale: %s", target.name, error)
        return marked_stale(body, target.schema)
