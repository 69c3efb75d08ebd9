"""Evidence that clauses of the query give: words, entities, translated pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from opensearch_clir.query.statistics import TermStatistics

__all__ = ["ClauseEvidence", "LexicalEvidence", "SoughtTerm", "TermSetEvidence"]


@dataclass(frozen=True)
class LexicalEvidence:
    """One clause of words, scored by BM25.

    Attributes:
        kind: ``own`` for a language's own field, ``any`` for the neutral one.
        field: full path of the analysed field.
        text: query text for its analyzer; ``None`` where `terms` stand instead.
        terms: the tokens that tell most, where the query has more than a server accepts.
        weight: log-odds of a full match, > 0; ``any`` can reach four times as much.
        bound: what its score is divided by, > 0.
        only: document languages it is for; empty for all but `besides`.
        besides: document languages it is not for.
    """

    kind: Literal["own", "any"]
    field: str
    text: str | None
    terms: tuple[TermStatistics, ...]
    weight: float
    bound: float
    only: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()

    @property
    def boost(self) -> float:
        """Factor that turns the server's BM25 into log-odds."""
        return self.weight / self.bound


@dataclass(frozen=True)
class SoughtTerm:
    """One thing of the query and the terms by which a document may have it.

    Attributes:
        label: how the query says it, for explanations.
        share: of the evidence's weight, in (0, 1].
        tiers: strength in (0, 1] and the indexed terms that have it, strongest first; a document
            counts by the strongest it has.
    """

    label: str
    share: float
    tiers: tuple[tuple[float, tuple[str, ...]], ...]


@dataclass(frozen=True)
class TermSetEvidence:
    """One clause of exact terms: the weighted share of what the query names that was found.

    Attributes:
        kind: ``entity``, ``translated`` (whole text) or ``head`` (heading fields).
        field: full path of the keyword field.
        sought: the parts; their shares sum to at most 1.
        weight: log-odds when everything is found at full strength, > 0.
    """

    kind: Literal["entity", "translated", "head"]
    field: str
    sought: tuple[SoughtTerm, ...]
    weight: float


ClauseEvidence = LexicalEvidence | TermSetEvidence
