"""Copying the documents of one index into another, so that it can be interrupted and repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from opensearchpy import OpenSearch, helpers

from opensearch_clir.cluster import guarded
from opensearch_clir.errors import ClusterError, IndexStateError
from opensearch_clir.progress import Progress, silent

__all__ = ["Copied", "Enrich", "copy_documents", "count", "remove_vanished"]

#: Turns bulk actions into enriched ones; it may leave some out.
Enrich = Callable[[Iterable[dict[str, Any]]], Iterator[dict[str, Any]]]

#: Documents per request.
CHUNK = 500

#: How long the server keeps the snapshot that is read, after each page.
_KEEP_ALIVE = "10m"


@dataclass
class Copied:
    """How a copy went.

    Attributes:
        copied: documents written now.
        there: documents that an earlier run had written already.
        plain: of `copied`, those that could not be enriched and went over as they are.
    """

    copied: int = 0
    there: int = 0
    plain: int = 0

    def __add__(self, other: Copied) -> Copied:
        return Copied(
            self.copied + other.copied, self.there + other.there, self.plain + other.plain
        )


def copy_documents(
    client: OpenSearch, source: str, target: str, enrich: Enrich, progress: Progress = silent
) -> Copied:
    """Copy what the target lacks or has in an older version.

    Every copy carries its original's version, so a repeated run goes on where the last one ended
    and also brings what changed in the source meanwhile.

    Raises:
        ClusterError: no answer, or a document was refused; the message names the first.
        IndexStateError: the source keeps no ``_source``.
    """
    result = Copied()
    total = count(client, source)
    for hit_page in _pages(client, source, progress, total):
        missing = _missing(client, target, hit_page)
        result.there += len(hit_page) - len(missing)
        if not missing:
            continue
        actions = [_action(hit, target) for hit in missing]
        enriched = list(enrich([dict(action) for action in actions]))
        done = {action["_id"] for action in enriched}
        plain = [action for action in actions if action["_id"] not in done]
        _write(client, [*(_addressed(a, actions) for a in enriched), *plain], target)
        result.copied += len(actions)
        result.plain += len(plain)
    return result


def remove_vanished(client: OpenSearch, source: str, target: str) -> int:
    """Delete copies whose originals were deleted; return how many."""
    removed = 0
    for page in _pages(client, target, silent, None, with_source=False):
        found = _versions(client, source, page)
        gone = [hit for hit in page if hit["_id"] not in found]
        if gone:
            actions = [{"_op_type": "delete", **_address(hit, target)} for hit in gone]
            _write(client, actions, target)
            removed += len(gone)
    return removed


def count(client: OpenSearch, index: str) -> int:
    """Return how many documents an index has. Raises `ClusterError`."""
    with guarded(f"counting the documents of {index!r}"):
        client.indices.refresh(index=index)
        return int(client.count(index=index)["count"])


def _pages(
    client: OpenSearch,
    index: str,
    progress: Progress,
    total: int | None,
    *,
    with_source: bool = True,
) -> Iterator[list[dict[str, Any]]]:
    body: dict[str, Any] = {"query": {"match_all": {}}, "version": True, "sort": ["_doc"]}
    if not with_source:
        body["_source"] = False
    hits = helpers.scan(
        client, query=body, index=index, size=CHUNK, scroll=_KEEP_ALIVE, preserve_order=True
    )
    with guarded(f"reading the documents of {index!r}"):
        counted = iter(progress(hits, label=f"reading {index}", total=total))
        while page := list(islice(counted, CHUNK)):
            yield page


def _missing(
    client: OpenSearch, target: str, hits: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    versions = _versions(client, target, hits)
    return [hit for hit in hits if versions.get(hit["_id"], 0) < hit["_version"]]


def _versions(client: OpenSearch, index: str, hits: Sequence[dict[str, Any]]) -> dict[str, int]:
    docs = [
        {"_id": hit["_id"], "_source": False}
        | ({"routing": hit["_routing"]} if "_routing" in hit else {})
        for hit in hits
    ]
    with guarded(f"comparing with {index!r}"):
        answer = client.mget(body={"docs": docs}, index=index)
    return {doc["_id"]: doc["_version"] for doc in answer["docs"] if doc.get("found")}


def _action(hit: dict[str, Any], target: str) -> dict[str, Any]:
    if "_source" not in hit:
        raise IndexStateError(
            f"document {hit['_id']!r} has no _source to copy: migrate by indexing the originals "
            "into a new index"
        )
    versioned = {"_version": hit["_version"], "_version_type": "external"}
    return {**_address(hit, target), **versioned, "_source": hit["_source"]}


def _address(hit: dict[str, Any], target: str) -> dict[str, Any]:
    address = {"_index": target, "_id": hit["_id"]}
    if "_routing" in hit:
        address["_routing"] = hit["_routing"]
    return address


def _addressed(action: dict[str, Any], originals: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give an action back what says where it goes, whatever the enrichment made of it."""
    original = next(o for o in originals if o["_id"] == action["_id"])
    return {**action, **{k: v for k, v in original.items() if k != "_source"}}


def _write(client: OpenSearch, actions: Iterable[dict[str, Any]], target: str) -> None:
    # The originals have been through the user's pipelines already.
    with guarded(f"writing to {target!r}"):
        results = helpers.streaming_bulk(
            client,
            actions,
            chunk_size=CHUNK,
            max_retries=5,
            raise_on_error=False,
            params={"pipeline": "_none"},
        )
        for ok, item in results:
            outcome: dict[str, Any] = next(iter(item.values()))
            # 409: the target has this version or a later one; 404: deleted already.
            if not ok and outcome.get("status") not in (404, 409):
                reason = outcome.get("error", outcome)
                if isinstance(reason, dict):
                    reason = reason.get("reason", reason)
                raise ClusterError(
                    f"writing to {target!r}: document {outcome.get('_id')!r} was refused "
                    f"({reason}); run the same command again when that is solved"
                )
