"""This package's calibrated search, in its one-stage form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.evaluation.systems.base import Question
from opensearch_clir.query.dsl import Query, one_stage
from opensearch_clir.query.request import neighbours

__all__ = ["Calibrated"]


@dataclass(frozen=True)
class Calibrated:
    """One-stage fusion under given parameters."""

    parameters: Parameters
    name: str = "clir"
    same_scores: bool = True

    def body(self, question: Question, size: int, filters: Sequence[Query] = ()) -> dict[str, Any]:
        plan = question.plan(self.parameters, neighbours(size, 0))
        return {"query": one_stage(plan, filters), "size": size, "_source": False}
