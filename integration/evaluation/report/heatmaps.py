"""Heat maps of query language by document language, for each measure and system."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opensearch_clir.evaluation.report.colours import sequential
from opensearch_clir.evaluation.report.figures import Figure, pairs_of, short
from opensearch_clir.evaluation.report.markup import Html, lines, tag
from opensearch_clir.evaluation.report.read import Result, languages

__all__ = ["heat_table", "heatmaps"]

Pairs = Mapping[tuple[str, str], Figure]


def heatmaps(result: Result) -> Html:
    """Return one map for each system, all in one scale, measure by measure."""
    parts = []
    for metric in result.metrics:
        found = {name: pairs_of(entry, metric) for name, entry in result.systems.items()}
        sources, targets = languages(pair for pairs in found.values() for pair in pairs)
        if not sources:
            continue
        maps = [
            tag("figure", heat_table(pairs, sources, targets, name, _cell))
            for name, pairs in found.items()
            if pairs
        ]
        parts += [tag("h4", metric), tag("div", maps, class_="maps")]
    if not parts:
        return tag("p", "The result has no language pairs.", class_="note")
    return lines(_legend(), *parts)


def heat_table(
    pairs: Pairs,
    sources: list[str],
    targets: list[str],
    caption: str,
    cell: Callable[[str, Figure], Html],
) -> Html:
    """Return a table with one row for each query language, one column for each document language.

    Args:
        pairs: figures; a pair without one gets an empty cell.
        cell: from the pair's name and figure to a ``td``.
    """
    head = tag("tr", tag("td"),
               [tag("th", target, scope="col") for target in targets])  # fmt: skip
    rows = []
    for source in sources:
        cells = [
            cell(f"{source}>{target}", pairs[source, target])
            if (source, target) in pairs
            else tag("td", class_="none")
            for target in targets
        ]
        rows.append(tag("tr", tag("th", source, scope="row"), cells))
    return tag("table", tag("caption", caption), tag("thead", head), tag("tbody", rows),
               class_="heat")  # fmt: skip


def describe(name: str, value: Figure) -> str:
    """Return what a cell's tooltip says."""
    topics = "" if value.topics is None else f", {value.topics} topics"
    return f"{name}: {value}{topics}"


def _cell(name: str, value: Figure) -> Html:
    source, _, target = name.partition(">")
    own = "own" if source == target else ""
    if value.value is None or value.few:
        return tag("td", short(value.value), class_=f"few {own}".strip(),
                   title=describe(name, value))  # fmt: skip
    return tag("td", short(value.value), class_=own or None, title=describe(name, value),
               style=sequential(value.value).style)  # fmt: skip


def _legend() -> Html:
    steps = [
        tag("span", short(value / 5), style=sequential(value / 5).style, class_="step")
        for value in range(6)
    ]
    return tag(
        "p", "Row: language of the query. Column: language of the documents, ranked among "
        "themselves. ", steps, " ", tag("span", ".42", class_="step few"),
        " fewer than 20 topics, not in the averages; framed: one language.", class_="note",
    )  # fmt: skip
