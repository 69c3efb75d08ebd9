"""The text of a document: taken from the user's fields, and laid out in ours."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from opensearchpy.serializer import JSONSerializer

from opensearch_clir.index_templates.schema import SourceField
from opensearch_clir.language.folding import fold
from opensearch_clir.languages import UND

__all__ = [
    "FieldTexts",
    "UnusableDocument",
    "check_values",
    "extract",
    "has_any",
    "has_text",
    "text_object",
]

_SERIALIZER = JSONSerializer()

#: Levels of objects and arrays in a document; the server takes 20 levels of objects.
MAX_DEPTH = 100

#: Characters that are embedded. Encoders cap their tokens, but would tokenise megabytes first.
EMBEDDED_CHARACTERS = 32_768


class UnusableDocument(Exception):  # noqa: N818  a verdict on data, always turned into a Rejected
    """The document can't be enriched; the text of the exception is the reason."""


@dataclass(frozen=True)
class FieldTexts:
    """The text of one document by field, in the schema's order, empty fields left out.

    Attributes:
        fields: ``(field, text)``; arrays are joined by newlines.
    """

    fields: tuple[tuple[SourceField, str], ...]

    @property
    def joined(self) -> str:
        """All text once."""
        return "\n".join(text for _, text in self.fields)

    @property
    def embedded(self) -> str:
        """The text to embed: all text once, cut at `EMBEDDED_CHARACTERS`."""
        return "\n".join(text[:EMBEDDED_CHARACTERS] for _, text in self.fields)[
            :EMBEDDED_CHARACTERS
        ]

    def head(self, names: Collection[str]) -> str:
        """The text of some fields, once, cut at `EMBEDDED_CHARACTERS`."""
        parts = (text[:EMBEDDED_CHARACTERS] for field, text in self.fields if field.name in names)
        return "\n".join(parts)[:EMBEDDED_CHARACTERS]

    @property
    def boosted(self) -> list[str]:
        """Each field's text as often as its boost says (BM25F with whole weights)."""
        return [text for field, text in self.fields for _ in range(field.boost)]


def extract(document: Mapping[str, Any], fields: Sequence[SourceField]) -> FieldTexts:
    """Return the text of the configured fields.

    Strings, numbers and booleans count as the server's ``text`` type reads them, arrays of them
    too; dots reach into objects and into arrays of objects. Nothing, null and blank are missing.

    Raises:
        UnusableDocument: a field is an object, or all are missing.
    """
    found = [(field, "\n".join(_texts(document, field.name))) for field in fields]
    kept = tuple((field, text) for field, text in found if text.strip())
    if not kept:
        raise UnusableDocument(f"no text in {', '.join(field.name for field in fields)}")
    return FieldTexts(kept)


def has_any(document: Mapping[str, Any], names: Sequence[str]) -> bool:
    """Whether any of the fields stands in the document, with whatever value."""
    return any(True for name in names for _ in _values(document, name))


def has_text(document: Mapping[str, Any], names: Sequence[str]) -> bool:
    """Whether any of the fields holds something that is neither null nor blank."""
    values = (value for name in names for value in _values(document, name))
    return any(v.strip() if isinstance(v, str) else v is not None for v in values)


def _texts(document: Mapping[str, Any], name: str) -> Iterator[str]:
    for value in _values(document, name):
        if isinstance(value, str):
            yield value
        elif isinstance(value, bool):
            yield "true" if value else "false"
        elif isinstance(value, (int, float, Decimal, np.generic)):
            yield str(value)
        elif isinstance(value, Mapping):
            raise UnusableDocument(f"field '{name}' is an object, expected text")
        elif value is not None:
            raise UnusableDocument(f"field '{name}' is a {type(value).__name__}, expected text")


def _values(value: Any, path: str) -> Iterator[Any]:
    """Yield the leaves under a dotted path, through arrays on the way as the server does."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _values(item, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping):
        # A key may hold the dots itself: {"meta.title": …} and {"meta": {"title": …}} are one.
        parts = path.split(".")
        for end in range(1, len(parts) + 1):
            key = ".".join(parts[:end])
            if key in value:
                yield from _values(value[key], ".".join(parts[end:]))


def text_object(texts: FieldTexts, languages: Sequence[str]) -> dict[str, list[str]]:
    """Return the object ``text``: the document's words under each of its languages and ``any``.

    Args:
        texts: of the document.
        languages: above the threshold; none means ``und``.
    """
    boosted = texts.boosted
    by_language = dict.fromkeys(languages or (UND,), boosted)
    return {**by_language, "any": [fold(text) for text in boosted]}


def check_values(document: Mapping[str, Any]) -> None:
    """Make sure that the server will be able to parse the document.

    Raises:
        UnusableDocument: NaN or infinity, a value that opensearch-py can't write as JSON, text
            that is not valid Unicode (a lone surrogate), or more than `MAX_DEPTH` levels.
    """
    waiting: list[tuple[str, Any, int]] = [("", document, 0)]
    while waiting:
        path, value, depth = waiting.pop()
        if isinstance(value, str):
            _check_text(path, value)
        elif isinstance(value, (dict, list, tuple)) or value is document:
            if depth >= MAX_DEPTH:
                raise UnusableDocument(f"nested more than {MAX_DEPTH} levels deep")
            if isinstance(value, Mapping):
                for key, item in value.items():
                    if not isinstance(key, (str, int, float, bool, type(None))):
                        raise UnusableDocument(f"a field name is a {type(key).__name__}")
                    _check_text("a field name", str(key))
                    waiting.append((f"{path}.{key}" if path else str(key), item, depth + 1))
            else:
                waiting.extend((path, item, depth + 1) for item in value)
        elif isinstance(value, (float, np.floating, Decimal)) and not math.isfinite(value):
            raise UnusableDocument(f"field '{path}' is {value}, which JSON does not have")
        elif value is not None and not isinstance(value, (bool, int, float)):
            # An array of NumPy holds numbers to be checked, too.
            waiting.append((path, _as_json(path, value), depth + 1))


def _as_json(path: str, value: Any) -> Any:
    """Return what the client's serializer writes for a value that JSON has no type for."""
    try:
        return _SERIALIZER.default(value)
    except (TypeError, ValueError):
        reason = f"field '{path}' is a {type(value).__name__}, which JSON does not have"
        raise UnusableDocument(reason) from None


def _check_text(path: str, text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnusableDocument(
            f"field '{path}' is not valid Unicode (lone surrogate at character {error.start})"
        ) from error
