"""Sentences of a text, by the signs that end them."""

from __future__ import annotations

import re

__all__ = ["sentences"]

_END = re.compile(r"(?<=[.!?。！？।؟])\s+|(?<=[。！？])|\n+")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, white space made single; abbreviations may cut one in two.

    A sentence ends at a full stop, question or exclamation mark before a space, at those of
    Chinese and Japanese anywhere, and at the end of a line.
    """
    parts = (" ".join(part.split()) for part in _END.split(text))
    return [part for part in parts if part]
