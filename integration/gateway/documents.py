"""JSON as it passes: strict about what Python would read otherwise than the server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["NotUnderstood", "dumps", "loads", "loads_object", "spliced"]


class NotUnderstood(ValueError):  # noqa: N818  a verdict on a body
    """A body that is left to the server as it is."""


def loads(data: bytes) -> Any:
    """Read JSON.

    Raises:
        NotUnderstood: it is none, is not UTF-8, has a key twice, NaN, or is nested too deep.
    """
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise NotUnderstood(str(error)) from error


def loads_object(data: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises `NotUnderstood`."""
    value = loads(data)
    if not isinstance(value, dict):
        raise NotUnderstood("not an object")
    return value


def dumps(value: Any) -> bytes:
    """Write JSON on one line. Raises `NotUnderstood` for what UTF-8 does not have."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise NotUnderstood(str(error)) from error


def spliced(original: bytes, document: Mapping[str, Any], key: str, value: Any) -> bytes:
    """Return a document with one more key, all else byte for byte as the writer sent it.

    Args:
        original: the document.
        document: the same, read.
        key: to add; where the document has it, it is replaced.
        value: for it.
    """
    if key in document:
        return dumps({**document, key: value})
    body = original.rstrip()
    if not body.endswith(b"}"):
        raise NotUnderstood("not an object")
    comma = b"," if document else b""
    return body[:-1] + comma + dumps(key) + b":" + dumps(value) + b"}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
