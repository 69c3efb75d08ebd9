"""The set-up of an index, as readers and writers need it."""

from __future__ import annotations

from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.errors import (
    IndexClosedError,
    IndexMissingError,
    IndexStateError,
    NotManagedError,
)
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.setup.inspect import Member, lookup

__all__ = ["read_schema", "write_index"]


def read_schema(client: OpenSearch, index: str) -> IndexSchema:
    """Return the set-up stored in an index.

    Args:
        index: an index, a data stream or an alias; all indices behind it must have equal set-ups.

    Raises:
        IndexMissingError: no such index.
        IndexClosedError: one of the indices is closed.
        NotManagedError: one of the indices was never set up.
        IndexStateError: the indices' set-ups differ, or one is damaged.
        ClusterError: no answer, or reading is not allowed.
    """
    members = _members(client, index)
    unmanaged = [m.name for m in members if m.ours is None]
    if unmanaged:
        raise NotManagedError(
            f"{_these(unmanaged)} not set up for cross-lingual search: run `clir setup {index}`"
        )
    schemas = {m.name: IndexSchema.from_meta(m.ours or {}, m.name) for m in members}
    first, *others = schemas.values()
    if any(other != first for other in others):
        differing = [name for name, schema in schemas.items() if schema != first]
        raise IndexStateError(
            f"the indices behind {index!r} are set up in different ways: {', '.join(differing)} "
            f"differ from {next(iter(schemas))}; run `clir setup` for each with the same options"
        )
    return first


def write_index(client: OpenSearch, name: str) -> str:
    """Return the index that documents written to `name` go to; a data stream stays as it is.

    Raises:
        IndexMissingError: no such index.
        IndexClosedError: it is closed.
        IndexStateError: an alias over several indices without a write index.
        ClusterError: no answer, or reading is not allowed.
    """
    kind, found = lookup(client, name)
    if not found:
        raise _missing(name)
    if kind == "stream":
        return name
    if kind == "concrete":
        target = name
    else:
        target = _write_member(name, found)
    if not Member(target, found[target]["settings"], {}).open:
        raise IndexClosedError(f"index {target!r} is closed: open it first")
    return target


def _write_member(alias: str, found: dict[str, Any]) -> str:
    flags = {index: body["aliases"][alias].get("is_write_index") for index, body in found.items()}
    chosen = [index for index, flag in flags.items() if flag is True]
    if chosen:
        return chosen[0]
    if len(flags) == 1 and None in flags.values():
        return next(iter(flags))
    raise IndexStateError(
        f"alias {alias!r} stands for {', '.join(flags)} and none is its write index: name one of "
        'them, or set "is_write_index": true for one'
    )


def _members(client: OpenSearch, index: str) -> list[Member]:
    _, found = lookup(client, index)
    members = [Member(name, body["settings"], body["mappings"]) for name, body in found.items()]
    if not members:
        raise _missing(index)
    closed = [m.name for m in members if not m.open]
    if closed:
        raise IndexClosedError(f"{_these(closed)} closed: open it first")
    return members


def _missing(name: str) -> IndexMissingError:
    return IndexMissingError(f"there is no index {name!r}: create it with `clir setup {name}`")


def _these(names: list[str]) -> str:
    if len(names) == 1:
        return f"index {names[0]!r} is"
    return f"indices {', '.join(repr(name) for name in names)} are"
