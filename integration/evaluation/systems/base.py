"""The protocol of systems, and a question prepared only as far as a system needs it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.language.folding import fold
from opensearch_clir.query.dsl import Query
from opensearch_clir.query.plan import QueryPlan, make_plan
from opensearch_clir.query.prepare import Preparer
from opensearch_clir.query.statistics import FieldStatistics

__all__ = ["DEPTH", "Question", "System"]

#: Hits asked of every system, and k of every nearest-neighbour search.
DEPTH = 100


class Question:
    """A query of the set; vector, languages and statistics are made when first asked for."""

    def __init__(self, preparer: Preparer, query: str, text: str) -> None:
        self.preparer = preparer
        self.id = query
        self.text = text

    @cached_property
    def vector(self) -> NDArray[np.float32] | None:
        """Unit vector of shape (dimension,), or None."""
        return self.preparer.vector(self.text)

    @cached_property
    def posterior(self) -> LanguagePosterior:
        """Languages as detected: no system is told the language of a query."""
        return self.preparer.posterior(self.text)

    @cached_property
    def statistics(self) -> dict[str, FieldStatistics]:
        """Term statistics of the likely languages and the neutral field."""
        return self.preparer.statistics(self.text, self.posterior)

    def plan(self, parameters: Parameters, k: int) -> QueryPlan:
        """Return the plan under these parameters."""
        return make_plan(
            self.text,
            self.posterior,
            self.vector,
            self.statistics,
            fold(self.text),
            self.preparer.schema,
            parameters,
            k,
        )


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
