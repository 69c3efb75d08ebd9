"""The decisions of a plan: whether documents move, and whether vectors get a graph."""

from __future__ import annotations

from opensearch_clir.errors import IndexClosedError, IndexStateError
from opensearch_clir.setup import words
from opensearch_clir.setup.desired import existing_schema
from opensearch_clir.setup.inspect import IndexState

__all__ = ["check_usable", "indexed", "moves"]

#: What scores and compares vectors on the server.
_KNN_PLUGIN = "opensearch-knn"


def check_usable(state: IndexState) -> None:
    """Refuse closed indices, and nodes that know no vectors. Raises `IndexStateError`."""
    closed = [m.name for m in state.members if not m.open]
    if closed:
        raise IndexClosedError(f"closed: {', '.join(closed)}; open the index first")
    if state.plugins is not None and _KNN_PLUGIN not in state.plugins:
        raise IndexStateError(
            f"the plugin {_KNN_PLUGIN} is not installed on every node: vectors need it"
        )


def moves(state: IndexState, migrate: bool, to: str | None) -> bool:
    """Whether the documents go to another index. Raises `IndexStateError`."""
    if not migrate or not state.members:
        return False
    if len(state.members) == 1 and state.kind != "stream":
        member = state.members[0]
        return not member.knn if to is None else to != member.name
    if all(member.knn for member in state.members):
        return False
    if state.kind == "stream":
        raise IndexStateError(words.stream_without_knn(state))
    raise IndexStateError(
        f"{state.name!r} stands for several indices: migrate each by its own name "
        f"({', '.join(m.name for m in state.members)})"
    )


def indexed(state: IndexState, exact: bool) -> bool:
    """Whether the vectors get a graph. Raises `IndexStateError` where that must be chosen."""
    if not state.members:
        return not exact
    without = [m.name for m in state.members if not m.knn]
    if not without:
        return True
    if len(without) < len(state.members):
        raise IndexStateError(
            f"of the indices behind {state.name!r}, {', '.join(without)} have no k-NN and others "
            "have: set up each by its own name"
        )
    there = existing_schema(state)
    if exact or (there is not None and not there.generation.indexed):
        return False
    if state.kind == "stream":
        raise IndexStateError(words.stream_without_knn(state))
    raise IndexStateError(words.needs_a_choice(state))
