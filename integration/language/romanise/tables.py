"""Tables of letters, written as two lines of text."""

from __future__ import annotations

__all__ = ["letters", "pieces"]


def letters(native: str, spellings: str) -> dict[str, str]:
    """Return each character of `native` with the spelling at its place (``-`` is none)."""
    spelled = ["" if part == "-" else part for part in spellings.split()]
    return dict(zip(native, spelled, strict=True))


def pieces(pairs: str) -> dict[str, str]:
    """Return ``spelling=letters`` pairs as a mapping."""
    return dict(pair.split("=", 1) for pair in pairs.split())
