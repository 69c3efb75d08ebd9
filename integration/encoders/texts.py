"""Texts made safe for tokenizers, and forks made safe for tokenizer threads."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence

__all__ = ["quiet_forks", "well_formed"]

_PARALLELISM = "TOKENIZERS_PARALLELISM"


def well_formed(texts: Sequence[str]) -> list[str]:
    """Return the texts without lone surrogates, which tokenizers refuse.

    Pairs of surrogates, as careless JSON writers leave them, become the character they stand for;
    a lone one becomes U+FFFD. All other texts come back unchanged.
    """
    return [_repaired(text) for text in texts]


def _repaired(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


@functools.cache
def quiet_forks() -> None:
    """Make processes forked from now on tokenise on one thread, without a warning.

    The threads of the tokenizer don't survive a fork. By itself the library notices, warns on
    stderr and goes on with one thread; with the variable it reads set to ``true`` it hangs. So
    the variable says ``false`` during the fork, and the parent gets back what it had.
    """
    if not hasattr(os, "register_at_fork"):  # pragma: no cover  (Windows)
        return
    value: str | None = None

    def before() -> None:
        nonlocal value
        value = os.environ.get(_PARALLELISM)
        os.environ[_PARALLELISM] = "false"

    def in_parent() -> None:
        if value is None:
            os.environ.pop(_PARALLELISM, None)
        else:
            os.environ[_PARALLELISM] = value

    os.register_at_fork(before=before, after_in_parent=in_parent)
