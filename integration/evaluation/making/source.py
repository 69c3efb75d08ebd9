"""Documents of a managed index as documents of a set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.cluster import guarded
from opensearch_clir.evaluation.sets import Document
from opensearch_clir.index_templates.schema import IndexSchema

__all__ = ["from_hit", "index_languages"]

_MOST_LANGUAGES = 500


def from_hit(hit: Mapping[str, Any], schema: IndexSchema, language: str) -> Document | None:
    """Return the document of a search hit, None if TREC files can't carry its id.

    Of several embedded fields, the one called ``title`` (of any object) is the title, else the one
    with the highest boost; the others make up the text.

    Args:
        hit: with the whole ``_source`` of the user's fields.
        language: code the document was found under.
    """
    identifier = str(hit["_id"])
    if not identifier or any(character.isspace() for character in identifier):
        return None
    source = hit.get("_source", {})
    values = {field.name: value_of(source, field.name) for field in schema.fields}
    title = _title_field(schema)
    text = "\n".join(value for name, value in values.items() if value and name != title)
    group = value_of(source, schema.group_field) if schema.group_field else ""
    return Document(
        id=identifier,
        lang=language,
        text=text or (values[title] if title else ""),
        title=values[title] if title and text else "",
        group=group or None,
        tag=language,
    )


def index_languages(client: OpenSearch, index: str, schema: IndexSchema) -> dict[str, int]:
    """Return the number of documents in each language, most first.

    Raises:
        ClusterError: the index can't be read.
    """
    terms = {"field": schema.names.lang, "size": _MOST_LANGUAGES}
    body = {"size": 0, "aggs": {"languages": {"terms": terms}}}
    with guarded(f"counting the languages of {index!r}"):
        answer = client.search(index=index, body=body)
    return {b["key"]: b["doc_count"] for b in answer["aggregations"]["languages"]["buckets"]}


def value_of(source: Any, path: str) -> str:
    """Return the text at a path with dots, whether nested or written with a dot in the key."""
    if isinstance(source, list):
        return " ".join(filter(None, (value_of(item, path) for item in source)))
    if not isinstance(source, Mapping):
        return ""
    if path in source:
        return _text(source[path])
    head, _, rest = path.partition(".")
    return value_of(source.get(head), rest) if rest else ""


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(filter(None, map(_text, value)))
    return "" if value is None or isinstance(value, Mapping) else str(value)


def _title_field(schema: IndexSchema) -> str | None:
    if len(schema.fields) < 2:
        return None
    named = [f.name for f in schema.fields if f.name.split(".")[-1] == "title"]
    return named[0] if named else max(schema.fields, key=lambda field: field.boost).name
