"""The text of a document as rerankers read it: of its source fields, in the set-up's order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.ingest.processors.text import UnusableDocument, extract

__all__ = ["text_of"]


def text_of(source: Mapping[str, Any], schema: IndexSchema) -> str:
    """Return the text of a document; empty where none of its source fields has any."""
    try:
        return extract(source, schema.fields).embedded
    except UnusableDocument:
        return ""
