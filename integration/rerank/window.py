"""Which of the first stage's hits are reranked: the best, and some of each language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

__all__ = ["FLOOR", "POOL", "WINDOW", "choose"]

#: Hits that are reranked.
WINDOW = 100

#: Places in the window for each language that the pool has documents in, if it has so many.
FLOOR = 5

#: Hits asked for, for each place of the window: what floors are filled from.
POOL = 2


def choose(languages: Sequence[str], size: int, floor: int = FLOOR) -> list[int]:
    """Return the places of the hits to rerank, ascending.

    The first `size` hits, less those at the end that give way for a language with fewer than
    `floor` hits among them; none gives way that is among its own language's first `floor`. Where
    there are too many languages for that, the best hits come first.

    Args:
        languages: of the hits of the pool, best first.
        size: of the window, >= 1.
        floor: places for each language, >= 0.
    """
    first = range(min(size, len(languages)))
    if len(languages) <= size or floor == 0:
        return list(first)
    seen: Counter[str] = Counter()
    owed: list[int] = []
    rest: list[int] = []
    for place, language in enumerate(languages):
        (owed if seen[language] < floor else rest).append(place)
        seen[language] += 1
    chosen = owed[:size]
    return sorted([*chosen, *rest[: size - len(chosen)]])
