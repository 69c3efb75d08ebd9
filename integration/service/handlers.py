"""The endpoints, each a few lines between HTTP and `Work`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from opensearch_clir.cluster import guarded
from opensearch_clir.encoders.base import Role
from opensearch_clir.errors import ClusterError
from opensearch_clir.ingest.rejected import Rejected
from opensearch_clir.service.answers import Refusal, answer, body_of
from opensearch_clir.service.carried import carried
from opensearch_clir.service.openapi import document
from opensearch_clir.service.work import Work

__all__ = [
    "detect",
    "embed",
    "enrich",
    "health",
    "metrics",
    "openapi",
    "ready",
    "rewrite",
    "texts_of",
    "work_of",
]


def work_of(request: Request) -> Work:
    """Return the worker's state."""
    found: Work = request.app.state.work
    return found


async def enrich(request: Request) -> Response:
    """Return our object for one document, or for several."""
    work, body = work_of(request), await body_of(request)
    index = request.path_params["index"]
    if "document" in body:
        result = (await work.enrich(index, [_object(body["document"], "document")]))[0]
        if isinstance(result, Rejected):
            raise Refusal(422, "unusable_document", result.reason)
        return answer({"clir": result})
    documents = body.get("documents")
    if not isinstance(documents, list):
        raise Refusal(400, "invalid_request", "give one 'document', or a list of 'documents'")
    _check_count(documents, work, "documents")
    results = await work.enrich(index, [_object(d, "each document") for d in documents])
    return answer(
        {
            "documents": [
                {"error": {"type": "unusable_document", "message": r.reason}}
                if isinstance(r, Rejected)
                else {"clir": r}
                for r in results
            ]
        }
    )


async def rewrite(request: Request) -> Response:
    """Return a whole query object, rewritten or as it came.

    A cluster's pipeline (``"for": "ml-commons"``) gets it as it can carry it, or else a refusal,
    upon which it goes on with the query that it has.
    """
    body = await body_of(request)
    if "query" not in body:
        raise Refusal(400, "invalid_request", "give the query object as 'query'")
    least = body.get("least")
    if least is not None and (isinstance(least, bool) or not isinstance(least, (int, float))):
        raise Refusal(400, "invalid_request", "'least' must be a probability")
    given = body["query"]
    new = await work_of(request).rewrite(request.path_params["index"], given, least)
    if body.get("for") == "ml-commons":
        new = carried(new)
        if new is None:
            raise Refusal(422, "left_alone", "a script has whole numbers, which would not arrive")
    return answer({"query": new})


async def embed(request: Request) -> Response:
    """Return vectors of the embedded model."""
    work, body = work_of(request), await body_of(request)
    texts = texts_of(body.get("texts"), work, "texts")
    vectors = await work.embed(texts, _role(body.get("role", "passage")))
    return answer(
        {
            "vectors": vectors.tolist(),
            "dimension": work.encoder.dimension,
            "encoder": work.encoder.name,
            "fingerprint": work.encoder.fingerprint,
        }
    )


async def detect(request: Request) -> Response:
    """Return the languages of texts."""
    work, body = work_of(request), await body_of(request)
    texts = texts_of(body.get("texts"), work, "texts")
    return answer({"languages": await work.detect(texts)})


async def health(request: Request) -> Response:
    """Say that the process answers."""
    return answer({"status": "ok"})


async def ready(request: Request) -> Response:
    """Say whether work can be done: the model loads, and the cluster answers."""
    work = work_of(request)

    def check() -> str:
        _ = work.encoder
        with guarded("asking the cluster"):
            return str(work.client.info()["version"]["number"])

    try:
        version = await work.in_thread(check)
    except ClusterError as error:
        raise Refusal(503, "cluster_unavailable", str(error)) from error
    return answer({"status": "ready", "cluster": version})


async def metrics(request: Request) -> Response:
    """Return the Prometheus metrics."""
    return work_of(request).metrics.exposition()


async def openapi(request: Request) -> Response:
    """Return the description of this interface."""
    return answer(document())


def texts_of(value: Any, work: Work, name: str) -> list[str]:
    """Return texts to work on.

    Raises:
        Refusal: not a list of texts, or too many.
    """
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise Refusal(400, "invalid_request", f"'{name}' must be a list of texts")
    _check_count(value, work, name)
    return [text.encode("utf-8", "replace").decode("utf-8") for text in value]


def _check_count(values: list[Any], work: Work, name: str) -> None:
    most = work.options.limits.documents
    if len(values) > most:
        raise Refusal(413, "too_many", f"{len(values):,} {name} in one request, at most {most:,}")


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Refusal(400, "invalid_request", f"{name} must be an object")
    return value


def _role(value: Any) -> Role:
    if value == "query":
        return "query"
    if value == "passage":
        return "passage"
    raise Refusal(400, "invalid_request", f"role must be 'query' or 'passage', got {value!r}")
