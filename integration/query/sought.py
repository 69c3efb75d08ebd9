"""Entities and pieces of a query as the terms of the index by which documents are found."""

from __future__ import annotations

from collections.abc import Sequence

from opensearch_clir.entities import Entity, total, weighted
from opensearch_clir.query.evidence import SoughtTerm
from opensearch_clir.query.statistics import FieldStatistics
from opensearch_clir.translation.lexicon import QueryPiece

__all__ = ["entity_terms", "translated_terms"]

#: Translations by which one piece is looked for, at most: the nearest that the index has.
MAX_TERMS = 32

#: Clauses that the pieces may have in one field, so that words still fit within the server's limit;
#: the pieces that weigh least are left out.
MAX_TIERS = 360

#: Similarities are rounded to multiples of this, so that terms share a clause.
STEP = 0.05


def entity_terms(entities: Sequence[Entity], field: FieldStatistics) -> tuple[SoughtTerm, ...]:
    """Return the entities that some document has; each counts by its heaviest key."""
    frequencies = {term.token: term.documents for term in field.terms}
    parts = weighted(entities, frequencies, field.documents)
    share = 1 / total(parts)
    return tuple(
        SoughtTerm(part.entity.text, share, tuple((weight, (key,)) for key, weight in part.keys))
        for part in parts
        if part.keys
    )


def translated_terms(
    pieces: Sequence[QueryPiece], field: FieldStatistics
) -> tuple[SoughtTerm, ...]:
    """Return the pieces that the index has, themselves or in translation."""
    known = {term.token for term in field.terms if term.documents}
    found: list[SoughtTerm] = []
    clauses = 0
    for piece in pieces:
        tiers: dict[int, list[str]] = {}
        present = [(term, cosine) for term, cosine in piece.translations if term in known]
        for term, cosine in present[:MAX_TERMS]:
            tiers.setdefault(round(cosine / STEP), []).append(term)
        clauses += len(tiers)
        if clauses > MAX_TIERS:
            break
        if tiers:
            ordered = tuple((n * STEP, tuple(tiers[n])) for n in sorted(tiers, reverse=True))
            found.append(SoughtTerm(piece.piece.strip("\u2581"), piece.share, ordered))
    return tuple(found)
