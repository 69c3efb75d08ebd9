"""Names of the fields this package adds to a document, all under one object."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Fields"]


@dataclass(frozen=True)
class Fields:
    """Full paths of our fields.

    Attributes:
        namespace: name of the object that holds them; one word without dots.
    """

    namespace: str = "clir"

    @property
    def lang(self) -> str:
        """Primary language, or ``und``."""
        return f"{self.namespace}.lang"

    @property
    def lang_confidence(self) -> str:
        """Probability of the primary language."""
        return f"{self.namespace}.lang_confidence"

    @property
    def langs(self) -> str:
        """All languages above the threshold."""
        return f"{self.namespace}.langs"

    @property
    def lang_mix(self) -> str:
        """The posterior as keywords like ``fr=0.83``."""
        return f"{self.namespace}.lang_mix"

    @property
    def any_text(self) -> str:
        """Folded, language-neutral text: what survives across languages."""
        return f"{self.namespace}.text.any"

    @property
    def entities(self) -> str:
        """Keys of the entities, as `opensearch_clir.entities` makes them."""
        return f"{self.namespace}.entities"

    def pieces(self, lexicon: str, *, head: bool = False) -> str:
        """Pieces of a vocabulary found in the whole text, or in the heading fields."""
        return f"{self.namespace}.pieces.{lexicon}.{'head' if head else 'body'}"

    @property
    def group(self) -> str:
        """Translation group."""
        return f"{self.namespace}.group"

    @property
    def hash(self) -> str:
        """Digest of the source text and tag that the enrichment was made from."""
        return f"{self.namespace}.hash"

    def text(self, code: str) -> str:
        """Text analysed as the language `code`."""
        return f"{self.namespace}.text.{code}"

    def vector(self, generation: str) -> str:
        """Vector of one generation."""
        return f"{self.namespace}.v.{generation}"
