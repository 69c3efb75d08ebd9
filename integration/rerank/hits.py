"""New scores for hits that come without their search: what a cluster's pipeline hands over."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opensearch_clir.languages import UND
from opensearch_clir.query.plan import query_languages
from opensearch_clir.rerank.base import Candidate, Reranker, scored
from opensearch_clir.rerank.search import stage_for, updated
from opensearch_clir.rerank.texts import text_of

if TYPE_CHECKING:
    from opensearch_clir.clir import Clir

__all__ = ["rescored_hits"]


def rescored_hits(
    clir: Clir,
    text: str,
    documents: Sequence[Mapping[str, Any]],
    scores: Sequence[float],
    reranker: Reranker,
    seconds: float,
) -> list[float]:
    """Return a score for each hit, in their order; one that is not scored keeps its own.

    Args:
        clir: of the index, whose fitted weights count.
        text: the question.
        documents: the hits' sources, our object with the language among them.
        scores: probabilities of the first stage.
        reranker: that reads them.
        seconds: for it.

    Raises:
        IndexStateError, ClusterError: the set-up can't be read.
        RerankerError, EncoderError: the reranker failed.
    """
    schema = clir.schema
    languages = [_language(document, schema.namespace) for document in documents]
    candidates = [
        Candidate(str(place), language, text_of(document, schema))
        for place, (language, document) in enumerate(zip(languages, documents, strict=True))
    ]
    evidence = scored(reranker, text, candidates, seconds)
    stage, _, _ = stage_for(clir.second_stage, reranker, evidence)
    asked = query_languages(clir.plan(text).posterior, schema)
    found = []
    for score, language, value in zip(scores, languages, evidence.tolist(), strict=True):
        known = math.isfinite(value)
        found.append(updated(stage, asked, language, score, value) if known else score)
    return found


def _language(document: Mapping[str, Any], namespace: str) -> str:
    ours = document.get(namespace)
    found = ours.get("lang") if isinstance(ours, Mapping) else None
    return found if isinstance(found, str) else UND
