"""Systems compared on the same queries: differences, intervals, p-values and verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opensearch_clir.evaluation.report.colours import diverging
from opensearch_clir.evaluation.report.figures import (
    Figure,
    as_map,
    figure,
    fine,
    pairs_of,
    short,
)
from opensearch_clir.evaluation.report.headline import SCOPES, with_interval
from opensearch_clir.evaluation.report.heatmaps import describe, heat_table
from opensearch_clir.evaluation.report.markup import Html, Node, lines, tag
from opensearch_clir.evaluation.report.read import Result, languages
from opensearch_clir.evaluation.significance import NOT_DISTINGUISHABLE

__all__ = ["differences"]

_WIDTH, _HEIGHT = 220, 18

_SIGN = {"better": "▲ better", "worse": "▼ worse", NOT_DISTINGUISHABLE: "○ not distinguishable"}


def differences(result: Result) -> Html:
    """Return, for each comparison, a table with a small plot, and maps of the pairs."""
    if not result.paired:
        return tag("p", "The result compares no two systems.", class_="note")
    note = (
        "First system minus second, on the same queries. 95% intervals by a bootstrap over topics, "
        "p by sign flips over topics. Not distinguishable: the interval contains 0."
    )
    parts = [tag("p", note, class_="note"), tag("div", _table(result), class_="scroll")]
    maps = [
        (metric, _maps(result, metric, reach))
        for metric in result.metrics
        if (reach := _reach(result, metric)) is not None
    ]
    if maps:
        parts.append(tag("h4", "By language pair"))
        parts.append(_legend())
        for metric, found in maps:
            parts += [tag("h5", metric), tag("div", found, class_="maps")]
    return lines(*parts)


def _table(result: Result) -> Html:
    rows = [
        (name, metric, scope, figure(as_map(entry.get(scope)).get(metric)))
        for name, entry in result.paired.items()
        for metric in result.metrics
        for scope in SCOPES
        if metric in as_map(entry.get(scope))
    ]
    bounds = [abs(edge) for *_, f in rows for edge in (f.value, f.low, f.high) if edge is not None]
    reach = max([*bounds, 0.05])
    head = ("Comparison", "Measure", "Scope", "Difference", f"−{reach:.2f} … 0 … +{reach:.2f}",
            "p", "Verdict")  # fmt: skip
    body: list[Node] = []
    last = ""
    for name, metric, scope, found in rows:
        body.append(tag(
            "tr",
            tag("th", name if name != last else "", scope="row"),
            tag("td", metric),
            tag("td", scope),
            tag("td", with_interval(found), class_="number"),
            tag("td", _plot(found, reach)),
            tag("td", _p(found.p), class_="number"),
            tag("td", _SIGN.get(found.verdict, found.verdict)),
            class_="first" if name != last else None,
        ))  # fmt: skip
        last = name
    header = tag("thead", tag("tr", [tag("th", text, scope="col") for text in head]))
    return tag("table", header, tag("tbody", body), class_="figures")


def _plot(found: Figure, reach: float) -> Html | None:
    """Draw the interval against 0."""
    if found.value is None:
        return None
    middle = _HEIGHT / 2

    def x(value: float) -> float:
        return round(_WIDTH / 2 * (1 + 0.94 * value / reach), 1)

    low = found.value if found.low is None else found.low
    high = found.value if found.high is None else found.high
    certain = low > 0 or high < 0
    return tag(
        "svg",
        tag("line", x1=x(0), x2=x(0), y1=0, y2=_HEIGHT, stroke="#8a8a8a"),
        tag("line", x1=x(low), x2=x(high), y1=middle, y2=middle, stroke="#1b1b1b",
            stroke_width=2),
        tag("circle", cx=x(found.value), cy=middle, r=4, stroke="#1b1b1b", stroke_width=1.5,
            fill="#1b1b1b" if certain else "#ffffff"),
        width=_WIDTH, height=_HEIGHT, role="img", aria_label=str(found),
    )  # fmt: skip


def _p(value: float | None) -> str:
    return "< .001" if value is not None and value < 0.001 else fine(value)


def _reach(result: Result, metric: str) -> float | None:
    """Return the largest difference of a pair, None where no comparison has pairs."""
    values = [
        abs(found.value)
        for entry in result.paired.values()
        for found in pairs_of(entry, metric).values()
        if found.value is not None and not found.few
    ]
    any_pairs = any(pairs_of(entry, metric) for entry in result.paired.values())
    return max([*values, 0.1]) if any_pairs else None


def _maps(result: Result, metric: str, reach: float) -> list[Html]:
    found = {name: pairs_of(entry, metric) for name, entry in result.paired.items()}
    sources, targets = languages(pair for pairs in found.values() for pair in pairs)

    def cell(name: str, value: Figure) -> Html:
        source, _, target = name.partition(">")
        star = "*" if value.p_holm is not None and value.p_holm < 0.05 else ""
        details: Mapping[str, Any] = {"title": _details(name, value)}
        classes = ["own"] if source == target else []
        shown = short(value.value, signed=True) + star
        if value.value is None or value.few:
            return tag("td", shown, class_=" ".join(["few", *classes]), **details)
        if value.verdict == NOT_DISTINGUISHABLE:
            return tag("td", shown, class_=" ".join(["unsure", *classes]), **details)
        style = diverging(value.value, reach).style
        return tag("td", shown, class_=" ".join(classes) or None, style=style, **details)

    return [
        tag("figure", heat_table(pairs, sources, targets, name, cell))
        for name, pairs in found.items()
        if pairs
    ]


def _details(name: str, value: Figure) -> str:
    holm = "" if value.p_holm is None else f", p (Holm) {_p(value.p_holm)}"
    p = "" if value.p is None else f", p {_p(value.p)}"
    return f"{describe(name, value)}{p}{holm} {value.verdict}".strip()


def _legend() -> Html:
    steps = [
        tag("span", short(share / 10, signed=True), class_="step",
            style=diverging(share / 10, 0.3).style)
        for share in (-3, -1, 1, 3)
    ]  # fmt: skip
    return tag(
        "p", steps, " ", tag("span", "+.02", class_="step unsure"), " not distinguishable; ",
        tag("span", ".42", class_="step few"), " fewer than 20 topics; * p < .05 after Holm's "
        "correction over the pairs with 50 topics or more. Darkest: the largest difference.",
        class_="note",
    )  # fmt: skip
