"""After a bulk request: updates that met a change are made anew, scripts are caught up with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opensearch_clir.gateway.bulk import Plan
from opensearch_clir.gateway.documents import NotUnderstood, dumps, loads_object
from opensearch_clir.gateway.enriching import correction, rewritten_update
from opensearch_clir.gateway.exchange import Exchange
from opensearch_clir.gateway.fetching import fetch
from opensearch_clir.gateway.lines import Operation
from opensearch_clir.gateway.registry import Registry

__all__ = ["ROUNDS", "Settler", "failed", "items_of"]

#: How often an update is made anew when its document changes under it.
ROUNDS = 8

Items = list[dict[str, Any]]
_VERSION = ("_version", "_seq_no", "_primary_term")


class Settler:
    """Brings what a bulk request left open to its end.

    Args:
        exchange: the request.
        target: of the bulk requests.
        plan: of the request.
        registry: enriches.
        run: calls a function in a worker thread.
    """

    def __init__(
        self,
        exchange: Exchange,
        target: bytes,
        plan: Plan,
        registry: Registry,
        run: Callable[..., Any],
    ) -> None:
        self._exchange, self._target, self._plan = exchange, target, plan
        self._registry, self._run = registry, run

    async def settle(self, items: Items) -> None:
        """Change the items of the answer in their places. Raises `UpstreamError`."""
        conflicts = [n for n in self._plan.conditional if _inner(items[n]).get("status") == 409]
        for _ in range(ROUNDS):
            if not conflicts:
                break
            answers = await self._again(conflicts)
            for number, item in answers.items():
                items[number] = item
            conflicts = [n for n in answers if _inner(items[n]).get("status") == 409]
        open_ = [n for n in self._plan.scripts if _changed(_inner(items[n]))]
        for _ in range(ROUNDS):
            if not open_:
                break
            open_ = await self._caught_up(open_, items)

    async def _again(self, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        stored = await fetch(self._exchange, [self._plan.key(n) for n in numbers])
        sent: dict[int, Operation] = {}
        for number in numbers:
            key, operation = self._plan.key(number), self._plan.operations[number]
            known = stored.get(key)
            if known is None:
                continue
            enricher = await self._run(self._registry.enricher, key.target.name, key.target.schema)
            body = self._plan.bodies[number]
            changed = await self._run(rewritten_update, body, known.source, enricher)
            extra = dict(known.version or {})
            sent[number] = Operation(
                "update", operation.meta, operation.action_line, dumps(changed), extra,
                operation.dropped,
            )  # fmt: skip
        return await self._sent(sent)

    async def _caught_up(self, numbers: Sequence[int], items: Items) -> list[int]:
        """Enrich documents that scripts have changed; return those that changed once more."""
        stored = await fetch(self._exchange, [self._plan.key(n) for n in numbers])
        sent: dict[int, Operation] = {}
        for number in numbers:
            key = self._plan.key(number)
            known = stored.get(key)
            if known is None or known.source is None:
                continue
            enricher = await self._run(self._registry.enricher, key.target.name, key.target.schema)
            body = await self._run(correction, known.source, enricher)
            if body is None:
                continue
            meta = {"_index": key.target.name, "_id": key.id, **(known.version or {})}
            if key.routing is not None:
                meta["routing"] = key.routing
            sent[number] = Operation("update", meta, dumps({"update": meta}), dumps(body))
        answers = await self._sent(sent)
        again = []
        for number, item in answers.items():
            inner = _inner(item)
            if inner.get("status") == 409:
                again.append(number)
            elif inner.get("status", 200) < 300:
                ours = _inner(items[number])
                ours.update({key: inner[key] for key in _VERSION if key in ours and key in inner})
        return again

    async def _sent(self, operations: Mapping[int, Operation]) -> dict[int, dict[str, Any]]:
        if not operations:
            return {}
        body = b"".join(operation.wire() for operation in operations.values())
        answer = await self._exchange.ask_changed(self._target, body, writes=True)
        items = items_of(answer.body, len(operations))
        return {} if items is None else dict(zip(operations, items, strict=True))


def items_of(body: bytes, count: int) -> Items | None:
    """Return the items of an answer; None where it does not have one for each operation."""
    try:
        items = loads_object(body).get("items")
    except NotUnderstood:
        return None
    if not isinstance(items, list) or len(items) != count:
        return None
    return items if all(isinstance(item, dict) and len(item) == 1 for item in items) else None


def failed(items: Items) -> bool:
    """Whether any operation failed."""
    return any("error" in _inner(i) or _inner(i).get("status", 200) >= 400 for i in items)


def _inner(item: dict[str, Any]) -> dict[str, Any]:
    inner: dict[str, Any] = next(iter(item.values()))
    return inner


def _changed(item: Mapping[str, Any]) -> bool:
    """Whether an update by script left a document that it may have changed."""
    return item.get("status", 200) < 300 and item.get("result") not in ("noop", "deleted")
