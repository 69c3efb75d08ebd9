"""Reliability plots: what scores say against how often the hits were relevant."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from opensearch_clir.evaluation.report.figures import as_list, as_map, figure, fine, number
from opensearch_clir.evaluation.report.headline import with_interval
from opensearch_clir.evaluation.report.markup import Html, Node, lines, tag
from opensearch_clir.evaluation.report.read import Result

__all__ = ["reliability"]

_SIZE, _MARGIN = 220, 30

_CLASSES = {"matching": "same language", "non_matching": "across languages"}

_VERDICTS = {True: "● on target", False: "○ off target"}


def reliability(result: Result) -> Html | None:
    """Return a table and plots for each system whose scores are probabilities; None for none."""
    rows: list[Node] = []
    plots = []
    for system, entry in result.systems.items():
        for depth, classes in as_map(entry.get("probabilities")).items():
            for name, found in as_map(classes).items():
                kind = _CLASSES.get(name, name)
                rows.append(_row(system, depth, kind, as_map(found)))
                title = f"{system}, first {depth}, {kind}"
                if as_list(as_map(found).get("bins")):
                    plots.append(tag("figure", tag("figcaption", title), _plot(found, title)))
    if not rows:
        return None
    names = ("System", "Hits", "Documents", "Shown", "Relevant", "Calibration error", "Slope",
             "Intercept", "Brier skill", "")  # fmt: skip
    head = tag("thead", tag("tr", [tag("th", name, scope="col") for name in names]))
    note = (
        "Hits of each query by the score that their parameters, fitted on other topics, gave them. "
        "Points: ten bins of equal size, mean score against share of relevant hits; on the "
        "diagonal a score is a probability. Targets, for 200 relevant hits or more: error below "
        ".05, slope .8 to 1.25, intercept within .3 of 0, Brier skill above 0."
    )
    table = tag("table", head, tag("tbody", rows), class_="figures")
    return lines(
        tag("p", note, class_="note"),
        tag("div", table, class_="scroll"),
        tag("div", plots, class_="maps"),
    )


def _row(system: str, depth: str, kind: str, found: Mapping[str, Any]) -> Html:
    verdict = found.get("on_target")
    cells = [found.get("pairs"), found.get("positives")]
    numbers: list[Node] = [tag("td", str(c if c is not None else "–"), class_="number")
                           for c in cells]  # fmt: skip
    numbers.append(tag("td", with_interval(figure(found.get("ece"))), class_="number"))
    numbers += [
        tag("td", fine(number(found.get(name))), class_="number")
        for name in ("slope", "intercept", "brier_skill")
    ]
    shown = _VERDICTS[verdict] if isinstance(verdict, bool) else "few relevant hits"
    return tag("tr", tag("th", system, scope="row"), tag("td", f"first {depth}"), tag("td", kind),
               numbers, tag("td", shown))  # fmt: skip


def _plot(found: Mapping[str, Any], title: str) -> Html:
    points = []
    for entry in map(as_map, as_list(found.get("bins"))):
        score, relevant = number(entry.get("score")), number(entry.get("relevant"))
        if score is not None and relevant is not None:
            points.append((score, relevant))
    reach = _reach(points)

    def x(value: float) -> float:
        return round(_MARGIN + value / reach * _SIZE, 1)

    def y(value: float) -> float:
        return round(_SIZE + 8 - value / reach * _SIZE, 1)

    joined = [
        tag("line", x1=x(a), y1=y(b), x2=x(c), y2=y(d), stroke="#3182bd", stroke_width=1.5)
        for (a, b), (c, d) in pairwise(points)
    ]
    dots = [tag("circle", cx=x(a), cy=y(b), r=3.5, fill="#08519c") for a, b in points]
    ticks = [part for share in (0.0, 0.5, 1.0) for part in _tick(share * reach, x, y)]
    return tag(
        "svg",
        tag("rect", x=x(0), y=y(reach), width=_SIZE, height=_SIZE, fill="none", stroke="#8a8a8a"),
        tag("line", x1=x(0), y1=y(0), x2=x(reach), y2=y(reach), stroke="#8a8a8a",
            stroke_dasharray="4 3"),
        ticks, joined, dots,
        width=_SIZE + _MARGIN + 12, height=_SIZE + 30, role="img",
        aria_label=_described(title, points),
    )  # fmt: skip


def _reach(points: list[tuple[float, float]]) -> float:
    """Return the end of both axes: most scores are small, and a plot up to 1 would hide them."""
    most = max((max(point) for point in points), default=1.0)
    return next((end for end in (0.05, 0.1, 0.2, 0.5) if most <= end), 1.0)


def _tick(value: float, x: Any, y: Any) -> list[Html]:
    text = f"{value:g}"
    return [
        tag("text", text, x=x(value), y=_SIZE + 24, font_size=10, text_anchor="middle"),
        tag("text", text, x=_MARGIN - 4, y=y(value) + 4, font_size=10, text_anchor="end"),
    ]


def _described(title: str, points: list[tuple[float, float]]) -> str:
    return f"{title}: " + ", ".join(f"{fine(score)} was {fine(share)}" for score, share in points)
