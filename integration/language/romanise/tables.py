"""Tables of letters, written as two lines of text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["folded", "letters", "longest_first", "pieces"]


def letters(native: str, spellings: str) -> dict[str, str]:
    """Return each character of `native` with the spelling at its place (``-`` is none)."""
    spelled = ["" if part == "-" else part for part in spellings.split()]
    return dict(zip(native, spelled, strict=True))


def pieces(pairs: str) -> dict[str, str]:
    """Return ``spelling=letters`` pairs as a mapping."""
    return dict(pair.split("=", 1) for pair in pairs.split())


def longest_first(found: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of alternatives in which a longer one wins."""
    return re.compile("|".join(sorted(found, key=lambda piece: -len(piece))))


def folded(spelled: str, folds: Sequence[tuple[re.Pattern[str], str]]) -> str:
    """Return a spelling after each replacement, in their order."""
    for pattern, replacement in folds:
        spelled = pattern.sub(replacement, spelled)
    return spelled
