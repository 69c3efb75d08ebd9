"""An evaluation set as judged queries on an index: its documents must be there."""

from __future__ import annotations

from collections.abc import Sequence

from opensearch_clir.calibration.gather import JudgedQuery
from opensearch_clir.cluster import guarded
from opensearch_clir.errors import DataError
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.query.prepare import Preparer

__all__ = ["TOLERANCE", "judged_queries", "present"]

#: Share of the relevant documents that may be gone from the index: corpora change.
TOLERANCE = 0.01

#: Missing ids that an error lists.
LISTED = 10

#: Ids looked up in one request.
BATCH = 1_000


def judged_queries(
    preparer: Preparer, evaluation_set: EvaluationSet
) -> tuple[list[JudgedQuery], list[str]]:
    """Return the queries with those of their relevant documents that the index has.

    Returns:
        The queries, without those that have none left; and the ids that are not in the index.

    Raises:
        DataError: more than `TOLERANCE` of the relevant documents are not in the index.
        ClusterError: the server refused or did not answer.
    """
    relevant = {query: evaluation_set.relevant(query) for query in evaluation_set.queries}
    wanted = sorted({document for found in relevant.values() for document in found})
    missing = sorted(set(wanted) - present(preparer, wanted))
    if len(missing) > TOLERANCE * len(wanted):
        more = f" and {len(missing) - LISTED} more" if len(missing) > LISTED else ""
        raise DataError(
            f"{len(missing)} of the {len(wanted)} relevant documents of set "
            f"{evaluation_set.name!r} are not in index {preparer.index!r} (at most "
            f"{TOLERANCE:.0%} may be missing): {', '.join(missing[:LISTED])}{more}; "
            "the set must use the _id of the index's documents"
        )
    gone = set(missing)
    queries = [
        JudgedQuery(q.id, q.text, q.lang, frozenset(relevant[q.id]) - gone)
        for q in evaluation_set.queries.values()
    ]
    return [query for query in queries if query.relevant], missing


def present(preparer: Preparer, ids: Sequence[str]) -> set[str]:
    """Return those of the ids that some document of the index has. Raises `ClusterError`."""
    found: set[str] = set()
    for start in range(0, len(ids), BATCH):
        batch = list(ids[start : start + BATCH])
        # Not _mget, which can't look behind an alias of several indices.
        body = {"query": {"ids": {"values": batch}}, "size": len(batch), "_source": False}
        with guarded(f"looking up documents of {preparer.index!r}"):
            answer = preparer.client.search(index=preparer.index, body=body)
        found |= {hit["_id"] for hit in answer["hits"]["hits"]}
    return found
