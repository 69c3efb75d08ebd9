"""One operation on one document, on its way from a file or a bulk job into the index."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opensearchpy.helpers import expand_action

from opensearch_clir.ingest.rejected import Rejected

__all__ = ["OPERATIONS", "Record", "read_action"]

#: What the bulk API can do to a document.
OPERATIONS = frozenset({"index", "create", "update", "delete"})


@dataclass(frozen=True)
class Record:
    """One operation.

    Attributes:
        source: the document for ``index`` and ``create``; ``{"doc": …}``, ``{"script": …}`` and
            the like for ``update``; None for ``delete``.
        id: of the document; None leaves the choice to the writer.
        op: one of `OPERATIONS`.
        line: where it stands in its file, counted from 1.
        meta: the rest of the action line (``_index``, ``routing``, ``pipeline``, …).
        original: the document as the user gave it, if `source` is an enriched copy.
        is_bulk: whether it came with an action line, which a filter must give back.
    """

    source: Mapping[str, Any] | None
    id: str | None = None
    op: str = "index"
    line: int | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    original: Mapping[str, Any] | None = None
    is_bulk: bool = False

    @classmethod
    def from_action(cls, action: Mapping[str, Any]) -> Record:
        """Read an action as opensearch-py's bulk helpers take it (fields inline or ``_source``).

        Raises:
            ValueError: an operation the bulk API does not have, or a document that is no object.
        """
        header, source = expand_action(dict(action))
        ((op, meta),) = header.items()
        if op not in OPERATIONS:
            raise ValueError(f"unknown operation {op!r}")
        if op == "delete":
            source = None
        elif not isinstance(source, Mapping):
            raise ValueError(f"the document is a {type(source).__name__}, expected an object")
        found = meta.pop("_id", None)
        return cls(source, None if found is None else str(found), op, meta=meta)

    def to_action(self) -> dict[str, Any]:
        """Return the action for opensearch-py's bulk helpers."""
        action: dict[str, Any] = {"_op_type": self.op, **self.meta}
        if self.id is not None:
            action["_id"] = self.id
        if self.source is not None:
            action["_source"] = self.source
        return action

    @property
    def refeed(self) -> Mapping[str, Any] | None:
        """What to keep in the dead letters: the document as the user gave it."""
        return self.source if self.original is None else self.original


def read_action(action: Record | Rejected | Mapping[str, Any] | str) -> Record | Rejected:
    """Read an action of opensearch-py's helpers (a string is a document as JSON).

    Records and rejections come back as they are; what is no action is rejected.
    """
    if isinstance(action, (Record, Rejected)):
        return action
    try:
        if isinstance(action, str):
            return Record.from_action({"_source": json.loads(action)})
        return Record.from_action(action)
    except (ValueError, RecursionError) as error:
        return Rejected(None, "read", f"not an action: {error}", source=action)
