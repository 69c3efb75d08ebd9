"""Bulk ``update``: what can be enriched when only a part of the document is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.ingest.processors.tags import STALE
from opensearch_clir.ingest.processors.text import has_any
from opensearch_clir.languages import UND

__all__ = ["enrichable_parts", "marked_stale", "replacing"]


def enrichable_parts(body: Mapping[str, Any], schema: IndexSchema) -> tuple[str, ...]:
    """Return which of ``doc`` and ``upsert`` in an update hold a whole text to enrich.

    A ``doc`` must hold every source field: with one missing, the rest of the text is on the
    server only. An ``upsert`` is a whole document, and enriched where it has any source field.
    """
    names = [field.name for field in schema.fields]
    parts = []
    doc, upsert = body.get("doc"), body.get("upsert")
    if isinstance(doc, Mapping) and all(has_any(doc, [name]) for name in names):
        parts.append("doc")
    if isinstance(upsert, Mapping) and has_any(upsert, names):
        parts.append("upsert")
    return tuple(parts)


def marked_stale(body: Mapping[str, Any], schema: IndexSchema) -> Mapping[str, Any]:
    """Return the update, marked if its ``doc`` changes some of what we enrich from.

    Source fields, the language tag and the group count. The mark is the value ``stale`` of our
    ``hash``; such documents are found by it and can be indexed again.
    """
    doc = body.get("doc")
    names = [field.name for field in schema.fields]
    names += [name for name in (schema.lang_field, schema.group_field) if name]
    if not isinstance(doc, Mapping) or not has_any(doc, names):
        return body
    return {**body, "doc": {**doc, schema.namespace: {"hash": STALE}}}


def replacing(enriched: dict[str, Any], schema: IndexSchema) -> dict[str, Any]:
    """Return an enriched ``doc`` that leaves nothing of the old enrichment behind.

    The server merges ``doc`` into the stored document key by key, so that the words under the
    old language, the old entities, or the vector of a generation not written now, would stay:
    they are set to null.
    """
    ours = enriched[schema.namespace]
    text = dict.fromkeys((*schema.languages, UND)) | ours["text"]
    vectors = dict.fromkeys(schema.generations) | ours.get("v", {})
    absent: dict[str, Any] = {}
    if schema.entities:
        absent["entities"] = None
    if schema.lexicon is not None:
        absent["pieces"] = None
    replaced = {**absent, **ours, "text": text, "v": vectors}
    if "pieces" in ours:
        parts = {"body": None, "head": None}
        replaced["pieces"] = {key: parts | value for key, value in ours["pieces"].items()}
    return {**enriched, schema.namespace: replaced}
