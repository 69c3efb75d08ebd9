"""Figures of the modality gap, latency, and the configurations that were chosen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from opensearch_clir.evaluation.report.figures import (
    as_map,
    figure,
    flat,
    in_order,
    number,
)
from opensearch_clir.evaluation.report.headline import with_interval
from opensearch_clir.evaluation.report.markup import Html, Node, lines, tag
from opensearch_clir.evaluation.report.read import Result

__all__ = ["gaps", "speed"]

_SHARE = "same_language_share@10"

#: Parts of a system's entry that are listed, and what stands before their names.
_PARTS = {"gaps": "", "by_answers": "answers in,", "document_languages": "document languages,"}


def gaps(result: Result) -> Html:
    """Return a table of figures by system; figures down, systems across."""
    found = {name: _figures(entry) for name, entry in result.systems.items()}
    names = in_order(name for figures in found.values() for name in figures)
    if not names:
        return tag("p", "The result has no gap figures.", class_="note")
    head = tag("tr", tag("th", "Figure", scope="col"),
               [tag("th", system, scope="col") for system in found])  # fmt: skip
    rows = [
        tag("tr", tag("th", name, scope="row"),
            [tag("td", with_interval(figure(figures.get(name))), class_="number")
             for figures in found.values()])
        for name in names
    ]  # fmt: skip
    note = (
        f"{_SHARE}: share of the first ten hits in the language of the query; compare it with the "
        "same share among the relevant documents (judged). equivalent_preferred: how often the "
        "document in the query's language ranks above its translation, .5 without preference. "
        "PEER: 1 is fair. max_minus_min: best minus worst document language. answers in: queries "
        "whose relevant documents are in their own language, in foreign ones, in both."
    )
    table = tag("table", tag("thead", head), tag("tbody", rows), class_="figures")
    return lines(tag("div", table, class_="scroll"), tag("p", note, class_="note"))


def speed(result: Result) -> Html:
    """Return latency, and where there are any, the configurations chosen in each fold."""
    rows = []
    for name, entry in result.systems.items():
        times = as_map(entry.get("latency_ms"))
        chosen = as_map(entry.get("chosen"))
        if times or chosen:
            cells = [_milliseconds(times.get(key)) for key in ("p50", "p95")]
            rows.append(
                tag(
                    "tr",
                    tag("th", name, scope="row"),
                    [tag("td", cell, class_="number") for cell in cells],
                    tag("td", _configurations(chosen)),
                )
            )
    if not rows:
        return tag("p", "The result has no times.", class_="note")
    names = ("System", "median ms", "95th percentile ms", "chosen on the training folds")
    head = tag("thead", tag("tr", [tag("th", name, scope="col") for name in names]))
    return tag("div", tag("table", head, tag("tbody", rows), class_="figures"), class_="scroll")


def _figures(entry: Mapping[str, Any]) -> dict[str, Any]:
    own = {key: entry[key] for key in entry if key.startswith("same_language_share")}
    return own | {
        name: value
        for part, prefix in _PARTS.items()
        for name, value in flat(as_map(entry.get(part)), prefix)
        if figure(value).value is not None
    }


def _milliseconds(value: Any) -> str:
    found = number(value)
    return "–" if found is None else f"{found:.1f}" if found < 100 else f"{found:.0f}"


def _configurations(chosen: Mapping[str, Any]) -> Node:
    """Say each configuration once, with the folds that chose it."""
    folds: dict[str, list[str]] = {}
    for fold, configuration in chosen.items():
        folds.setdefault(_plain(configuration), []).append(str(fold))
    return [
        [tag("br") if index else None, f"{text} (fold {', '.join(numbers)})"]
        for index, (text, numbers) in enumerate(folds.items())
    ]


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
