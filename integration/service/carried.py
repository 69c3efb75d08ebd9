"""Queries as ML Commons carries them without harm.

It reads an answer's numbers as doubles: ``410`` would come back as ``410.0``, which a keyword field
doesn't hold, and ``1767225600000`` as ``1.7672256E12``, which is no date. Whole numbers as text are
read everywhere as they should be. There is no answer for "leave it": with ``null`` the request
finds everything. All seen on 2.19.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["carried"]

#: Keys under which a script may stand, with its parameters.
_SCRIPTED = ("script", "params")

#: Left as they are: text under ``flags`` would be names of flags.
_KEPT = (*_SCRIPTED, "flags")


def carried(query: Any) -> Any:
    """Return a query with whole numbers as text.

    Returns:
        None where that can't be done: a script's parameters may need their numbers.
    """
    try:
        return _as_text(query)
    except _Uncarriable:
        return None


class _Uncarriable(Exception):  # noqa: N818  a verdict on a query
    """A script has a whole number."""


def _as_text(value: Any) -> Any:
    if isinstance(value, Mapping):
        for key in value:
            if key in _SCRIPTED and _has_whole(value[key]):
                raise _Uncarriable
        return {k: v if k in _KEPT else _as_text(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return str(value) if _is_whole(value) else value


def _has_whole(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_whole, value.values()))
    return any(map(_has_whole, value)) if isinstance(value, list) else _is_whole(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
