"""``_bulk``: what of it is for managed indices goes on enriched."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opensearch_clir.errors import ClirError
from opensearch_clir.gateway.documents import NotUnderstood, dumps
from opensearch_clir.gateway.enriching import (
    enriched_objects,
    merged,
    need_of,
    rewritten_update,
    stale_document,
    with_object,
)
from opensearch_clir.gateway.fetching import Key, Stored
from opensearch_clir.gateway.lines import Operation, operations
from opensearch_clir.gateway.registry import Registry
from opensearch_clir.gateway.targets import Managed
from opensearch_clir.ingest.processors.updates import marked_stale

__all__ = ["Plan", "classify", "parts", "prepared", "read"]

_log = logging.getLogger(__name__)

#: Documents enriched at a time: bounds what is held of a body as Python objects.
BATCH = 256


@dataclass
class Plan:
    """A bulk body on its way.

    Attributes:
        operations: all of them, in order.
        targets: managed indices by the names used.
        default: index of the path.
        merges: numbers of updates that need the stored document.
        scripts: numbers of updates by script.
        bodies: of `merges`, as they came.
        conditional: of `merges` those that go with the version they were made from.
        enriched, passed: documents enriched, and handed on without.
    """

    operations: list[Operation]
    targets: Mapping[str, Managed]
    default: str | None
    merges: list[int] = field(default_factory=list)
    scripts: list[int] = field(default_factory=list)
    bodies: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    conditional: set[int] = field(default_factory=set)
    enriched: int = 0
    passed: int = 0

    def target(self, number: int) -> Managed | None:
        """Return the managed index of an operation."""
        return self.targets.get(self.operations[number].index(self.default))

    def key(self, number: int) -> Key:
        """Return which document an operation on a managed index is for."""
        operation, target = self.operations[number], self.target(number)
        if target is None:
            raise NotUnderstood("not a managed index")
        return Key.of(target, operation.id, operation.routing)


def read(content: bytes) -> list[Operation]:
    """Read a body. Raises `NotUnderstood`."""
    return list(operations(content))


def classify(plan: Plan) -> None:
    """Find the updates that need more than the body. Raises `NotUnderstood`."""
    for number, operation in enumerate(plan.operations):
        target = plan.target(number) if operation.op == "update" else None
        if target is None:
            continue
        body = operation.source()
        need = need_of(body, target.schema)
        if need == "merge":
            plan.merges.append(number)
            plan.bodies[number] = body
        elif need == "script":
            plan.scripts.append(number)


def prepared(plan: Plan, stored: Mapping[Key, Stored], registry: Registry) -> None:
    """Enrich all operations in their places.

    Args:
        plan: classified.
        stored: documents that were read for its merges.
        registry: enriches.
    """
    state = _State(plan, stored)
    batch: list[int] = []
    for number, operation in enumerate(plan.operations):
        if plan.target(number) is None:
            continue
        if operation.op in ("index", "create"):
            batch.append(number)
            if len(batch) < BATCH:
                continue
        if operation.op == "update" or len(batch) >= BATCH:
            _documents(plan, batch, state, registry)
            batch = []
        if operation.op == "update":
            _update(plan, number, state, registry)
        elif operation.op == "delete":
            _documents(plan, batch, state, registry)
            batch = []
            state.put(number, None)
    _documents(plan, batch, state, registry)


def parts(operations: Iterable[Operation], limit: int) -> Iterator[tuple[bytes, int]]:
    """Yield bodies of at most `limit` bytes (or one operation), and how many are in each."""
    waiting: list[bytes] = []
    size = 0
    for operation in operations:
        lines = operation.wire()
        if waiting and size + len(lines) > limit:
            yield b"".join(waiting), len(waiting)
            waiting, size = [], 0
        waiting.append(lines)
        size += len(lines)
    if waiting:
        yield b"".join(waiting), len(waiting)


class _State:
    """What the documents that a body touches more than once will be like."""

    def __init__(self, plan: Plan, stored: Mapping[Key, Stored]) -> None:
        self._plan = plan
        self._stored = dict(stored)
        managed = [n for n in range(len(plan.operations)) if plan.target(n) is not None]
        self._often = Counter(plan.key(n) for n in managed if plan.operations[n].id is not None)

    def again(self, number: int) -> bool:
        """Whether other operations are on the same document."""
        return self._often[self._plan.key(number)] > 1

    def get(self, number: int) -> Stored | None:
        """Return the document as the operation will find it; None where that is not known."""
        return self._stored.get(self._plan.key(number))

    def put(self, number: int, source: Mapping[str, Any] | None) -> None:
        """Note what an operation leaves."""
        if self.again(number):
            self._stored[self._plan.key(number)] = Stored(source)

    def forget(self, number: int) -> None:
        """Note that what an operation leaves is not known."""
        self._stored.pop(self._plan.key(number), None)


def _documents(plan: Plan, numbers: Sequence[int], state: _State, registry: Registry) -> None:
    """Enrich ``index`` and ``create``, a batch for each index."""
    by_target: dict[str, list[int]] = {}
    for number in numbers:
        target = plan.target(number)
        if target is not None:
            by_target.setdefault(target.name, []).append(number)
    for chosen in by_target.values():
        target = plan.target(chosen[0])
        assert target is not None
        sources = [plan.operations[n].source() for n in chosen]
        try:
            objects = enriched_objects(sources, registry.enricher(target.name, target.schema))
            failed = False
        except ClirError as error:
            _log.warning("%d documents for %s go stale: %s", len(chosen), target.name, error)
            objects, failed = [None] * len(chosen), True
        for number, source, ours in zip(chosen, sources, objects, strict=True):
            operation = plan.operations[number]
            line = operation.source_line or b""
            if failed:
                operation.source_line = stale_document(line, source, target.schema)
            else:
                operation.source_line = with_object(line, source, ours, target.schema)
            plan.enriched += ours is not None
            plan.passed += ours is None
            state.put(number, source)


def _update(plan: Plan, number: int, state: _State, registry: Registry) -> None:
    operation, target = plan.operations[number], plan.target(number)
    assert target is not None
    body = operation.source()
    need, known = need_of(body, target.schema), state.get(number)
    try:
        if need == "merge" and known is None:
            changed: Mapping[str, Any] = marked_stale(body, target.schema)
        else:
            current = known.source if known is not None and need == "merge" else None
            enricher = registry.enricher(target.name, target.schema)
            changed = rewritten_update(body, current, enricher)
    except ClirError as error:
        _log.warning("an update for %s goes stale: %s", target.name, error)
        changed, known = marked_stale(body, target.schema), None
    if changed is not body:
        operation.source_line = dumps(changed)
        plan.enriched += 1
    if need == "script":
        state.forget(number)
    elif known is not None and known.source is not None:
        _condition(plan, number, known, alone=not state.again(number), changed=changed is not body)
        state.put(number, merged(known.source, body.get("doc", {})))
    elif known is not None:
        upserted = body.get("doc") if body.get("doc_as_upsert") else body.get("upsert")
        state.put(number, upserted)


def _condition(plan: Plan, number: int, known: Stored, *, alone: bool, changed: bool) -> None:
    """Let an update fail if its document changes meanwhile; it is then made anew."""
    operation = plan.operations[number]
    own = {"if_seq_no", "if_primary_term", "version", "version_type"}
    if not alone or not changed or known.version is None or own & set(operation.meta):
        return
    operation.extra = dict(known.version)
    operation.dropped = frozenset({"retry_on_conflict", "_retry_on_conflict"})
    plan.conditional.add(number)
