"""``/v1/rerank`` as Cohere's, Jina's and vLLM's clients call it, and reranking for a pipeline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from opensearch_clir.languages import UND
from opensearch_clir.rerank.base import Candidate
from opensearch_clir.service.answers import Refusal, answer, body_of
from opensearch_clir.service.handlers import texts_of, work_of

__all__ = ["rerank", "rerank_hits"]


async def rerank(request: Request) -> Response:
    """Return the relevance of documents to a query, the most relevant first.

    Documents that the reranker doesn't score, such as blank ones, are left out.
    """
    work, body = work_of(request), await body_of(request)
    asked = body.get("model")
    if asked not in (None, "", work.options.reranker):
        known = work.options.reranker
        raise Refusal(404, "model_not_found", f"the model is {known!r}, got {asked!r}")
    query = _query(body)
    given = body.get("documents")
    plain = [_text(document) for document in given] if isinstance(given, list) else given
    texts = texts_of(plain, work, "documents")
    top = body.get("top_n", len(texts))
    if isinstance(top, bool) or not isinstance(top, int) or top < 0:
        raise Refusal(400, "invalid_request", f"'top_n' must be a whole number, got {top!r}")
    candidates = [Candidate(str(i), UND, text) for i, text in enumerate(texts)]
    scores = await work.score(query, candidates)
    found = [(score, i) for i, score in enumerate(scores.tolist()) if math.isfinite(score)]
    found.sort(key=lambda pair: (-pair[0], pair[1]))
    wanted = body.get("return_documents") is True
    # Rounded: ML Commons reads longer numbers as decimals, and its own reranking then fails.
    results = [
        {"index": i, "relevance_score": round(score, 6)}
        | ({"document": {"text": texts[i]}} if wanted else {})
        for score, i in found[:top]
    ]
    return answer({"model": work.options.reranker, "results": results})


async def rerank_hits(request: Request) -> Response:
    """Return a new score for each hit of a search, for a cluster's pipeline.

    The hits come as whole documents, with the first stage's probability as ``previous_score``; the
    question is the free text of the query. A hit that is not scored keeps its probability.
    """
    work, body = work_of(request), await body_of(request)
    documents = body.get("documents")
    if not isinstance(documents, list) or not all(isinstance(d, Mapping) for d in documents):
        raise Refusal(400, "invalid_request", "'documents' must be a list of objects")
    if "query" not in body:
        raise Refusal(400, "invalid_request", "give the query object as 'query'")
    scores = [_score(document) for document in documents]
    found = await work.rerank(request.path_params["index"], body["query"], documents, scores)
    if found is None:
        raise Refusal(422, "left_alone", "the query has no free text that hits could be read with")
    return answer({"scores": found})


def _score(document: Mapping[str, Any]) -> float:
    value: Any = document.get("previous_score")
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:
        raise Refusal(
            422, "left_alone", f"'previous_score' of a document is no probability: {value!r}"
        )
    return float(value)


def _query(body: Mapping[str, Any]) -> str:
    query = body.get("query")
    if not isinstance(query, str) or not query.strip():
        raise Refusal(400, "invalid_request", "'query' must be a text")
    return query.encode("utf-8", "replace").decode("utf-8")


def _text(document: Any) -> Any:
    """Return the text of a document, which some clients send as an object."""
    return document.get("text") if isinstance(document, Mapping) else document
