"""A response reranked: the window's hits get new probabilities, all others keep theirs."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from opensearch_clir.calibration.logistic import logit
from opensearch_clir.calibration.second import SecondLine, SecondStage
from opensearch_clir.encoders.background import robust_place
from opensearch_clir.errors import EncoderError, RerankerError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.languages import UND
from opensearch_clir.query.preferences import EVERYBODY, Readers
from opensearch_clir.rerank.base import Candidate, Evidence, Reranker, scored, unfitted
from opensearch_clir.rerank.options import Rerank
from opensearch_clir.rerank.texts import text_of
from opensearch_clir.rerank.window import POOL, choose

__all__ = ["Question", "asked_for", "reranked", "stage_for", "updated", "window_of"]

_log = logging.getLogger(__name__)

JSON = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What is known of the search whose hits are reranked.

    Attributes:
        text: as given.
        languages: of it, with probabilities that sum to at most 1.
        schema: of the index.
        readers: usefulness of languages, which scores were multiplied by.
        stage: fitted weights, of whatever reranker; None: none.
    """

    text: str
    languages: Mapping[str, float]
    schema: IndexSchema
    readers: Readers = EVERYBODY
    stage: SecondStage | None = None


def asked_for(rerank: Rerank, schema: IndexSchema, body: Mapping[str, Any]) -> JSON:
    """Return the other keys of a search body such that hits can be reranked.

    Texts are taken from ``_source``; where the caller wants little or nothing of it, from
    ``fields``, too.

    Args:
        rerank: what is asked for.
        schema: of the index.
        body: other keys, as the caller gave them.
    """
    found = {**body, "docvalue_fields": [*body.get("docvalue_fields", []), schema.names.lang]}
    if "_source" in body:
        found["fields"] = [*body.get("fields", []), *(field.name for field in schema.fields)]
    return found


def reranked(
    response: JSON,
    question: Question,
    rerank: Rerank,
    *,
    size: int,
    from_: int = 0,
    min_score: float | None = None,
    body: Mapping[str, Any] | None = None,
) -> JSON:
    """Return a response with the page of the reranked hits.

    A reranker that fails leaves the first stage's order: a search does not fail for want of one.
    What was done is said under ``clir.rerank``.

    Args:
        response: of a search for `POOL` times the window, without `min_score`.
        question: that was asked.
        rerank: how.
        size, from_: the page, inside of the window.
        min_score: least score, of the reranked hits, too.
        body: other keys of the search body, as the caller gave them.

    Raises:
        ConfigurationError, RerankerError, EncoderError: there is no reranker of the name.
    """
    reranker = rerank.load()
    started = time.monotonic()
    hits: list[JSON] = response["hits"]["hits"]
    chosen, candidates = window_of(hits, question.schema, rerank)
    scores, note = _scores(reranker, question.text, candidates, rerank.seconds)
    stage, fitted, why = stage_for(question.stage, reranker, scores)
    for i, candidate, score in zip(chosen, candidates, scores.tolist(), strict=True):
        if math.isfinite(score):
            language = candidate.language
            use = question.readers.of(language)
            p = hits[i]["_score"] / use
            hits[i]["_score"] = use * updated(stage, question.languages, language, p, score)
    hits.sort(key=lambda hit: -hit["_score"])
    found = response["hits"]
    if min_score is not None:
        full = len(hits) >= POOL * rerank.window
        hits = [hit for hit in hits if hit["_score"] >= min_score]
        found["total"] = {"value": len(hits), "relation": "gte" if full else "eq"}
    found["max_score"] = hits[0]["_score"] if hits else None
    found["hits"] = [_without_ours(hit, question.schema, body or {}) for hit in hits][
        from_ : from_ + size
    ]
    about: JSON = {
        "reranker": reranker.name,
        "window": len(chosen),
        "rescored": int(np.isfinite(scores).sum()),
        "fitted": fitted,
        "ms": round(1000 * (time.monotonic() - started)),
    }
    if note or why:
        about["note"] = note or why
    return {**response, "clir": {"rerank": about}}


def window_of(
    hits: Sequence[JSON], schema: IndexSchema, rerank: Rerank
) -> tuple[list[int], list[Candidate]]:
    """Return which hits are given to a reranker, and what it is given of them.

    Args:
        hits: of a search for `POOL` times the window, as `asked_for` makes it.
        schema: of the index.
        rerank: how.
    """
    languages = [str(hit.get("fields", {}).get(schema.names.lang, [UND])[0]) for hit in hits]
    chosen = choose(languages, rerank.window, rerank.floor)
    return chosen, [Candidate(hits[i]["_id"], languages[i], _text(hits[i], schema)) for i in chosen]


def stage_for(
    stage: SecondStage | None, reranker: Reranker, scores: Evidence
) -> tuple[SecondStage, bool, str]:
    """Return the weights to use, whether they were fitted, and if not, why.

    Without fitted ones, a score counts `unfitted` for each standard deviation that it lies above
    the mean of the window's, in all languages alike.
    """
    if stage is not None and stage.fingerprint == reranker.fingerprint:
        return stage, True, ""
    known = scores[np.isfinite(scores)]
    place = robust_place(known) if len(known) else (0.0, 1.0)
    line = SecondLine(0.0, 1.0, unfitted(reranker), *place)
    why = "no weights are fitted for this reranker in this index: `clir calibrate --reranker` does"
    if stage is not None:
        why = f"the fitted weights are of {stage.reranker!r}, or of another version of it"
    return SecondStage(reranker.name, "", line, line), False, why


def updated(
    stage: SecondStage,
    languages: Mapping[str, float],
    document: str,
    probability: float,
    score: float,
) -> float:
    """Return a hit's new probability.

    Args:
        stage: weights.
        languages: of the query, with probabilities that sum to at most 1.
        document: language of the hit.
        probability: of the first stage, in [0, 1].
        score: of the reranker.
    """
    first = float(logit(np.array(probability)))
    log_odds = stage.log_odds(languages, document, first, score)
    return 1 / (1 + math.exp(-log_odds))


def _scores(
    reranker: Reranker, text: str, candidates: Sequence[Candidate], seconds: float
) -> tuple[Evidence, str]:
    try:
        return scored(reranker, text, candidates, seconds), ""
    except (RerankerError, EncoderError) as error:
        _log.warning("hits keep their first-stage probabilities: %s", error)
        return np.full(len(candidates), np.nan), str(error)


def _text(hit: JSON, schema: IndexSchema) -> str:
    source, fields = hit.get("_source") or {}, hit.get("fields") or {}
    return text_of({**fields, **source} if source else fields, schema) or text_of(fields, schema)


def _without_ours(hit: JSON, schema: IndexSchema, body: Mapping[str, Any]) -> JSON:
    """Return a hit without the fields that only we asked for."""
    if "fields" in body or "docvalue_fields" in body or "fields" not in hit:
        return hit
    ours = {schema.names.lang, *(field.name for field in schema.fields)}
    kept = {name: value for name, value in hit["fields"].items() if name not in ours}
    rest = {key: value for key, value in hit.items() if key != "fields"}
    return {**rest, "fields": kept} if kept else rest
