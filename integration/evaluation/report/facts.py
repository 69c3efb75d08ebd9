"""What was evaluated, with what, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opensearch_clir.evaluation.report.figures import as_map
from opensearch_clir.evaluation.report.markup import Html, tag
from opensearch_clir.evaluation.report.read import Result

__all__ = ["facts"]


def facts(result: Result) -> Html:
    """Return the set's facts, versions, date and seed as a list of terms."""
    content = result.content
    rows = [(f"set: {key}", value) for key, value in as_map(content.get("set")).items()]
    rows += [(key, content[key]) for key in ("date", "seed") if key in content]
    rows += [(f"version of {key}", value) for key, value in as_map(content.get("versions")).items()]
    if not rows:
        return tag("p", "The result says nothing about itself.", class_="note")
    return tag("dl", [tag("div", tag("dt", key), tag("dd", _plain(value))) for key, value in rows],
               class_="facts")  # fmt: skip


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 10_000:
        return f"{value:,}"
    return str(value)
