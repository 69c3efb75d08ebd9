"""Result files, and what is in them by name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opensearch_clir.errors import DataError
from opensearch_clir.evaluation.report.figures import as_map, in_order

__all__ = ["Result", "read_result"]

_SCOPES = ("pooled", "same", "cross")


@dataclass(frozen=True)
class Result:
    """One evaluation, as `clir evaluate --json` wrote it; any key may be missing.

    Attributes:
        content: the whole JSON object.
        source: name of the file, for the title of a set without a name.
    """

    content: Mapping[str, Any]
    source: str = "result"

    @property
    def name(self) -> str:
        """Name of the set."""
        given = self.content.get("set")
        named = given.get("name") if isinstance(given, Mapping) else given
        return str(named or self.source)

    @property
    def systems(self) -> dict[str, Mapping[str, Any]]:
        """The systems' figures by name, in file order."""
        return {str(name): as_map(v) for name, v in as_map(self.content.get("systems")).items()}

    @property
    def paired(self) -> dict[str, Mapping[str, Any]]:
        """The comparisons by name, such as ``clir-hybrid``."""
        return {str(name): as_map(v) for name, v in as_map(self.content.get("paired")).items()}

    @property
    def metrics(self) -> list[str]:
        """Names of the measures, in order of first appearance."""
        return in_order(
            metric
            for entry in (*self.systems.values(), *self.paired.values())
            for figures in (
                *(as_map(entry.get(scope)) for scope in _SCOPES),
                *map(as_map, as_map(entry.get("pairs")).values()),
            )
            for metric in figures
        )


def read_result(path: Path) -> Result:
    """Read a result file.

    Raises:
        DataError: it can't be read, or is not a result of `clir evaluate --json`.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} can't be read: {error}") from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("systems"), dict):
        raise DataError(
            f"{path} has no systems: give a file that `clir evaluate DIR --json FILE` wrote"
        )
    return Result(content, path.name.removesuffix(".json"))


def languages(pairs: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Return the query languages and the document languages of some pairs, sorted."""
    found = list(pairs)
    return sorted({source for source, _ in found}), sorted({target for _, target in found})
