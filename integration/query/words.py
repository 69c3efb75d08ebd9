"""The words of one query as each kind of evidence looks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opensearch_clir.entities import Entity
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.language.folding import fold
from opensearch_clir.translation.lexicon import QueryPiece

__all__ = ["QueryWords"]


@dataclass(frozen=True)
class QueryWords:
    """What a query says.

    Attributes:
        text: as given, cut to a length that is searched for words.
        neutral: folded, for the language-neutral field.
        by_language: text for the analyzer of a language, where it is not all of `text`.
        pieces: of the lexicon, with their translations, those in the index or not.
        entities: with their keys.
    """

    text: str
    neutral: str
    by_language: Mapping[str, str] = field(default_factory=dict)
    pieces: tuple[QueryPiece, ...] = ()
    entities: tuple[Entity, ...] = ()

    @classmethod
    def plain(cls, text: str) -> QueryWords:
        """Return the words of a text whose tokens are all of one language."""
        return cls(text, fold(text))

    def text_for(self, code: str) -> str:
        """Return the tokens that the analyzer of a language should see."""
        return self.by_language.get(code, self.text)

    def lookups(
        self, languages: Sequence[str], schema: IndexSchema
    ) -> dict[str, str | Sequence[str]]:
        """Return by field path what the server should tell the statistics of."""
        names = schema.names
        wanted: dict[str, str | Sequence[str]] = {
            names.text(code): self.text_for(code) for code in languages
        }
        wanted[names.any_text] = self.neutral
        if schema.lexicon is not None:
            terms = (term for piece in self.pieces for term, _ in piece.translations)
            wanted[names.pieces(schema.lexicon)] = list(dict.fromkeys(terms))
        if schema.entities:
            keys = (key for entity in self.entities for key in entity.keys)
            wanted[names.entities] = list(dict.fromkeys(keys))
        return {path: words for path, words in wanted.items() if words}
