"""Stock hybrid and RRF, computed from the hits of their legs.

Only for choosing settings on the training folds, where asking the server 132 times a query would
take hours; what is chosen is then run for real. The formulas are those of the server's
normalisation processor on one shard (tests compare the two).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from opensearch_clir.evaluation.systems.stock import HybridConfig

__all__ = ["hybrid_scores", "rrf_scores"]

Scores = Mapping[str, float]

#: What the server gives the least score of a list, so that found is more than not found.
_LEAST = 0.001


def hybrid_scores(config: HybridConfig, lexical: Scores, dense: Scores) -> dict[str, float]:
    """Return document -> combined score; both legs cut to the same depth before."""
    legs = [
        (1 - config.weight, _normalised(config.normalisation, lexical)),
        (config.weight, _normalised(config.normalisation, dense)),
    ]
    documents = {document for _, leg in legs for document in leg}
    return {d: _combined(config.combination, [(w, leg.get(d, 0.0)) for w, leg in legs])
            for d in documents}  # fmt: skip


def rrf_scores(constant: int, lexical: Scores, dense: Scores) -> dict[str, float]:
    """Return document -> sum of 1 / (constant + rank) over the legs."""
    scores: dict[str, float] = {}
    for leg in (lexical, dense):
        ranked = sorted(leg, key=lambda document: -leg[document])
        for rank, document in enumerate(ranked, 1):
            scores[document] = scores.get(document, 0.0) + 1.0 / (constant + rank)
    return scores


def _normalised(technique: str, scores: Scores) -> dict[str, float]:
    if not scores:
        return {}
    if technique == "l2":
        length = math.sqrt(sum(score * score for score in scores.values()))
        return {d: score / length if length else _LEAST for d, score in scores.items()}
    least, most = min(scores.values()), max(scores.values())
    if least == most:
        return dict.fromkeys(scores, 1.0)
    return {d: (score - least) / (most - least) or _LEAST for d, score in scores.items()}


def _combined(technique: str, parts: list[tuple[float, float]]) -> float:
    if technique == "arithmetic_mean":
        total = sum(weight for weight, _ in parts)
        return sum(weight * score for weight, score in parts) / total if total else 0.0
    found = [(weight, score) for weight, score in parts if score > 0]
    total = sum(weight for weight, _ in found)
    if not total:
        return 0.0
    if technique == "harmonic_mean":
        return total / sum(weight / score for weight, score in found)
    return math.exp(sum(weight * math.log(score) for weight, score in found) / total)
