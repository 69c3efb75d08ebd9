"""Term statistics as the server scores with them: df and field size over all shards.

BM25's score of one query token is ``c * idf * tf`` with ``tf < 1`` (Robertson and Zaragoza 2009),
so ``U = c * sum(qtf * idf)`` over the query's tokens bounds the score of any document. Dividing by
U makes scores of different languages comparable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.cluster import deepest_cause, guarded
from opensearch_clir.errors import ClusterError

__all__ = ["FieldStatistics", "Routings", "TermStatistics", "fetch", "idf"]


#: Rare tokens found in a foreign document that count as a full match.
SURVIVORS = 3


@dataclass(frozen=True)
class TermStatistics:
    """One token of the query after analysis.

    Attributes:
        token: as indexed.
        frequency: occurrences in the query, >= 1.
        documents: documents that contain it, >= 0; deleted ones count, as in the server's score.
    """

    token: str
    frequency: int
    documents: int


@dataclass(frozen=True)
class FieldStatistics:
    """The query's tokens in one field of the index.

    Attributes:
        documents: documents that have the field.
        terms: one entry per distinct token.
    """

    documents: int
    terms: tuple[TermStatistics, ...] = ()

    def weight(self, term: TermStatistics) -> float:
        """``qtf * idf`` of one token, >= 0."""
        return term.frequency * idf(self.documents, term.documents)

    def bound(self, constant: float, terms: Sequence[TermStatistics] | None = None) -> float:
        """Return U for these terms (default all): no document scores as much. 0 without tokens."""
        chosen = self.terms if terms is None else terms
        return constant * math.fsum(self.weight(t) for t in chosen)

    def survivor_bound(
        self, constant: float, terms: Sequence[TermStatistics] | None = None
    ) -> float:
        """Return what a survivor's score is divided by: at most `SURVIVORS` rare tokens' worth.

        Of a whole question only a name or two survive into other languages; measured against all
        its words they would count for less the longer the question is. From four times as many
        words on the bound grows with U again, so that the quotient stays below 4.
        """
        bound = self.bound(constant, terms)
        few = SURVIVORS * constant * idf(self.documents, 0)
        return max(min(bound, few), bound / 4)

    def rarest(self, limit: int) -> tuple[TermStatistics, ...]:
        """The at most `limit` tokens that tell most, for queries longer than a server accepts."""
        return tuple(sorted(self.terms, key=lambda t: (-self.weight(t), t.token))[:limit])


def idf(documents: int, with_term: int) -> float:
    """Lucene's BM25 idf, ``ln(1 + (N - n + 0.5) / (n + 0.5))``, > 0.

    Args:
        documents: N, documents with the field.
        with_term: n, documents with the term, 0 <= n <= N.
    """
    return math.log1p((documents - with_term + 0.5) / (with_term + 0.5))


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


def fetch(
    client: OpenSearch,
    shards: Sequence[tuple[str, str]],
    texts: Mapping[str, str | Sequence[str]],
) -> dict[str, FieldStatistics]:
    """Return the statistics of the tokens of each text in its field, summed over shards.

    Args:
        client: connected client.
        shards: as `Routings.of` returns them.
        texts: full field path to the query text to analyse there, or, for a keyword field, to
            the terms.

    Raises:
        ClusterError: the server refused, or answered with an error for one shard.
    """
    if not texts:
        return {}
    request = {
        "fields": list(texts),
        "term_statistics": True,
        "field_statistics": True,
        "positions": False,
        "offsets": False,
        "payloads": False,
        "doc": _nested(texts),
    }
    docs = [{"_index": index, "routing": routing, **request} for index, routing in shards]
    with guarded("reading term statistics"):
        answers = client.mtermvectors(body={"docs": docs})["docs"]
    for answer in answers:
        if "error" in answer:
            raise ClusterError(f"reading term statistics: {deepest_cause(answer['error'])[1]}")
    return {path: _sum(path, [a.get("term_vectors", {}) for a in answers]) for path in texts}


def _nested(texts: Mapping[str, str | Sequence[str]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for path, text in texts.items():
        *parents, leaf = path.split(".")
        level = document
        for parent in parents:
            level = level.setdefault(parent, {})
        level[leaf] = text if isinstance(text, str) else list(text)
    return document


def _sum(path: str, vectors: Sequence[Mapping[str, Any]]) -> FieldStatistics:
    documents = 0
    frequency: dict[str, int] = {}
    containing: dict[str, int] = {}
    for vector in vectors:
        values = vector.get(path)
        if values is None:
            continue
        # A shard without the field answers -1.
        documents += max(0, values.get("field_statistics", {}).get("doc_count", 0))
        for token, term in values["terms"].items():
            frequency[token] = term["term_freq"]
            containing[token] = containing.get(token, 0) + term.get("doc_freq", 0)
    return FieldStatistics(
        documents,
        tuple(TermStatistics(t, frequency[t], containing[t]) for t in frequency),
    )
