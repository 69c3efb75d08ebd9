"""Parts of documents of an index by their ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opensearch_clir.cluster import guarded
from opensearch_clir.query.prepare import Preparer

__all__ = ["read_documents"]

#: Documents read in one request.
BATCH = 200


def read_documents(
    preparer: Preparer, ids: Sequence[str], source: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield the hits of those documents that the index has, in any order.

    Args:
        preparer: of the index.
        ids: of the documents.
        source: paths of what is wanted of them.

    Raises:
        ClusterError: they can't be read.
    """
    for start in range(0, len(ids), BATCH):
        part = list(ids[start : start + BATCH])
        body = {"query": {"ids": {"values": part}}, "size": len(part), "_source": list(source)}
        with guarded(f"reading documents of {preparer.index!r}"):
            answer = preparer.client.search(index=preparer.index, body=body)
        yield from answer["hits"]["hits"]
