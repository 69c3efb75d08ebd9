"""Term statistics by counting matches, for callers who may search but not read term vectors.

One search without hits counts the documents of every word in every analysed field. The client's
words stand in for the analyzer's tokens, so a bound made of them is near the right one, not exact.
Exact terms (pieces, entities) are many; each is taken to be in one document.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.cluster import guarded
from opensearch_clir.query.statistics import FieldStatistics, TermStatistics

__all__ = ["counted"]

#: Words of a text that are counted: the first, since all are as likely to be rare.
MAX_WORDS = 64

_WORD = re.compile(r"\w+")

#: Written without spaces: analyzers make pairs of characters of these.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")

JSON = dict[str, Any]


def counted(
    client: OpenSearch,
    index: str,
    texts: Mapping[str, str | Sequence[str]],
    routing: str | None = None,
) -> dict[str, FieldStatistics]:
    """Return the statistics of words in fields, from the documents that a search finds.

    Args:
        client: connected client.
        index: name or alias.
        texts: full field path to the query text, or, for a keyword field, to the terms.
        routing: that the search itself is limited to.

    Raises:
        ClusterError: the server refused or did not answer.
    """
    if not texts:
        return {}
    words = {path: _words(text) for path, text in texts.items()}
    aggregations: JSON = {}
    for number, (path, found) in enumerate(words.items()):
        aggregations[f"all{number}"] = {"filter": {"exists": {"field": path}}}
        if isinstance(texts[path], str) and found:
            aggregations[f"with{number}"] = _matches(path, list(found))
    body = {"size": 0, "track_total_hits": False, "aggs": aggregations}
    params = {} if routing is None else {"routing": routing}
    with guarded(f"counting words in {index!r}"):
        answer = client.search(index=index, body=body, params=params)["aggregations"]
    return {
        path: _statistics(found, answer[f"all{number}"], answer.get(f"with{number}"))
        for number, (path, found) in enumerate(words.items())
    }


def _words(text: str | Sequence[str]) -> Counter[str]:
    if not isinstance(text, str):
        return Counter(dict.fromkeys(text, 1))
    found: Counter[str] = Counter()
    for word in _WORD.findall(text.lower()):
        for run in _UNSPACED.findall(word):
            found.update([run] if len(run) == 1 else map("".join, itertools.pairwise(run)))
        found.update(_UNSPACED.sub(" ", word).split())
    return Counter(dict(list(found.items())[:MAX_WORDS]))


def _matches(path: str, words: Sequence[str]) -> JSON:
    # A stop word matches all documents this way, so that it weighs nothing.
    clauses = [
        {"match": {path: {"query": word, "operator": "and", "zero_terms_query": "all"}}}
        for word in words
    ]
    return {"filters": {"filters": {str(n): clause for n, clause in enumerate(clauses)}}}


def _statistics(words: Counter[str], every: JSON, counts: JSON | None) -> FieldStatistics:
    total = every["doc_count"]
    documents = dict.fromkeys(words, min(1, total))
    if counts is not None:
        buckets = counts["buckets"]
        documents = {word: buckets[str(n)]["doc_count"] for n, word in enumerate(words)}
    return FieldStatistics(
        total,
        tuple(
            TermStatistics(word, count, min(total, documents[word]))
            for word, count in words.items()
        ),
    )
