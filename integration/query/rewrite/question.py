"""The question that a query asks, rewritten or as it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opensearch_clir.query.rewrite.leaves import read_leaf

__all__ = ["free_text"]

#: Levels of a query that are looked into.
MAX_DEPTH = 40


def free_text(query: Any, fields: Sequence[str], depth: int = 0) -> str | None:
    """Return the first free text of a query in whose scoring it takes part; None: there is none.

    A rewritten query holds the clause that it was made of, so its text is found, too.

    Args:
        query: the value of ``query`` in a search body.
        fields: names of the source fields that are searched by meaning.
    """
    if depth > MAX_DEPTH:
        return None
    if isinstance(query, list):
        parts: list[Any] = query
    elif isinstance(query, Mapping):
        leaf = read_leaf(query, fields)
        if leaf is not None:
            return leaf.text
        # What is excluded is not asked for, and a script's parameters are no clauses.
        parts = [part for key, part in query.items() if key not in ("must_not", "script")]
    else:
        return None
    texts = (free_text(part, fields, depth + 1) for part in parts)
    return next((text for text in texts if text is not None), None)
