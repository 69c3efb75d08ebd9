"""The search before the search: the first hits, which a plan with feedback goes by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from opensearchpy import OpenSearch

from opensearch_clir.calibration.feedback import DOCUMENTS, Centre
from opensearch_clir.calibration.logistic import logit
from opensearch_clir.calibration.shown import HITS, standing_of
from opensearch_clir.cluster import guarded
from opensearch_clir.query.dsl import Query, one_stage
from opensearch_clir.query.plan import QueryPlan

__all__ = ["centred", "first_hits", "vector_of", "with_first_hits"]

JSON = Mapping[str, Any]

#: Name of the aggregation that counts languages.
LANGUAGES = "languages"


def with_first_hits(
    client: OpenSearch,
    index: str,
    plan: QueryPlan,
    filters: Sequence[Query] = (),
    params: Mapping[str, Any] | None = None,
) -> QueryPlan:
    """Return the plan with its feedback, from a search of its own; as it is without feedback.

    Args:
        client: connected client.
        index: name or alias.
        plan: of the query.
        filters: the user's conditions, which the first hits must meet, too.
        params: of the request, such as ``search_type`` and ``routing``.

    Raises:
        ClusterError: the server refused or did not answer.
    """
    body = first_hits(plan, filters)
    if body is None:
        return plan
    with guarded(f"searching {index!r}"):
        answer = client.search(index=index, body=body, params=dict(params or {}))
    return centred(plan, answer["hits"]["hits"], languages=_languages(answer))


def first_hits(plan: QueryPlan, filters: Sequence[Query] = ()) -> dict[str, Any] | None:
    """Return the search body that asks for the first hits; None where none are needed."""
    if plan.feedback is None or plan.vector is None or plan.centre is not None:
        return None
    return {
        "query": one_stage(plan, filters),
        "size": HITS,
        "track_total_hits": False,
        "_source": [plan.vector_field],
        # Two are enough to know whether there is another language to carry anything over to.
        "aggs": {LANGUAGES: {"terms": {"field": plan.lang_field, "size": 2}}},
    }


def _languages(answer: JSON) -> int:
    """Return in how many languages documents were found; 2 stands for more, 0 for unknown."""
    return len(answer.get("aggregations", {}).get(LANGUAGES, {}).get("buckets", ()))


def centred(plan: QueryPlan, hits: Sequence[JSON], *, languages: int = 0) -> QueryPlan:
    """Return the plan that goes by these hits; as it is where none has a vector.

    Args:
        plan: of the query.
        hits: the first, best first.
        languages: how many languages may be found in all; 0: unknown. In one language likeness to
            the first hits ranks no better than the question itself, and it does not count.
    """
    if plan.feedback is None:
        return plan
    if languages == 1 and plan.feedback.shown is None:
        return replace(plan, feedback=None)
    vectors = [(hit, vector_of(hit, plan.vector_field)) for hit in hits]
    known = [(hit, vector) for hit, vector in vectors if vector is not None][:DOCUMENTS]
    if not known:
        return plan
    likely = np.array([hit["_score"] for hit, _ in known], dtype=np.float64)
    centre = Centre.of(np.stack([vector for _, vector in known]), likely)
    if not centre.vector.any():
        return plan
    documents = tuple((str(hit["_id"]), float(hit["_score"])) for hit, _ in known)
    standing = standing_of(logit(np.array([hit["_score"] for hit in hits], dtype=np.float64)))
    feedback = replace(plan.feedback, centre=centre, documents=documents, standing=standing)
    if languages == 1:
        feedback = feedback.without_likeness()
    return replace(plan, feedback=feedback)


def vector_of(hit: JSON, path: str) -> NDArray[np.float32] | None:
    """Return the unit vector in a hit's ``_source``, of shape (dimension,), or None."""
    value: Any = hit.get("_source")
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(value, list) or not value:
        return None
    vector = np.array(value, dtype=np.float32)
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length > 0 else None
