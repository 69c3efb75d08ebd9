"""Term statistics as the server scores with them: df and field size over all shards.

BM25's score of one query token is ``c * idf * tf`` with ``tf < 1`` (Robertson and Zaragoza 2009),
so ``U = c * sum(qtf * idf)`` over the query's tokens bounds the score of any document. Dividing by
U makes scores of different languages comparable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["FieldStatistics", "TermStatistics", "idf"]


#: Rare tokens found in a foreign document that count as a full match.
SURVIVORS = 3


@dataclass(frozen=True)
class TermStatistics:
    """One token of the query after analysis.

    Attributes:
        token: as indexed.
        frequency: occurrences in the query, >= 1.
        documents: documents that contain it, >= 0; deleted ones count, as in the server's score.
    """

    token: str
    frequency: int
    documents: int


@dataclass(frozen=True)
class FieldStatistics:
    """The query's tokens in one field of the index.

    Attributes:
        documents: documents that have the field.
        terms: one entry per distinct token.
    """

    documents: int
    terms: tuple[TermStatistics, ...] = ()

    def weight(self, term: TermStatistics) -> float:
        """``qtf * idf`` of one token, >= 0."""
        return term.frequency * idf(self.documents, term.documents)

    def bound(self, constant: float, terms: Sequence[TermStatistics] | None = None) -> float:
        """Return U for these terms (default all): no document scores as much. 0 without tokens."""
        chosen = self.terms if terms is None else terms
        return constant * math.fsum(self.weight(t) for t in chosen)

    def survivor_bound(
        self, constant: float, terms: Sequence[TermStatistics] | None = None
    ) -> float:
        """Return what a survivor's score is divided by: at most `SURVIVORS` rare tokens' worth.

        Of a whole question only a name or two survive into other languages; measured against all
        its words they would count for less the longer the question is. From four times as many
        words on the bound grows with U again, so that the quotient stays below 4.
        """
        bound = self.bound(constant, terms)
        few = SURVIVORS * constant * idf(self.documents, 0)
        return max(min(bound, few), bound / 4)

    def rarest(self, limit: int) -> tuple[TermStatistics, ...]:
        """The at most `limit` tokens that tell most, for queries longer than a server accepts."""
        return tuple(sorted(self.terms, key=lambda t: (-self.weight(t), t.token))[:limit])


def idf(documents: int, with_term: int) -> float:
    """Lucene's BM25 idf, ``ln(1 + (N - n + 0.5) / (n + 0.5))``, > 0.

    Args:
        documents: N, documents with the field.
        with_term: n, documents with the term, 0 <= n <= N.
    """
    return math.log1p((documents - with_term + 0.5) / (with_term + 0.5))
