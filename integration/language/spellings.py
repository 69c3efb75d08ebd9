"""Latin spellings of frequent words that no rule gives: ``hai`` and ``h`` for है."""

from __future__ import annotations

import functools
from importlib import resources

__all__ = ["load_spellings"]


@functools.cache
def load_spellings() -> dict[str, dict[str, str]]:
    """Return language -> Latin spelling -> native word."""
    file = resources.files("opensearch_clir.language").joinpath("spellings.tsv")
    found: dict[str, dict[str, str]] = {}
    for line in file.read_text("utf-8").splitlines():
        code, native, spellings = line.split("\t")
        for spelling in spellings.split():
            found.setdefault(code, {})[spelling] = native
    return found
