"""What a reranker makes of one document, as a part of its explanation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from opensearch_clir.calibration.reranking import read_texts
from opensearch_clir.calibration.second import SecondStage
from opensearch_clir.query.explain import RERANKED, Evidence, Explanation
from opensearch_clir.query.plan import QueryPlan, query_languages
from opensearch_clir.query.prepare import Preparer
from opensearch_clir.rerank.base import Candidate, Reranker, compares, scored

__all__ = ["explained"]


def explained(
    preparer: Preparer,
    plan: QueryPlan,
    found: Explanation,
    reranker: Reranker,
    stage: SecondStage | None,
    window: Sequence[Candidate] = (),
) -> Explanation:
    """Return an explanation with the reranker's evidence.

    Its weight is that of the likeliest pair of languages. Its log-odds are what it adds to those of
    the first stage, the factor that these are kept with included.

    Args:
        preparer: of the index.
        plan: of the query.
        found: the explanation of the first stage.
        reranker: that is asked.
        stage: fitted weights; without them a score has no log-odds of its own, as it counts by
            how it compares with those of the other hits.
        window: all that the reranker is given, best first, for one that compares them.

    Raises:
        RerankerError: it failed.
        ClusterError: the document can't be read.
    """
    if compares(reranker):
        candidates = window
        place = next((i for i, one in enumerate(window) if one.id == found.id), None)
        if place is None:
            note = f"not among the hits that {reranker.name} is given: it keeps its probability"
            return replace(found, notes=(*found.notes, note))
    else:
        text = read_texts(preparer, [found.id]).get(found.id, "")
        candidates, place = [Candidate(found.id, found.document_language, text)], 0
    score = float(scored(reranker, plan.text, candidates)[place])
    if not math.isfinite(score):
        note = f"{reranker.name} does not score this document: it keeps its probability"
        return replace(found, notes=(*found.notes, note))
    if stage is None or stage.fingerprint != reranker.fingerprint:
        note = (
            f"{reranker.name} scores it {score:.4f}, which counts by its distance to the other "
            "hits' scores, as no weights are fitted: `clir calibrate --reranker`"
        )
        return replace(found, notes=(*found.notes, note))
    asked = query_languages(plan.posterior, preparer.schema)
    log_odds = stage.log_odds(asked, found.document_language, found.log_odds, score)
    slope = stage.line(plan.posterior.primary, found.document_language).slope
    step = Evidence(RERANKED, reranker.name, score, slope, log_odds - found.log_odds)
    return replace(
        found,
        probability=None if found.probability is None else 1 / (1 + math.exp(-log_odds)),
        log_odds=log_odds,
        evidences=(*found.evidences, step),
    )
