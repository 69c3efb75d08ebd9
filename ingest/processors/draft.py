"""One document on its way through the processors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opensearch_clir.entities import entity_keys
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.ingest.processors.language import given_tags, tagged_posterior
from opensearch_clir.ingest.processors.tags import alone, digest, group_of, is_ours, language_tags
from opensearch_clir.ingest.processors.text import (
    FieldTexts,
    UnusableDocument,
    check_values,
    extract,
    text_object,
)
from opensearch_clir.language.base import LanguagePosterior

__all__ = ["Draft"]


class Draft:
    """What the processors know about one document.

    Attributes:
        document: the user's, never changed.
        texts: of its source fields.
        tags: language tags that it came with.
        posterior: of its languages; None until detected.
        pieces: of the lexicon, by ``body`` and ``head``; empty without one.
        vector: of the active generation; empty where the model knows nothing in the text.
    """

    def __init__(self, document: Mapping[str, Any], schema: IndexSchema) -> None:
        """Read a document.

        Raises:
            UnusableDocument: it can't be enriched.
        """
        space = schema.namespace
        dotted = any(isinstance(key, str) and key.startswith(f"{space}.") for key in document)
        if dotted or (document.get(space) is not None and not is_ours(document[space])):
            raise UnusableDocument(f"field '{space}' is not ours; it would be overwritten")
        self.document = {key: value for key, value in document.items() if key != space}
        check_values(self.document)
        self.texts: FieldTexts = extract(self.document, schema.fields)
        self.tags = given_tags(self.document, schema)
        self.group = group_of(self.document, schema)
        self.posterior: LanguagePosterior | None = (
            tagged_posterior(self.tags, schema.languages) if self.tags else None
        )
        self.vector: list[float] = []
        self.pieces: dict[str, list[str]] = {}

    def enriched(self, schema: IndexSchema) -> dict[str, Any]:
        """Return the document with our object; `posterior` must be known."""
        if self.posterior is None:
            raise AssertionError("the language was not detected")
        content = digest(self.texts, self.tags, schema)
        ours: dict[str, Any] = {
            **language_tags(self.posterior, schema.lang_threshold),
            "text": text_object(self.texts, self.posterior.above(schema.lang_threshold)),
            "hash": content,
            "group": alone(content) if self.group is None else self.group,
        }
        keys = entity_keys(self.texts.joined) if schema.entities else ()
        if keys:
            ours["entities"] = list(keys)
        if schema.lexicon is not None and self.pieces:
            ours["pieces"] = {schema.lexicon: self.pieces}
        if self.vector:
            ours["v"] = {schema.active: self.vector}
        return {**self.document, schema.namespace: ours}
