"""Term statistics of a query's words from every shard, by term vectors of an unwritten document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.cluster import deepest_cause, guarded
from opensearch_clir.errors import ClusterError
from opensearch_clir.query.statistics import FieldStatistics, TermStatistics
from opensearch_clir.query.term_cache import Stamp, TermCache

__all__ = ["Shard", "Texts", "fetch"]

#: An index and a routing value that reach a shard.
Shard = tuple[str, str]

#: Full field path to the text to analyse there or, for a keyword field, to the distinct terms.
Texts = Mapping[str, str | Sequence[str]]

JSON = dict[str, Any]


@dataclass(frozen=True)
class _Counts:
    """What one shard tells of a field: documents with it; token to (occurrences, documents)."""

    documents: int
    tokens: Mapping[str, tuple[int, int]]


def fetch(
    client: OpenSearch, shards: Sequence[Shard], texts: Texts, cache: TermCache
) -> dict[str, FieldStatistics]:
    """Return the statistics of the tokens of each text in its field, summed over shards.

    Args:
        client: connected client.
        shards: as `Routings.of` returns them.
        texts: see `Texts`.
        cache: of terms; texts that are analysed are always asked.

    Raises:
        ClusterError: the server refused, or answered with an error for one shard.
    """
    if not texts:
        return {}
    asked = [_unknown(shard, texts, cache) for shard in shards]
    found = {
        shard: _counts(shard, texts, asking, answer, cache)
        for shard, asking, answer in zip(shards, asked, _ask(client, shards, asked), strict=True)
    }
    # Those that have changed since: what was remembered of them is void.
    changed = [shard for shard, counts in found.items() if counts is None]
    for shard, answer in zip(changed, _ask(client, changed, [texts] * len(changed)), strict=True):
        found[shard] = _counts(shard, texts, texts, answer, cache)
    told = [counts for counts in found.values() if counts is not None]
    return {path: _sum([counts[path] for counts in told if path in counts]) for path in texts}


def _unknown(shard: Shard, texts: Texts, cache: TermCache) -> Texts:
    return {
        path: text if isinstance(text, str) else cache.missing((shard, path), text)
        for path, text in texts.items()
    }


def _ask(client: OpenSearch, shards: Sequence[Shard], asked: Sequence[Texts]) -> list[JSON]:
    """Return what each shard answers, by field path."""
    if not shards:
        return []
    docs = [
        {
            "_index": index,
            "routing": routing,
            "fields": list(texts),
            "term_statistics": True,
            "field_statistics": True,
            "positions": False,
            "offsets": False,
            "payloads": False,
            "doc": _nested(texts),
        }
        for (index, routing), texts in zip(shards, asked, strict=True)
    ]
    with guarded("reading term statistics"):
        answers = client.mtermvectors(body={"docs": docs})["docs"]
    for answer in answers:
        if "error" in answer:
            raise ClusterError(f"reading term statistics: {deepest_cause(answer['error'])[1]}")
    return [answer.get("term_vectors", {}) for answer in answers]


def _nested(texts: Texts) -> JSON:
    document: JSON = {}
    for path, text in texts.items():
        *parents, leaf = path.split(".")
        level = document
        for parent in parents:
            level = level.setdefault(parent, {})
        level[leaf] = text if isinstance(text, str) else list(text)
    return document


def _counts(
    shard: Shard, texts: Texts, asked: Texts, answer: JSON, cache: TermCache
) -> dict[str, _Counts] | None:
    """Return what a shard tells by field path; None where it must be asked for everything."""
    counts: dict[str, _Counts] = {}
    for path, text in texts.items():
        values = answer.get(path)
        if values is None:
            continue
        totals = values.get("field_statistics", {})
        stamp = Stamp(
            totals.get("doc_count", -1),
            totals.get("sum_doc_freq", -1),
            totals.get("sum_ttf", -1),
        )
        terms = {t: (v["term_freq"], v.get("doc_freq", 0)) for t, v in values["terms"].items()}
        if not isinstance(text, str):
            told = {term: terms.get(term, (1, 0))[1] for term in asked[path]}
            known = cache.completed((shard, path), stamp, told, text)
            if known is None:
                return None
            terms = {term: (1, documents) for term, documents in known.items()}
        # A shard without the field answers -1.
        counts[path] = _Counts(max(0, stamp.documents), terms)
    return counts


def _sum(parts: Iterable[_Counts]) -> FieldStatistics:
    documents = 0
    frequency: dict[str, int] = {}
    containing: dict[str, int] = {}
    for part in parts:
        documents += part.documents
        for token, (occurrences, found) in part.tokens.items():
            frequency[token] = occurrences
            containing[token] = containing.get(token, 0) + found
    return FieldStatistics(
        documents,
        tuple(TermStatistics(t, frequency[t], containing[t]) for t in frequency),
    )
