"""What makes a set-up impossible, found before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from opensearch_clir.errors import IndexStateError, NamespaceTakenError
from opensearch_clir.index_templates.render import load

__all__ = ["check_field_limit", "check_namespace", "count_fields", "is_ours"]

#: A server's ``index.mapping.total_fields.limit`` unless set.
DEFAULT_FIELD_LIMIT = 1000


def check_namespace(
    index: str, namespace: str, mappings: Mapping[str, Any], *, managed: bool
) -> None:
    """Refuse an index in which the name of our object means something else.

    Args:
        index: for the message.
        namespace: name of our object.
        mappings: of the index, or of the template for a new one.
        managed: whether ``_meta`` says that the object is ours.

    Raises:
        NamespaceTakenError: a field, alias or dynamic template of the user's has the name.
    """
    remedy = f"choose another name with `clir setup {index} --namespace NAME`"
    properties = mappings.get("properties", {})
    taken = next((name for name in properties if name.split(".")[0] == namespace), None)
    if taken is not None and not managed and not is_ours(properties[taken]):
        kind = properties[taken].get("type", "object")
        raise NamespaceTakenError(
            f"index {index!r} has a field {taken!r} of its own (type {kind}): {remedy}"
        )
    for name in _templates_for(namespace, mappings.get("dynamic_templates", [])):
        raise NamespaceTakenError(
            f"index {index!r} has a dynamic template {name!r} for fields called "
            f"{namespace!r}: {remedy}"
        )


def is_ours(field: Mapping[str, Any]) -> bool:
    """Whether a mapped object could only be left by a set-up of ours, after an uninstall."""
    known = load("mappings")["${namespace}"]["properties"]
    children = field.get("properties", {})
    if str(field.get("dynamic")) != "strict" or not children.keys() <= known.keys():
        return False
    texts = children.get("text", {}).get("properties", {})
    vectors = children.get("v", {}).get("properties", {})
    return (
        "hash" in children
        and all(_type(child) == _type(known[name]) for name, child in children.items())
        and all(_type(text) == "text" for text in texts.values())
        and all(_type(vector) == "knn_vector" for vector in vectors.values())
    )


def check_field_limit(
    index: str,
    mappings: Mapping[str, Any],
    added: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> None:
    """Refuse to go beyond the index's limit of fields.

    Raises:
        IndexStateError: with both remedies.
    """
    limit = int(settings.get("index.mapping.total_fields.limit", DEFAULT_FIELD_LIMIT))
    there = count_fields(mappings.get("properties", {}))
    new = count_fields(added) - _shared(added, mappings.get("properties", {}))
    if there + new > limit:
        raise IndexStateError(
            f"index {index!r} has {there} fields and would get {new} more, but its limit is "
            f"{limit}: name fewer languages (`--languages en,fr`), or raise "
            "index.mapping.total_fields.limit"
        )


def count_fields(properties: Mapping[str, Any]) -> int:
    """Return how many fields count towards the limit: objects, leaves and their sub-fields."""
    return sum(
        1 + count_fields(field.get("properties", {})) + count_fields(field.get("fields", {}))
        for field in properties.values()
    )


def _shared(added: Mapping[str, Any], there: Mapping[str, Any]) -> int:
    """Objects that are repeated in `added` only to reach what is new in them."""
    return sum(
        1 + _shared(field.get("properties", {}), there[name].get("properties", {}))
        for name, field in added.items()
        if name in there
    )


def _templates_for(namespace: str, templates: Any) -> Iterator[str]:
    """Yield the dynamic templates that name our object, not those that match everything."""
    for entry in templates:
        for name, rule in entry.items():
            patterns = [rule.get("match"), rule.get("path_match")]
            for pattern in (p for p in patterns if isinstance(p, str)):
                means_us = fnmatchcase(namespace, pattern) or fnmatchcase(
                    f"{namespace}.lang", pattern
                )
                if means_us and pattern.split(".")[0].rstrip("*") == namespace:
                    yield name


def _type(field: Mapping[str, Any]) -> str:
    return str(field.get("type", "object"))
