"""Routing values that reach every shard behind a name."""

from __future__ import annotations

from dataclasses import dataclass, field

from opensearchpy import OpenSearch

from opensearch_clir.cluster import guarded
from opensearch_clir.errors import ClusterError

__all__ = ["Routings"]


@dataclass
class Routings:
    """For every shard behind a name, an index and a routing value that reach it.

    Term statistics come from one shard at a time, chosen by routing.
    """

    client: OpenSearch
    known: dict[tuple[str, str | None], tuple[tuple[str, str], ...]] = field(default_factory=dict)

    #: Routing values tried per shard before a shard counts as unreachable.
    TRIES = 64

    def of(self, name: str, routing: str | None = None) -> tuple[tuple[str, str], ...]:
        """Return ``(concrete index, routing)`` pairs, one for each shard of each index.

        Args:
            name: index or alias.
            routing: values that a search is limited to, separated by commas; None: all shards.

        Raises:
            ClusterError: no such index, no answer, or a shard that no routing reached.
        """
        key = (name, routing)
        if key not in self.known:
            with guarded(f"looking up the shards of {name!r}"):
                self.known[key] = self._all(name) if routing is None else self._at(name, routing)
        return self.known[key]

    def _all(self, name: str) -> tuple[tuple[str, str], ...]:
        shards: dict[str, int] = {}
        for group in self.client.search_shards(index=name)["shards"]:
            index = group[0]["index"]
            shards[index] = shards.get(index, 0) + 1
        return tuple(
            (index, routing)
            for index, count in shards.items()
            for routing in self._routings(index, count)
        )

    def _at(self, name: str, routing: str) -> tuple[tuple[str, str], ...]:
        found: dict[tuple[str, int], tuple[str, str]] = {}
        for value in routing.split(","):
            answer = self.client.search_shards(index=name, params={"routing": value})
            for group in answer["shards"]:
                first = group[0]
                found.setdefault((first["index"], first["shard"]), (first["index"], value))
        return tuple(found.values())

    def _routings(self, index: str, count: int) -> list[str]:
        if count == 1:
            return ["0"]
        found: dict[int, str] = {}
        for attempt in range(count * self.TRIES):
            answer = self.client.search_shards(index=index, params={"routing": str(attempt)})
            found.setdefault(answer["shards"][0][0]["shard"], str(attempt))
            if len(found) == count:
                return list(found.values())
        raise ClusterError(
            f"{index}: {count - len(found)} of {count} shards are reached by no routing value; "
            "is the index partitioned by routing?"
        )
