"""One operation on one document, on its way from a file or a bulk job into the index."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any
from uuid import UUID

from opensearchpy.helpers import expand_action

from opensearch_clir.ingest.rejected import Rejected

__all__ = ["MAX_ID", "OPERATIONS", "Record", "checked_id", "read_action", "read_document"]

#: What the bulk API can do to a document.
OPERATIONS = frozenset({"index", "create", "update", "delete"})


#: Bytes of a document id that the server takes.
MAX_ID = 512


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
            ValueError: an operation the bulk API does not have, a document that is no object, or
                an id that is neither text nor a whole number.
        """
        if not isinstance(action, Mapping):
            raise ValueError(f"it is a {type(action).__name__}, expected a mapping")
        if not isinstance(action.get("_op_type", "index"), str):
            raise ValueError("its _op_type is not text")
        header, source = expand_action(dict(action))
        ((op, meta),) = header.items()
        if op not in OPERATIONS:
            raise ValueError(f"unknown operation {op!r}")
        if op == "delete":
            source = None
        elif not isinstance(source, Mapping):
            raise ValueError(f"the document is a {type(source).__name__}, expected an object")
        found = meta.pop("_id", None)
        return cls(source, None if found is None else checked_id(found), op, meta=meta)

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


def read_document(document: Any, id_field: str | None = None) -> Record | Rejected:
    """Return a document as a record; a value that is no document is rejected.

    Args:
        document: the user's.
        id_field: field with its id, if it has one.
    """
    if not isinstance(document, Mapping):
        reason = f"the document is a {type(document).__name__}, expected a mapping"
        return Rejected(None, "read", reason, source=document)
    found = None if id_field is None else document.get(id_field)
    try:
        return Record(document, None if found is None else checked_id(found))
    except ValueError as error:
        return Rejected(None, "read", str(error), source=document)


def checked_id(value: Any) -> str:
    """Return a document's id as the server takes it.

    Raises:
        ValueError: neither text, a whole number nor a UUID; empty; or longer than `MAX_ID` bytes.
    """
    if isinstance(value, bool) or not isinstance(value, (str, Integral, UUID)):
        raise ValueError(f"the id is a {type(value).__name__}, expected text or a whole number")
    text = str(value)
    if not text:
        raise ValueError("the id is empty")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_ID:
        raise ValueError(f"the id is longer than {MAX_ID} bytes")
    return text
