"""The protocol of systems, and a question prepared only as far as a system needs it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.query.dsl import Query
from opensearch_clir.query.plan import QueryPlan
from opensearch_clir.query.prepare import Preparer, Reading

__all__ = ["DEPTH", "Question", "System"]

#: Hits asked of every system, and k of every nearest-neighbour search.
DEPTH = 100


class Question:
    """A query of the set; its vector and all else are made when first asked for."""

    def __init__(self, preparer: Preparer, query: str, text: str) -> None:
        self.preparer = preparer
        self.id = query
        self.text = text

    @cached_property
    def vector(self) -> NDArray[np.float32] | None:
        """Unit vector of shape (dimension,), or None."""
        return self.preparer.vector(self.text)

    @cached_property
    def reading(self) -> Reading:
        """All that is known of the query; no system is told its language."""
        return self.preparer.read(self.text)

    def plan(self, parameters: Parameters, k: int) -> QueryPlan:
        """Return the plan under these parameters."""
        return self.reading.plan(self.preparer.schema, parameters, k)


class System(Protocol):
    """One way to search.

    Attributes:
        name: in reports.
        same_scores: whether a document's score depends on nothing but query and document, so that
            a ranking within one language is a restriction of a deep one of everything.
    """

    @property
    def name(self) -> str: ...
    @property
    def same_scores(self) -> bool: ...

    def body(self, question: Question, size: int, filters: Sequence[Query] = ()) -> dict[str, Any]:
        """Return the search body that asks for `size` hits among documents that pass `filters`."""
        ...
