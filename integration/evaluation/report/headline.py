"""The first table: every system, pooled, same and cross, with intervals."""

from __future__ import annotations

from opensearch_clir.evaluation.report.figures import Figure, as_map, figure, fine
from opensearch_clir.evaluation.report.markup import Html, Node, tag
from opensearch_clir.evaluation.report.read import Result

__all__ = ["SCOPES", "headline", "overview", "with_interval"]

#: Scope -> what it says.
SCOPES = {
    "pooled": "one ranking of the whole mixed corpus",
    "same": "mean over pairs of one language",
    "cross": "mean over pairs of two languages",
}


def headline(result: Result) -> Html:
    """Return the table; the highest value of a column is bold, which says nothing of chance."""
    metrics, systems = result.metrics, result.systems
    columns = [(metric, scope) for metric in metrics for scope in SCOPES]
    found = {
        name: [figure(as_map(entry.get(scope)).get(metric)) for metric, scope in columns]
        for name, entry in systems.items()
    }
    best = [_highest([row[n] for row in found.values()]) for n in range(len(columns))]
    head = tag(
        "thead",
        tag(
            "tr",
            tag("th", "System", rowspan="2", scope="col"),
            [tag("th", metric, colspan=str(len(SCOPES)), scope="colgroup") for metric in metrics],
        ),
        tag("tr", [tag("th", scope, scope="col", title=SCOPES[scope]) for _, scope in columns]),
    )
    rows = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            [_cell(value, top) for value, top in zip(row, best, strict=True)],
        )
        for name, row in found.items()
    ]
    note = (
        "95% intervals by a bootstrap over topics. Bold: highest in the column; whether a "
        "difference is more than chance is told under Differences. "
        + "; ".join(f"{scope}: {meaning}" for scope, meaning in SCOPES.items())
        + ", of pairs with at least 20 topics."
    )
    table = tag("table", head, tag("tbody", rows), class_="figures")
    return Html(tag("div", table, class_="scroll") + tag("p", note, class_="note"))


def overview(results: list[Result], anchors: list[str]) -> Html:
    """Return one table over several results: the first measure, each set and system."""
    rows: list[Node] = []
    for result, anchor in zip(results, anchors, strict=True):
        metric = next(iter(result.metrics), "")
        for number, (name, entry) in enumerate(result.systems.items()):
            values = [figure(as_map(entry.get(scope)).get(metric)) for scope in SCOPES]
            link = tag("a", result.name, href=f"#{anchor}")
            first = tag("th", link, rowspan=str(len(result.systems)), scope="rowgroup")
            rows.append(
                tag(
                    "tr",
                    first if number == 0 else None,
                    tag("th", name, scope="row"),
                    tag("td", metric),
                    [_cell(value, None) for value in values],
                    class_="first" if number == 0 else None,
                )
            )
    names = ("Set", "System", "Measure", *SCOPES)
    head = tag("thead", tag("tr", [tag("th", name, scope="col") for name in names]))
    return tag("div", tag("table", head, tag("tbody", rows), class_="figures"), class_="scroll")


def with_interval(value: Figure) -> Node:
    """Return a value with its interval in smaller print."""
    return (
        [fine(value.value), " ", tag("small", value.interval)]
        if value.interval
        else fine(value.value)
    )


def _cell(value: Figure, best: float | None) -> Html:
    shown = with_interval(value)
    top = best is not None and value.value == best
    return tag("td", tag("b", shown) if top else shown, class_="number")


def _highest(values: list[Figure]) -> float | None:
    known = [value.value for value in values if value.value is not None]
    return max(known) if len(set(known)) > 1 else None
