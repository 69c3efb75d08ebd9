"""Documents on their way into managed indices; called in worker threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from opensearch_clir.gateway.documents import spliced
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.ingest.pipeline import Enricher
from opensearch_clir.ingest.processors.tags import STALE
from opensearch_clir.ingest.processors.text import has_any
from opensearch_clir.ingest.processors.updates import replacing
from opensearch_clir.ingest.records import Record
from opensearch_clir.ingest.rejected import Rejected

__all__ = [
    "Need", "correction", "enriched_objects", "merged", "need_of", "rewritten_update",
    "stale_document", "with_object",
]  # fmt: skip

#: What an update needs before it can be enriched: nothing, the stored document, or the stored
#: document after it was changed (by a script, which only the server runs).
Need = Literal["nothing", "merge", "script"]

_MARKED = {"hash": STALE}


def enriched_objects(
    documents: Sequence[Mapping[str, Any]], enricher: Enricher
) -> list[Mapping[str, Any] | None]:
    """Return our object for each document; None where it has no text to enrich.

    One that the encoder fails on alone gets the mark that a backfill looks for.

    Raises:
        EncoderError: the encoder fails on everything.
    """
    space = enricher.schema.namespace
    records = (Record(document) for document in documents)
    objects: list[Mapping[str, Any] | None] = []
    for result in enricher.enrich_records(records):
        if isinstance(result, Rejected):
            objects.append(_MARKED if result.stage == "encode" else None)
        else:
            objects.append((result.source or {}).get(space))
    return objects


def with_object(
    line: bytes, document: Mapping[str, Any], ours: Mapping[str, Any] | None, schema: IndexSchema
) -> bytes:
    """Return a document's bytes with our object in it, or as they are where there is none."""
    return line if ours is None else spliced(line, document, schema.namespace, ours)


def stale_document(line: bytes, document: Mapping[str, Any], schema: IndexSchema) -> bytes:
    """Return a document's bytes, marked so that a backfill finds it."""
    names = [field.name for field in schema.fields]
    if schema.namespace in document or not has_any(document, names):
        return line
    return spliced(line, document, schema.namespace, _MARKED)


def need_of(body: Mapping[str, Any], schema: IndexSchema) -> Need:
    """Return what an update needs before it can be enriched.

    A ``doc`` with every source field could be enriched alone; but only beside the stored document
    can be seen that it changes nothing, which the server answers with ``noop``.
    """
    if "script" in body:
        return "script"
    doc = body.get("doc")
    names = [field.name for field in schema.fields]
    names += [name for name in (schema.lang_field, schema.group_field) if name]
    return "merge" if isinstance(doc, Mapping) and has_any(doc, names) else "nothing"


def rewritten_update(
    body: Mapping[str, Any], current: Mapping[str, Any] | None, enricher: Enricher
) -> Mapping[str, Any]:
    """Return an update with the parts of it enriched that can be.

    Args:
        body: of the update.
        current: the stored document; None where there is none, or it is not needed.
        enricher: of the index.

    Returns:
        The same object where there is nothing to enrich, or nothing changes.
    """
    space = enricher.schema.namespace
    doc, upsert = body.get("doc"), body.get("upsert")
    if current is None and isinstance(upsert, Mapping):
        (ours,) = enriched_objects([upsert], enricher)
        return body if ours is None else {**body, "upsert": {**upsert, space: ours}}
    if not isinstance(doc, Mapping) or need_of(body, enricher.schema) != "merge":
        return body
    if current is None:
        # Without a document, ``doc`` becomes one, or nothing does.
        (ours,) = enriched_objects([doc], enricher)
        return body if ours is None else {**body, "doc": {**doc, space: ours}}
    whole = merged(current, doc)
    detects = body.get("detect_noop", True) not in (False, "false")
    part = _object_for(whole, enricher)
    if part is None and detects and _without(whole, space) == _without(current, space):
        return body
    return body if part is None else {**body, "doc": {**doc, **part}}


def correction(document: Mapping[str, Any], enricher: Enricher) -> Mapping[str, Any] | None:
    """Return the update that brings a stored document's enrichment up to date; None: it is."""
    part = _object_for(document, enricher)
    return None if part is None else {"doc": part}


def _object_for(document: Mapping[str, Any], enricher: Enricher) -> dict[str, Any] | None:
    """Return our object as a part of an update; None where the stored one is up to date."""
    schema = enricher.schema
    stored = document.get(schema.namespace)
    (ours,) = enriched_objects([document], enricher)
    if ours is None:  # there is no text any more
        return {schema.namespace: None} if stored else None
    if isinstance(stored, Mapping) and stored.get("hash") == ours["hash"]:
        return None
    if ours is _MARKED:
        return {schema.namespace: ours}
    return replacing({schema.namespace: ours}, schema)


def merged(current: Mapping[str, Any], doc: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document after an update: objects are merged key by key, all else is replaced."""
    result = dict(current)
    for key, value in doc.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = merged(old, value)
        else:
            result[key] = value
    return result


def _without(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != key}
