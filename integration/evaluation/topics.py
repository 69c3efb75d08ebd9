"""Topics: queries that hang together through what is relevant to them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

__all__ = ["find_topics"]


def find_topics(
    given: Mapping[str, str | None], links: Mapping[str, Iterable[str]]
) -> dict[str, str]:
    """Return the topic of every query.

    Where all queries have a given topic, that is it. Otherwise topics are the connected components
    of queries that share a link or a given topic, named by the given topic if a component has
    exactly one, else by its smallest query id.

    Args:
        given: query id -> topic, or None where the set states none.
        links: query id -> what it shares with others: groups or ids of its relevant documents.
    """
    if all(topic is not None for topic in given.values()):
        return {query: topic for query, topic in given.items() if topic is not None}
    forest = _Forest()
    for query, topic in given.items():
        forest.add(("query", query))
        if topic is not None:
            forest.join(("query", query), ("topic", topic))
        for link in links.get(query, ()):
            forest.join(("query", query), ("link", link))
    members: dict[Hashable, list[str]] = {}
    for query in given:
        members.setdefault(forest.root(("query", query)), []).append(query)
    return {query: _name(found, given) for found in members.values() for query in found}


def _name(queries: list[str], given: Mapping[str, str | None]) -> str:
    stated = {topic for query in queries if (topic := given[query]) is not None}
    return stated.pop() if len(stated) == 1 else min(queries)


class _Forest:
    """Union-find with path halving and union by size (Tarjan 1975)."""

    def __init__(self) -> None:
        self._parent: dict[Hashable, Hashable] = {}
        self._size: dict[Hashable, int] = {}

    def add(self, item: Hashable) -> None:
        self._parent.setdefault(item, item)
        self._size.setdefault(item, 1)

    def root(self, item: Hashable) -> Hashable:
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(self, one: Hashable, other: Hashable) -> None:
        self.add(one)
        self.add(other)
        large, small = self.root(one), self.root(other)
        if large == small:
            return
        if self._size[large] < self._size[small]:
            large, small = small, large
        self._parent[small] = large
        self._size[large] += self._size[small]
