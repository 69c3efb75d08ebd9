"""The small fields of our object: languages, translation group, digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from opensearch_clir.entities import ENTITY_RULES
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.ingest.processors.text import FieldTexts, UnusableDocument
from opensearch_clir.language.base import LanguagePosterior

__all__ = ["STALE", "alone", "digest", "group_of", "is_alone", "is_ours", "language_tags"]

#: Value of ``hash`` where the text may have changed since the enrichment: backfill looks for it.
STALE = "stale"

#: Probability below which a language is left out of ``lang_mix``.
MIX_FLOOR = 0.05

#: Beginning of the group of a document that names none.
_ALONE = "alone:"

#: Every key that our object can have; anything else in it is a user's.
_KEYS = frozenset(
    {"lang", "lang_confidence", "langs", "lang_mix", "text", "entities", "pieces", "v"}
    | {"passages", "group", "hash"}
)


def language_tags(posterior: LanguagePosterior, threshold: float) -> dict[str, Any]:
    """Return ``lang``, ``lang_confidence``, ``langs`` and ``lang_mix``."""
    ranked = sorted(posterior.probabilities.items(), key=lambda item: (-item[1], item[0]))
    return {
        "lang": posterior.primary,
        "lang_confidence": round(posterior.confidence, 4),
        "langs": list(posterior.above(threshold)),
        "lang_mix": [f"{code}={p:.2f}" for code, p in ranked if p >= MIX_FLOOR],
    }


def digest(texts: FieldTexts, tags: Sequence[str], schema: IndexSchema) -> str:
    """Return 16 hex digits that change with all that the enrichment is made from.

    That is the text, the user's tag, the generation, the lexicon, and the rules that choose
    entities.
    """
    content = [[field.name, text] for field, text in texts.fields]
    made_by = [schema.active, schema.lexicon, ENTITY_RULES if schema.entities else None]
    value = json.dumps([content, list(tags), *made_by], ensure_ascii=False)
    return hashlib.sha256(value.encode("utf-8")).hexdigest()[:16]


def group_of(document: Mapping[str, Any], schema: IndexSchema) -> str | None:
    """Return the translation group that the document carries, if any.

    Raises:
        UnusableDocument: the group is neither text nor a number.
    """
    name = schema.group_field
    if name is None:
        return None
    value: Any = document
    if name in document:
        value = document[name]
    else:
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if value is None or value == "":
        return None
    if not isinstance(value, (str, int)):
        raise UnusableDocument(f"field '{name}' is a {type(value).__name__}, expected a group name")
    return str(value)


def alone(content: str) -> str:
    """Return the group of a document that names none, by its digest.

    Collapsing on the group would make one hit of all documents without one; so each has its own,
    and only copies of one text share it.
    """
    return f"{_ALONE}{content}"


def is_alone(group: str) -> bool:
    """Whether a group is one that `alone` returned."""
    return group.startswith(_ALONE)


def is_ours(value: Any) -> bool:
    """Whether an object under our namespace was written by this package."""
    return isinstance(value, Mapping) and all(key in _KEYS for key in value)
