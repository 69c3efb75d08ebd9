"""The JSON files of this folder, filled in: pure functions from a schema to request bodies."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from opensearch_clir.index_templates.schema import META_KEY, Generation, IndexSchema

__all__ = [
    "NEUTRAL_TEXT_ANALYZER",
    "component_name",
    "component_template",
    "fill",
    "properties",
    "settings",
    "vector_field",
]

#: Analyzer of ``text.any``: standard tokens, lower case, width folded, CJK as bigrams. Named and
#: built in, so that it can be added to an open index; accents are folded before a text is sent.
NEUTRAL_TEXT_ANALYZER = "cjk"

#: Version of the component template's layout.
TEMPLATE_VERSION = 2

#: First server that can drop vectors from the stored source and put them back when it is read.
_DERIVED_SOURCE_SINCE = (2, 19)

JSON = dict[str, Any]


def settings(*, indexed: bool, server: tuple[int, ...]) -> JSON:
    """Return the index settings for a server of this version; none without a k-NN graph."""
    chosen: JSON = load("settings") if indexed else {}
    if tuple(server[:2]) < _DERIVED_SOURCE_SINCE:
        chosen.pop("index.knn.derived_source.enabled", None)
    return chosen


def properties(schema: IndexSchema) -> JSON:
    """Return the mapping's ``properties`` that hold everything of ours: one strict object.

    Raises:
        KeyError: a language of the schema has no analyzer.
    """
    texts = {code: text_field(schema.analyzers[code]) for code in schema.analyzers}
    texts["any"] = text_field(NEUTRAL_TEXT_ANALYZER)
    vectors = {g.id: vector_field(g) for g in schema.generations.values()}
    values = {
        "namespace": schema.namespace,
        "text_fields": texts,
        "vector_fields": vectors,
        "piece_fields": {} if schema.lexicon is None else {schema.lexicon: load("pieces")},
    }
    filled: JSON = fill(load("mappings"), values)
    return filled


def text_field(analyzer: str) -> JSON:
    """Return the mapping of one analysed text; its similarity does not follow the index's."""
    filled: JSON = fill(load("text"), {"analyzer": analyzer})
    return filled


def vector_field(generation: Generation) -> JSON:
    """Return the mapping of one generation's vectors, with or without a graph."""
    name = "vector" if generation.indexed else "vector_exact"
    filled: JSON = fill(load(name), {"dimension": generation.dimension})
    return filled


def component_name(index: str) -> str:
    """Return the name of the component template of an index."""
    return f"{index}-clir"


def component_template(
    index: str, schema: IndexSchema, meta: Mapping[str, Any], server: tuple[int, ...]
) -> JSON:
    """Return the component template for ``composed_of`` in the user's own index templates.

    Settings and mappings are together, as a server checks each template by itself and refuses
    vectors with a graph without ``index.knn`` beside them.

    Args:
        index: the name that was set up.
        schema: its schema; indices made from the template have the same.
        meta: value of ``_meta.clir`` for such indices.
        server: its version, as ``(2, 19, 1)``.
    """
    return {
        "template": {
            "settings": settings(indexed=schema.generation.indexed, server=server),
            "mappings": {"_meta": {META_KEY: dict(meta)}, "properties": properties(schema)},
        },
        "version": TEMPLATE_VERSION,
        "_meta": {"managed_by": "opensearch-clir", "index": index},
    }


def load(name: str) -> Any:
    """Return a fresh copy of the JSON file `name` of this folder."""
    return copy.deepcopy(_load(name))


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """Replace each ``"${name}"`` in keys and values by ``values[name]``, of any JSON type.

    Raises:
        KeyError: a placeholder has no value.
    """
    if isinstance(template, dict):
        return {fill(key, values): fill(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(item, values) for item in template]
    if isinstance(template, str) and template.startswith("${") and template.endswith("}"):
        return values[template[2:-1]]
    return template


@functools.cache
def _load(name: str) -> Any:
    text = resources.files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    return json.loads(text)
