"""Bulk requests cut by count and by bytes, never with the same document twice in one."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from opensearchpy.exceptions import SerializationError
from opensearchpy.serializer import Serializer

from opensearch_clir.ingest.records import Record
from opensearch_clir.ingest.rejected import Rejected

__all__ = ["Chunk", "Item", "chunked"]


@dataclass(frozen=True)
class Item:
    """One operation, serialised.

    Attributes:
        record: what it was made from.
        body: action line and source line with their line ends, UTF-8.
        own_id: whether the id was made up here, so that only this run can have written it.
    """

    record: Record
    body: bytes
    own_id: bool = False


@dataclass
class Chunk:
    """Items of one bulk request, and what was rejected on the way to it."""

    items: list[Item] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    size: int = 0

    @property
    def ids(self) -> set[str]:
        """Documents that the request writes."""
        return {item.record.id for item in self.items if item.record.id is not None}


def chunked(
    records: Iterable[Record | Rejected],
    serializer: Serializer,
    chunk_docs: int,
    chunk_bytes: int,
    max_bytes: int,
) -> Iterator[Chunk]:
    """Yield chunks of at most `chunk_docs` items and, unless one alone is larger, `chunk_bytes`.

    A document comes at most once in a chunk, so that operations on it keep their order however
    requests are retried. Items larger than `max_bytes`, and values JSON does not have, are
    rejected.
    """
    chunk, ids = Chunk(), set[str]()
    for record in records:
        item = record if isinstance(record, Rejected) else _item(record, serializer, max_bytes)
        if isinstance(item, Rejected):
            chunk.rejected.append(item)
            if len(chunk.rejected) >= chunk_docs:
                yield chunk
                chunk, ids = Chunk(), set()
            continue
        key = item.record.id
        full = len(chunk.items) >= chunk_docs or chunk.size + len(item.body) > chunk_bytes
        if chunk.items and (full or (key is not None and key in ids)):
            yield chunk
            chunk, ids = Chunk(), set()
        chunk.items.append(item)
        chunk.size += len(item.body)
        if key is not None:
            ids.add(key)
    if chunk.items or chunk.rejected:
        yield chunk


def _item(record: Record, serializer: Serializer, max_bytes: int) -> Item | Rejected:
    own_id = record.id is None
    # A made-up id lets a request be repeated after a time-out without writing a copy.
    name = record.id if record.id is not None else uuid.uuid4().hex
    meta: dict[str, Any] = {k: v for k, v in record.meta.items() if k != "_index"}
    parts = [{record.op: {**meta, "_id": name}}]
    if record.source is not None:
        parts.append(dict(record.source))
    try:
        body = "".join(f"{serializer.dumps(part)}\n" for part in parts).encode("utf-8")
    except (SerializationError, UnicodeEncodeError, RecursionError) as error:
        reason = f"can't be written as JSON: {' '.join(str(error).split())[:200]}"
        return Rejected(record.id, "write", reason, record.line, record.refeed)
    if len(body) > max_bytes:
        reason = f"{len(body):,} bytes with its enrichment, the server takes {max_bytes:,}"
        return Rejected(record.id, "write", reason, record.line, record.refeed)
    return Item(record, body, own_id)
