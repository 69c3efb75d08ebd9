"""Words across languages: pieces of a text, and the pieces elsewhere that mean the same."""

from opensearch_clir.translation.lexicon import Lexicon, embedded_lexicon

__all__ = ["Lexicon", "embedded_lexicon"]
