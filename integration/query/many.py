"""Several searches in one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.cluster import deepest_cause, guarded
from opensearch_clir.errors import ClusterError

__all__ = ["answers_of", "header"]

#: Searches in one ``_msearch``.
BATCH = 50


def header(search_type: str, routing: str | None) -> dict[str, Any]:
    """Return the line of ``_msearch`` that stands before each body."""
    return {"search_type": search_type} | ({} if routing is None else {"routing": routing})


def answers_of(
    client: OpenSearch, index: str, head: dict[str, Any], bodies: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return one response for each search body, in order.

    Raises:
        ClusterError: the server refused one of them, which is named by its place, or did not
            answer.
    """
    found: list[dict[str, Any]] = []
    for start in range(0, len(bodies), BATCH):
        lines = [line for body in bodies[start : start + BATCH] for line in (head, body)]
        with guarded(f"searching {index!r}"):
            answers = client.msearch(body=lines, index=index)["responses"]
        for answer in answers:
            if "error" in answer:
                raise ClusterError(
                    f"searching {index!r}, question {len(found) + 1}: "
                    f"{deepest_cause(answer['error'])[1]}"
                )
            found.append(answer)
    return found
