"""Both directions of each language pair side by side: fr>en beside en>fr."""

from __future__ import annotations

from collections.abc import Mapping

from opensearch_clir.evaluation.report.colours import diverging
from opensearch_clir.evaluation.report.figures import Figure, pairs_of, short
from opensearch_clir.evaluation.report.heatmaps import describe
from opensearch_clir.evaluation.report.markup import Html, Node, lines, tag
from opensearch_clir.evaluation.report.read import Result

__all__ = ["directions"]

#: Systems in one table; more would not fit a page.
ABREAST = 4

#: Difference of the two directions that has the darkest colour.
_REACH = 0.3

Pairs = Mapping[tuple[str, str], Figure]


def directions(result: Result) -> Html:
    """Return tables of ``a>b``, ``b>a`` and their difference for each measure and system."""
    parts = []
    for metric in result.metrics:
        found = {name: pairs_of(entry, metric) for name, entry in result.systems.items()}
        both = sorted({
            (min(pair), max(pair))
            for pairs in found.values()
            for pair in pairs
            if pair[0] != pair[1] and pair[::-1] in pairs
        })  # fmt: skip
        if not both:
            continue
        parts.append(tag("h4", metric))
        names = [name for name, pairs in found.items() if pairs]
        for start in range(0, len(names), ABREAST):
            chosen = {name: found[name] for name in names[start : start + ABREAST]}
            parts.append(tag("div", _table(chosen, both), class_="scroll"))
    if not parts:
        return tag("p", "No pair of languages was run in both directions.", class_="note")
    note = (
        "a → b: queries in a, documents in b. Difference: a → b minus b → a, two sets of queries "
        "that are not the same, so it is a description and no test. Grey: fewer than 20 topics."
    )
    return lines(tag("p", note, class_="note"), *parts)


def _table(systems: Mapping[str, Pairs], both: list[tuple[str, str]]) -> Html:
    head = tag(
        "thead",
        tag("tr", tag("th", "a", rowspan="2", scope="col"), tag("th", "b", rowspan="2",
            scope="col"), [tag("th", name, colspan="3", scope="colgroup") for name in systems]),
        tag("tr", [
            [tag("th", text, scope="col", class_="edge" if first else None)
             for text, first in (("a → b", True), ("b → a", False), ("difference", False))]
            for _ in systems
        ]),
    )  # fmt: skip
    rows = []
    for one, other in both:
        cells = [_cells(pairs, one, other) for pairs in systems.values()]
        rows.append(tag("tr", tag("th", one, scope="row"), tag("th", other, scope="row"), cells))
    return tag("table", head, tag("tbody", rows), class_="figures directions")


def _cells(pairs: Pairs, one: str, other: str) -> list[Node]:
    there, back = pairs.get((one, other), Figure(None)), pairs.get((other, one), Figure(None))
    cells: list[Node] = [
        tag("td", short(value.value), title=describe(name, value), class_=_classes(value, first))
        for value, name, first in (
            (there, f"{one}>{other}", True),
            (back, f"{other}>{one}", False),
        )
    ]
    if there.value is None or back.value is None:
        return [*cells, tag("td", short(None), class_="number")]
    difference = there.value - back.value
    shown = short(difference, signed=True)
    if there.few or back.few:
        return [*cells, tag("td", shown, class_="number few")]
    style = diverging(difference, _REACH).style
    return [*cells, tag("td", shown, class_="number", style=style)]


def _classes(value: Figure, first: bool) -> str:
    return "number" + (" few" if value.few else "") + (" edge" if first else "")
