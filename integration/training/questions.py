"""The table of questions and their passages, see `tokenized.Tables`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.training.corpora import Question

__all__ = ["table"]

Ints = NDArray[np.integer[Any]]


def table(
    found: Iterable[Question],
    text: Callable[[str], int],
    file: Callable[[str, str], int],
    first: int,
) -> tuple[Ints, Ints]:
    """Return the lines of the passages, each passage once, and the table ``questions``.

    Args:
        found: in the order of the rows.
        text: numbers texts.
        file: numbers files, of a source and a language.
        first: number of the first line among all ``parts``.
    """
    parts: list[int] = []
    places: dict[str, tuple[int, int]] = {}
    rows: list[tuple[int, int, int, int, int]] = []
    links: list[tuple[str, str]] = []
    for question in found:
        if question.passage not in places:
            start = first + len(parts)
            lines = (line.strip() for line in question.passage.split("\n"))
            parts.extend(text(line) for line in lines if line)
            places[question.passage] = (start, first + len(parts))
        passage = f"passage {question.passage}"
        links.append((passage, f"group {question.group}" if question.group else passage))
        place = places[question.passage]
        rows.append((text(question.text), *place, 0, file(question.source, question.lang)))
    numbered = np.array(rows, np.int32).reshape(-1, 5)
    numbered[:, 3] = _components(links)
    return np.array(parts, np.int32), numbered


def _components(links: list[tuple[str, str]]) -> list[int]:
    """Return a number for each link; linked names, directly or not, have the same."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := parent.setdefault(name, name)) != name:
            parent[name] = name = parent[above]
        return name

    for one, two in links:
        parent[root(one)] = root(two)
    numbers: dict[str, int] = {}
    return [numbers.setdefault(root(one), len(numbers)) for one, _ in links]
