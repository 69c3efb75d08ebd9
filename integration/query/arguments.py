"""The arguments of a search, checked where Python's types are not: before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from opensearch_clir.errors import QueryError

__all__ = ["clauses", "language_hint", "probability", "routing_value", "truth", "whole_number"]


def whole_number(name: str, value: Any) -> int:
    """Return a whole number; NumPy's count, booleans don't.

    Raises:
        QueryError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise QueryError(f"{name} must be a whole number, got {value!r}")
    return int(value)


def truth(name: str, value: Any) -> bool:
    """Return True or False.

    Raises:
        QueryError: it is something else.
    """
    if not isinstance(value, bool):
        raise QueryError(f"{name} must be True or False, got {value!r}")
    return value


def probability(name: str, value: Any) -> float | None:
    """Return a probability in [0, 1], or None where none was given.

    Raises:
        QueryError: it is something else.
    """
    if value is None:
        return None
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or math.isnan(value) or not 0 <= value <= 1:
        raise QueryError(f"{name} is a probability in [0, 1], got {value!r}")
    return float(value)


def clauses(value: Any) -> list[dict[str, Any]]:
    """Return conditions as a list of query clauses; None means none.

    Raises:
        QueryError: neither a clause nor a list of clauses.
    """
    if value is None:
        return []
    listed = [value] if isinstance(value, Mapping) else value
    if not isinstance(listed, Sequence) or isinstance(listed, (str, bytes)):
        raise QueryError(f"filter must be a query clause or a list of them, got {value!r}")
    for clause in listed:
        if not isinstance(clause, Mapping):
            raise QueryError(f"filter must hold query clauses (mappings), got {clause!r}")
    return [dict(clause) for clause in listed]


def language_hint(value: Any) -> str | dict[str, float] | None:
    """Return the question's language, or languages with their probabilities; None: unknown.

    Raises:
        QueryError: neither a code nor a mapping of codes to numbers above 0.
    """
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, Mapping):
        raise QueryError(
            f"languages must be a code like 'fr' or a mapping to probabilities, got {value!r}"
        )
    for code, share in value.items():
        number = isinstance(share, Real) and not isinstance(share, bool)
        if not isinstance(code, str) or not number or not math.isfinite(share) or share < 0:
            raise QueryError(f"languages must map codes to probabilities, got {code!r}: {share!r}")
    return {code: float(share) for code, share in value.items()}


def routing_value(value: Any) -> str | None:
    """Return routing values separated by commas; None: all shards.

    Raises:
        QueryError: not a string, or an empty value.
    """
    if value is None:
        return None
    if not isinstance(value, str) or not all(part.strip() for part in value.split(",")):
        raise QueryError(f"routing must be values separated by commas, got {value!r}")
    return value
