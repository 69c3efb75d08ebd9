"""The body of ``_msearch``: pairs of lines, of which only what is rewritten is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opensearch_clir.gateway.documents import NotUnderstood, loads_object

__all__ = ["Pair", "pairs"]


@dataclass
class Pair:
    """One search.

    Attributes:
        header_line, body_line: as they came, without their ends.
        header: read.
    """

    header_line: bytes
    body_line: bytes
    header: dict[str, Any]

    def expression(self, default: str | None) -> str:
        """Return which indices are searched.

        Args:
            default: of the path.
        """
        named = self.header.get("index", self.header.get("indices"))
        if named is None or named == [] or named == "":
            return default or "_all"
        if isinstance(named, str):
            return named
        if isinstance(named, Sequence) and all(isinstance(name, str) for name in named):
            return ",".join(named)
        raise NotUnderstood("the index of a header is no name")


def pairs(content: bytes) -> list[Pair]:
    """Read a body.

    Raises:
        NotUnderstood: it is not pairs of JSON objects, each on its line.
    """
    lines = content.split(b"\n")
    if lines.pop() != b"" or len(lines) % 2:
        raise NotUnderstood("not pairs of lines, each with its end")
    found = []
    for header, body in zip(lines[::2], lines[1::2], strict=True):
        found.append(Pair(header, body, loads_object(header) if header.strip() else {}))
    return found
