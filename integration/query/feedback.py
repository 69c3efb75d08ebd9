"""The part of a plan that the first hits decide: see `opensearch_clir.calibration.feedback`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from opensearch_clir.calibration.feedback import Centre, Feedback
from opensearch_clir.calibration.shown import Shown

__all__ = ["FeedbackLine", "FeedbackPlan", "feedback_plan"]


@dataclass(frozen=True)
class FeedbackLine:
    """New log-odds as ``at + keep * log-odds + slope * evidence``.

    Attributes:
        at, keep, slope: of documents with a vector.
        missing: in place of ``at + slope * evidence``, without.
    """

    at: float
    keep: float
    slope: float
    missing: float


@dataclass(frozen=True)
class FeedbackPlan:
    """How likeness to the first hits counts, and once they are known, to what.

    Attributes:
        typical: how near first hits and other hits are, in scales above the location.
        place: location and scale of the cosine of unrelated texts.
        lines: by document language, where it is one of the query's or of a known pair.
        other: of all other languages.
        centre: of the first hits; None before they are known.
        documents: ids of the first hits with their probabilities.
        shown: what becomes of the new log-odds; None: nothing.
        standing: how probable the first hits are in the mean, as `shown` takes it.
    """

    typical: float
    place: tuple[float, float]
    lines: Mapping[str, FeedbackLine]
    other: FeedbackLine
    centre: Centre | None = None
    documents: tuple[tuple[str, float], ...] = ()
    shown: Shown | None = None
    standing: float = 0.0

    def without_likeness(self) -> FeedbackPlan:
        """Return the plan in which the first hits only say what a score means as a probability."""
        return replace(self, lines={}, other=FeedbackLine(0.0, 1.0, 0.0, 0.0))

    def line(self, language: str) -> FeedbackLine:
        """Return the line of documents in a language."""
        return self.lines.get(language, self.other)

    def numbers(self, line: FeedbackLine) -> list[float]:
        """Return a line in the cosine to the centre, as the scripts' parameters have it.

        The centre must be known.
        """
        assert self.centre is not None
        length = float(np.linalg.norm(self.centre.vector))
        location, scale = self.place
        at = line.at - line.slope * (self.typical + location / scale) * self.centre.trust
        return [at, line.keep, line.slope * length / scale, line.missing]


def feedback_plan(
    feedback: Feedback | None,
    place: tuple[float, float],
    languages: Mapping[str, float],
    documents: Iterable[str],
) -> FeedbackPlan | None:
    """Return the plan of feedback before any hit is known; None where it does not count.

    Args:
        feedback: of the parameters.
        place: location and scale of the cosine of unrelated texts.
        languages: of the query, with probabilities that sum to at most 1.
        documents: languages that may have a line of their own.
    """
    if feedback is None or not feedback.usable:
        return None
    stage = feedback.stage

    def line(document: str | None) -> FeedbackLine:
        """Return the mean line over the query's possible languages, as bends are averaged."""
        shares = [*languages.items(), (None, 1 - math.fsum(languages.values()))]
        lines = [(share, stage.line(query, document or "")) for query, share in shares]
        at, keep, slope = (
            math.fsum(share * getattr(one, name) for share, one in lines)
            for name in ("at", "keep", "slope")
        )
        same = document is not None and document in languages
        usual = (stage.matching if same else stage.non_matching).location
        return FeedbackLine(at, keep, slope, at + slope * usual)

    lines = {code: line(code) for code in documents}
    return FeedbackPlan(feedback.typical, place, lines, line(None), shown=feedback.shown)
