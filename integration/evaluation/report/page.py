"""One result, or several, as a page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

from opensearch_clir.errors import DataError
from opensearch_clir.evaluation.report.differences import differences
from opensearch_clir.evaluation.report.directions import directions
from opensearch_clir.evaluation.report.facts import facts
from opensearch_clir.evaluation.report.gaps import gaps, speed
from opensearch_clir.evaluation.report.headline import headline, overview
from opensearch_clir.evaluation.report.heatmaps import heatmaps
from opensearch_clir.evaluation.report.markup import Html, lines, tag
from opensearch_clir.evaluation.report.read import Result
from opensearch_clir.evaluation.report.reliability import reliability
from opensearch_clir.evaluation.report.worst import worst

__all__ = ["render", "write_report"]

#: Nothing is loaded and nothing runs, whatever a document's title says.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_SECTIONS: tuple[tuple[str, str, Callable[[Result], Html | None]], ...] = (
    ("headline", "Systems", headline),
    ("differences", "Differences", differences),
    ("maps", "Language pairs", heatmaps),
    ("directions", "Both directions", directions),
    ("gaps", "Language preference", gaps),
    ("probabilities", "Scores as probabilities", reliability),
    ("speed", "Speed and choices", speed),
    ("worst", "Worst queries", worst),
    ("facts", "Set and versions", facts),
)


def render(results: Sequence[Result], *, texts: bool = True) -> str:
    """Return the page.

    Args:
        results: one, or several for a page with an overview and one section each.
        texts: whether queries and titles of documents are shown (the worst queries).

    Raises:
        DataError: no result was given.
    """
    if not results:
        raise DataError("there is no result to report on: name at least one JSON file")
    anchors = [f"set{number}" for number in range(1, len(results) + 1)]
    several = len(results) > 1
    title = "Evaluation of " + ", ".join(dict.fromkeys(result.name for result in results))
    body = [tag("h1", title)]
    if several:
        body += [tag("h2", "Overview"), overview(list(results), anchors)]
    body += [
        _result(result, anchor, texts=texts, name=result.name if several else None)
        for result, anchor in zip(results, anchors, strict=True)
    ]
    return _document(title, lines(*body))


def write_report(results: Sequence[Result], path: Path, *, texts: bool = True) -> None:
    """Write the page of `render` to a file.

    Raises:
        DataError: no result was given, or the file can't be written.
    """
    page = render(results, texts=texts)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise DataError(f"the report can't be written to {path}: {error}") from error


def _result(result: Result, anchor: str, *, texts: bool, name: str | None) -> Html:
    made = [(key, title, part(result)) for key, title, part in _SECTIONS if texts or key != "worst"]
    sections = [(key, title, content) for key, title, content in made if content is not None]
    links = [tag("a", title, href=f"#{anchor}-{key}") for key, title, _ in sections]
    parts = [
        tag("section", tag("h3", title), content, id=f"{anchor}-{key}", class_=f"part-{key}")
        for key, title, content in sections
    ]
    head = [tag("h2", name)] if name else []
    return tag("article", *head, tag("nav", links), lines(*parts), id=anchor, class_="result")


def _document(title: str, body: Html) -> str:
    style = resources.files("opensearch_clir.evaluation.report").joinpath("style.css")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Html(style.read_text("utf-8"))),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', body), lang='en')}\n"
