"""What a caller asks of a reranker, checked before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from opensearch_clir.calibration.second import SecondStage
from opensearch_clir.errors import QueryError
from opensearch_clir.query.forms import by_score_alone
from opensearch_clir.rerank.base import Reranker
from opensearch_clir.rerank.registry import EMBEDDED, EMBEDDED_HITS, load_reranker
from opensearch_clir.rerank.window import FLOOR, WINDOW

__all__ = ["MAX_WINDOW", "NONE", "Rerank", "by_default", "check_request", "wanted"]

#: Hits that are reranked at most.
MAX_WINDOW = 1_000

#: At the command line, for no reranker where one would be used.
NONE = "none"

#: Keys of a search body that a second order of the hits has no meaning for.
_IMPOSSIBLE = ("rescore", "scroll", "search_after", "slice")


@dataclass(frozen=True)
class Rerank:
    """How to rerank.

    Attributes:
        reranker: its name, see `opensearch_clir.rerank.registry.load_reranker`, or itself.
        window: first hits that are reranked, 1 to `MAX_WINDOW`.
        floor: places in the window for each language that was found, >= 0.
        seconds: for the reranker, > 0; hits that it does not get to keep their probability.
    """

    reranker: str | Reranker
    window: int = WINDOW
    floor: int = FLOOR
    seconds: float = math.inf

    def __post_init__(self) -> None:
        """Refuse what has no meaning.

        Raises:
            QueryError: a value is of another type or out of range.
        """
        for name, least, most in (("window", 1, MAX_WINDOW), ("floor", 0, MAX_WINDOW)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise QueryError(f"rerank: {name} must be {least} to {most:,}, got {value!r}")
        seconds: Any = self.seconds
        number = isinstance(seconds, Real) and not isinstance(seconds, bool)
        if not number or not seconds > 0:
            raise QueryError(f"rerank: seconds must be above 0, got {seconds!r}")

    def load(self) -> Reranker:
        """Return the reranker.

        Raises:
            ConfigurationError, RerankerError, EncoderError: there is none of this name.
        """
        return load_reranker(self.reranker) if isinstance(self.reranker, str) else self.reranker


def wanted(value: Any) -> Rerank | None:
    """Return what a caller's ``rerank`` stands for; None: nothing is asked for.

    Raises:
        QueryError: neither a name, a reranker, nor a `Rerank`.
    """
    if value is None or value is False or isinstance(value, Rerank):
        return value or None
    if isinstance(value, str) or callable(getattr(value, "score", None)):
        return Rerank(value)
    raise QueryError(f"rerank must be a reranker's name, a reranker or a Rerank, got {value!r}")


def check_request(rerank: Rerank, size: int, from_: int, body: Mapping[str, Any]) -> None:
    """Refuse a request that reranking the first hits can't answer.

    Raises:
        QueryError: the page ends beyond the window, or hits are asked for in another order.
    """
    if size + from_ > rerank.window:
        raise QueryError(
            f"the page ends at hit {size + from_:,}, and {rerank.window:,} are reranked: use a "
            "larger window, or turn these pages without rerank"
        )
    found = [key for key in _IMPOSSIBLE if key in body]
    if not by_score_alone(body.get("sort")):
        found.append("sort")
    if found:
        raise QueryError(
            f"rerank puts the first hits into an order of its own, which {', '.join(found)} "
            "can't be combined with: leave out one of the two"
        )


def by_default(
    stage: SecondStage | None,
    size: int,
    from_: int,
    min_score: float | None,
    body: Mapping[str, Any],
) -> Rerank | None:
    """Return how hits are reranked where a request doesn't say: with the embedded model, or not.

    It is where judgments of the index have shown that it pays, the request leaves the order of hits
    to their scores, and wants hits at all, but no exact number of those above a least score. Other
    rerankers may be slow, or not be on this machine.

    Args:
        stage: fitted weights of the index, of whatever reranker.
        size, from_, min_score, body: of the request.

    Raises:
        EncoderError: the embedded model is damaged.
    """
    if stage is None or stage.reranker not in (EMBEDDED, EMBEDDED_HITS):
        return None
    if min_score is not None or size == 0:
        return None
    found = Rerank(stage.reranker)
    if found.load().fingerprint != stage.fingerprint:
        return None
    try:
        check_request(found, size, from_, body)
    except QueryError:
        return None
    return found
