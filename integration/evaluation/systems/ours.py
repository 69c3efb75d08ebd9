"""This package's calibrated search, in its one-stage form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.evaluation.systems.base import Question
from opensearch_clir.query.dsl import Query, one_stage
from opensearch_clir.query.first_hits import with_first_hits
from opensearch_clir.query.request import neighbours

__all__ = ["Calibrated"]


@dataclass(frozen=True)
class Calibrated:
    """One-stage fusion under given parameters, with their feedback."""

    parameters: Parameters
    name: str = "clir"

    @property
    def same_scores(self) -> bool:
        """With feedback a score depends on the first hits, and those on the filters."""
        return self.parameters.feedback is None

    def body(self, question: Question, size: int, filters: Sequence[Query] = ()) -> dict[str, Any]:
        plan = question.plan(self.parameters, neighbours(size, 0))
        ready = question.preparer
        plan = with_first_hits(ready.client, ready.index, plan, filters)
        return {"query": one_stage(plan, filters), "size": size, "_source": False}
