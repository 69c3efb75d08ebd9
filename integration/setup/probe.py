"""The constant factor of the server's BM25, read from one explanation of a real score."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.cluster import guarded
from opensearch_clir.errors import ClusterAuthError, ClusterError
from opensearch_clir.index_templates.render import text_field

__all__ = ["constant_of", "measure_bm25_constant"]


def measure_bm25_constant(client: OpenSearch, server: tuple[int, ...]) -> float:
    """Return c in ``score = c * boost * idf * tf`` for our text fields, > 0.

    One document in a throw-away index is scored and explained (about 0.3 s). Where the user may
    not make that index, the server's version decides.

    Raises:
        ClusterError: no answer, or an explanation that can't be read.
    """
    name = f"clir-probe-{secrets.token_hex(6)}"
    try:
        with guarded("measuring the server's BM25"):
            client.indices.create(index=name, body=_PROBE)
    except ClusterAuthError:
        # Servers up to 2.x multiply by k1 + 1 with k1 = 1.2; since 3.0 they don't.
        return 2.2 if server[:1] < (3,) else 1.0
    try:
        with guarded("measuring the server's BM25"):
            client.index(index=name, id="1", body={"t": "word"}, params={"refresh": "true"})
            query = {"query": {"match": {"t": "word"}}}
            answer = client.explain(index=name, id="1", body=query)
    finally:
        with guarded("removing the throw-away index"):
            client.indices.delete(index=name, params={"ignore_unavailable": "true"})
    return constant_of(answer["explanation"])


def constant_of(explanation: Mapping[str, Any]) -> float:
    """Return c from the explanation of a one-term query's score.

    Raises:
        ClusterError: the explanation is of another form.
    """
    parts: dict[str, float] = {}
    for node in _nodes(explanation):
        kind = str(node.get("description", "")).split(",")[0].strip()
        if kind in ("idf", "tf"):
            parts[kind] = float(node["value"])
    score = float(explanation.get("value", math.nan))
    product = parts.get("idf", 0.0) * parts.get("tf", 0.0)
    if not product > 0 or not score > 0:
        raise ClusterError("measuring the server's BM25: its explanation names no idf and tf")
    return round(score / product, 3)


def _nodes(explanation: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield explanation
    for child in explanation.get("details", []):
        yield from _nodes(child)


# A user's template for all indices must not get in the way.
_PROBE: Mapping[str, Any] = {
    "settings": {
        "index.number_of_shards": 1,
        "index.number_of_replicas": 0,
        "index.hidden": True,
        "index.default_pipeline": "_none",
        "index.final_pipeline": "_none",
    },
    "mappings": {"properties": {"t": text_field("standard")}},
}
