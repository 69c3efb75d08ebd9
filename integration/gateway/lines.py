"""The body of ``_bulk``: lines of actions and documents, each kept as it came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opensearch_clir.gateway.documents import NotUnderstood, dumps, loads_object

__all__ = ["Operation", "operations"]


@dataclass
class Operation:
    """One operation.

    Attributes:
        op: ``index``, ``create``, ``update`` or ``delete``.
        meta: the rest of its action line.
        action_line, source_line: as they came, without their ends; the second is None for deletes.
        extra: to add to the action line.
        dropped: names to leave out of it.
    """

    op: str
    meta: Mapping[str, Any]
    action_line: bytes
    source_line: bytes | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()

    def index(self, default: str | None) -> str:
        """Return the name that it is for; `default` is that of the path."""
        name = self.meta.get("_index", default)
        if not isinstance(name, str) or not name:
            raise NotUnderstood("an operation names no index")
        return name

    @property
    def id(self) -> str | None:
        """The id of its document."""
        value = self.meta.get("_id")
        return None if value is None else str(value)

    @property
    def routing(self) -> str | None:
        """Its routing."""
        value = self.meta.get("routing", self.meta.get("_routing"))
        return None if value is None else str(value)

    def source(self) -> dict[str, Any]:
        """Return what its second line says. Raises `NotUnderstood`."""
        return loads_object(self.source_line or b"")

    def wire(self) -> bytes:
        """Return its lines as they are sent."""
        action = self.action_line
        if self.extra or self.dropped:
            kept = {k: v for k, v in self.meta.items() if k not in self.dropped}
            action = dumps({self.op: {**kept, **self.extra}})
        source = b"" if self.source_line is None else self.source_line + b"\n"
        return action + b"\n" + source


def operations(content: bytes) -> Iterator[Operation]:
    """Read a body.

    Raises:
        NotUnderstood: the server will refuse it, or it is in a form that is left to the server.
    """
    lines = iter(content.split(b"\n"))
    last = b""
    for line in lines:
        last = line
        if not line.strip():
            continue
        action = loads_object(line)
        if len(action) != 1:
            raise NotUnderstood("an action line has one operation")
        op, meta = next(iter(action.items()))
        if op not in ("index", "create", "update", "delete") or not isinstance(meta, dict):
            raise NotUnderstood("an action line has an unknown operation")
        source = None
        if op != "delete":
            source = next(lines, None)
            if source is None or not source.strip():
                raise NotUnderstood("an operation has no document")
            last = source
        kept = None if source is None else source.rstrip(b"\r")
        yield Operation(op, meta, line.rstrip(b"\r"), kept)
    if last != b"":
        raise NotUnderstood("the last line has no end")
