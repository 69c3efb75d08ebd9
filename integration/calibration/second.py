"""The second stage: a reranker's score as one more evidence beside the first stage's log-odds.

::

    logit P' = at[class] + keep[class] * logit P + weight[class] * z
           z = (score - location) / scale

with the location and scale of the scores of what a search brings up, per ordered pair where known.
A document that the reranker did not score keeps P.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from opensearch_clir.errors import ConfigurationError

__all__ = ["Line", "SecondLine", "SecondStage"]

#: Shares below this are rounding.
_RARE = 1e-9


@dataclass(frozen=True)
class SecondLine:
    """What the second stage makes of one pair class.

    Attributes:
        at: log-odds added.
        keep: factor of the first stage's log-odds, >= 0.
        weight: log-odds per unit of z, >= 0.
        location, scale: of the reranker's scores, scale > 0.
    """

    at: float
    keep: float
    weight: float
    location: float
    scale: float


@dataclass(frozen=True)
class Line:
    """The second stage for one document: ``at + keep * log-odds + slope * score``."""

    at: float
    keep: float
    slope: float

    def of(self, log_odds: float, score: float) -> float:
        """Return the new log-odds."""
        return self.at + self.keep * log_odds + self.slope * score


@dataclass(frozen=True)
class SecondStage:
    """Fitted weights of one reranker in one index.

    Attributes:
        reranker: its name.
        fingerprint: of the reranker; the weights hold for no other.
        matching, non_matching: per pair class.
        places: location and scale by ordered pair, ``fr>en``, in place of the class's.
        origin: where the figures come from, for reports.
    """

    reranker: str
    fingerprint: str
    matching: SecondLine
    non_matching: SecondLine
    places: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    origin: str = ""

    def log_odds(
        self, languages: Mapping[str, float], document: str, first: float, score: float
    ) -> float:
        """Return the log-odds of a document, in [-500, 500].

        Those of the mean probability over the query's possible languages: a mean of log-odds would
        let one unlikely language decide, where a reranker's scores differ much between pairs.

        Args:
            languages: of the query, with probabilities that sum to at most 1; the rest is some
                language that the document is not in.
            document: its language.
            first: log-odds of the first stage.
            score: of the reranker.
        """
        parts = [*languages.items(), (None, 1 - math.fsum(languages.values()))]
        found = [(share, self.line(query, document).of(first, score)) for query, share in parts]
        likely = [(share, value) for share, value in found if share > _RARE]
        if len(likely) == 1:
            return _within(likely[0][1])
        p = math.fsum(share / (1 + math.exp(-_within(value))) for share, value in likely)
        q = math.fsum(share / (1 + math.exp(_within(value))) for share, value in likely)
        return _within(math.log(p) - math.log(q))

    def line(self, query: str | None, document: str) -> Line:
        """Return what becomes of documents in a language, for a query in another or the same.

        Args:
            query: language; None for one that no document is in.
            document: language.
        """
        line = self.matching if query == document else self.non_matching
        place = (line.location, line.scale)
        location, scale = self.places.get(f"{query}>{document}", place)
        slope = line.weight / scale
        return Line(line.at - slope * location, line.keep, slope)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SecondStage:
        """Read the JSON form.

        Raises:
            ConfigurationError: a key is missing or one too many, or a number out of range.
        """
        try:
            found = cls(
                reranker=str(value["reranker"]),
                fingerprint=str(value["fingerprint"]),
                matching=SecondLine(**value["matching"]),
                non_matching=SecondLine(**value["non_matching"]),
                places={
                    str(pair): (float(place[0]), float(place[1]))
                    for pair, place in value["places"].items()
                },
                origin=str(value["origin"]),
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ConfigurationError(f"weights of a reranker are damaged: {error!r}") from error
        found._check()
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    def _check(self) -> None:
        lines = (self.matching, self.non_matching)
        numbers = [number for line in lines for number in asdict(line).values()]
        numbers += [number for place in self.places.values() for number in place]
        scales = [line.scale for line in lines] + [scale for _, scale in self.places.values()]
        if not all(map(math.isfinite, numbers)) or min(scales) <= 0:
            raise ConfigurationError("weights of a reranker need finite numbers and scales > 0")
        if min(min(line.keep, line.weight) for line in lines) < 0:
            raise ConfigurationError("weights of a reranker must be >= 0")


def _within(log_odds: float) -> float:
    """Return log-odds whose exponential is a number."""
    return min(max(log_odds, -500.0), 500.0)
