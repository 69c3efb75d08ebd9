"""What every reranker does: a question and texts in, one number for each text out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.errors import RerankerError

__all__ = [
    "MAX_CHARACTERS",
    "UNFITTED",
    "Candidate",
    "Evidence",
    "Reranker",
    "compares",
    "scored",
    "unfitted",
]

#: Float64 array of shape (candidates,): higher is more relevant, NaN is "not scored". The scale is
#: the reranker's own.
Evidence = NDArray[np.float64]

#: Log-odds per standard deviation of a window's scores, where nothing was fitted.
UNFITTED = 1.0

#: Characters of a candidate that a reranker is given: its first.
MAX_CHARACTERS = 32_768


@dataclass(frozen=True)
class Candidate:
    """A document that the first stage found.

    Attributes:
        id: of the document.
        language: its tag, or ``und``.
        text: of its source fields; blank where it has none.
    """

    id: str
    language: str
    text: str


class Reranker(Protocol):
    """Reads question and document together, which no vector of one of them can.

    Attributes:
        name: how a user names it.
        fingerprint: of all that changes a score; weights fitted for one hold for no other.
    """

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...

    def score(self, query: str, texts: Sequence[str], seconds: float) -> Evidence:
        """Return one number for each text; call this module's `scored` instead.

        A reranker that reads the texts together has an attribute ``compares`` that is true: its
        scores hold for the texts they came with. One with another idea than `UNFITTED` of what its
        scores weigh has ``unfitted``.

        Args:
            query: the question.
            texts: not blank, the most promising first.
            seconds: after which those that are left stay NaN.

        Raises:
            RerankerError: nothing could be scored.
        """
        ...


def scored(
    reranker: Reranker,
    query: str,
    candidates: Sequence[Candidate],
    seconds: float = math.inf,
) -> Evidence:
    """Score candidates and check what came back.

    Candidates without text are not scored. What is not finite counts as not scored.

    Args:
        reranker: any.
        query: the question, not blank.
        candidates: the most promising first: these are scored where time is short.
        seconds: for all of them.

    Returns:
        One number for each candidate, NaN where there is none.

    Raises:
        RerankerError: the reranker failed, or returned another number of scores.
    """
    found = np.full(len(candidates), np.nan)
    known = [i for i, candidate in enumerate(candidates) if candidate.text.strip()]
    if not known or seconds <= 0:
        return found
    texts = [candidates[i].text[:MAX_CHARACTERS] for i in known]
    scores = np.asarray(reranker.score(query, texts, seconds), dtype=np.float64)
    if scores.shape != (len(texts),):
        raise RerankerError(
            f"reranker {reranker.name!r} returned scores of shape {scores.shape} for "
            f"{len(texts)} texts; check its model"
        )
    found[known] = np.where(np.isfinite(scores), scores, np.nan)
    return found


def compares(reranker: Reranker) -> bool:
    """Tell whether a text's score depends on the other texts."""
    return bool(getattr(reranker, "compares", False))


def unfitted(reranker: Reranker) -> float:
    """Return the log-odds of one standard deviation of a window's scores before any fit."""
    return float(getattr(reranker, "unfitted", UNFITTED))
