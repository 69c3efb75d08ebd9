"""The pieces of a batch of documents, by which translated words are found."""

from __future__ import annotations

from collections.abc import Sequence

from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.ingest.processors.draft import Draft
from opensearch_clir.translation.lexicon import embedded_lexicon

__all__ = ["add_pieces"]


def add_pieces(drafts: Sequence[Draft], schema: IndexSchema) -> None:
    """Fill in `Draft.pieces`, if the index has those of the vocabulary at hand.

    Pieces of another version's vocabulary can't be made here; queries then do without them, too.

    Raises:
        EncoderError: the embedded model's tokenizer is damaged.
    """
    if schema.lexicon is None or not drafts:
        return
    lexicon = embedded_lexicon()
    if lexicon.id != schema.lexicon:
        return
    bodies = lexicon.pieces([draft.texts.embedded for draft in drafts])
    heads = lexicon.pieces([draft.texts.head(schema.head_fields) for draft in drafts])
    for draft, body, head in zip(drafts, bodies, heads, strict=True):
        draft.pieces = {part: found for part, found in (("body", body), ("head", head)) if found}
