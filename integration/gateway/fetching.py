"""Stored documents, read in the caller's name: what it may not read, the gateway does not use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from opensearch_clir.gateway.documents import NotUnderstood, dumps, loads_object
from opensearch_clir.gateway.exchange import Exchange
from opensearch_clir.gateway.targets import Managed

__all__ = ["Key", "Stored", "fetch"]


@dataclass(frozen=True)
class Key:
    """Which document: of which index, by id and routing; `target` is the managed index."""

    index: str
    id: str
    routing: str | None
    target: Managed = field(compare=False)

    @classmethod
    def of(cls, target: Managed, id_: str | None, routing: str | None) -> Key:
        """Return the key of a document; the routing of the alias counts where none is given."""
        return cls(target.name, id_ or "", routing or target.routing, target)


@dataclass(frozen=True)
class Stored:
    """A document as it is stored.

    Attributes:
        source: without the large parts of our object; None where there is no document.
        version: sequence number and primary term, as conditions of a write.
    """

    source: Mapping[str, Any] | None = None
    version: Mapping[str, int] | None = None


async def fetch(exchange: Exchange, keys: Sequence[Key]) -> dict[Key, Stored]:
    """Return the documents that could be read.

    Raises:
        UpstreamError: no usable answer.
    """
    wanted = list(dict.fromkeys(keys))
    if not wanted:
        return {}
    spaces = sorted({key.target.schema.namespace for key in wanted})
    parts = [f"{space}.{part}" for space in spaces for part in ("v", "text", "pieces", "passages")]
    target = f"/_mget?realtime=true&_source_excludes={quote(','.join(parts))}"
    docs = []
    for key in wanted:
        doc = {"_index": key.index, "_id": key.id}
        docs.append(doc if key.routing is None else {**doc, "routing": key.routing})
    answer = await exchange.ask(b"POST", target.encode(), dumps({"docs": docs}))
    if answer.head.status != 200:
        return {}
    try:
        found = loads_object(answer.body)["docs"]
    except (NotUnderstood, KeyError):
        return {}
    read = {}
    for key, doc in zip(wanted, found, strict=False):
        if doc.get("found") and "_source" in doc:
            version = {"if_seq_no": doc["_seq_no"], "if_primary_term": doc["_primary_term"]}
            read[key] = Stored(doc["_source"], version)
        elif doc.get("found") is False and "error" not in doc:
            read[key] = Stored()
        elif doc.get("error", {}).get("type") == "index_not_found_exception":
            read[key] = Stored()  # it is created by this very write
    return read
