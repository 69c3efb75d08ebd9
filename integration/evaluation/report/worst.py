"""The queries a system did worst on: what was expected, and what was found instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opensearch_clir.evaluation.report.figures import as_list, as_map, fine, number
from opensearch_clir.evaluation.report.markup import Html, Node, lines, tag, text_in
from opensearch_clir.evaluation.report.read import Result

__all__ = ["worst"]

#: Expected and found documents listed for a query.
LISTED = 10


def worst(result: Result) -> Html | None:
    """Return the queries of every system that names some, or None."""
    found = as_map(result.content.get("worst"))
    parts = [
        tag("details", tag("summary", f"{name}: {len(as_list(queries))} queries"),
            [_query(as_map(query)) for query in as_list(queries)], open=number_ == 0)
        for number_, (name, queries) in enumerate(found.items())
        if as_list(queries)
    ]  # fmt: skip
    if not parts:
        return None
    note = "✓ relevant. Only the first system is unfolded; unfold others before printing."
    return lines(tag("p", note, class_="note"), *parts)


def _query(query: Mapping[str, Any]) -> Html:
    lang = str(query.get("lang") or "")
    expected = as_list(query.get("expected"))
    head = tag(
        "header",
        tag("b", fine(number(query.get("value")))),
        " ",
        _language(lang),
        " ",
        text_in(lang, str(query.get("text") or ""), element="q"),
        " ",
        tag("code", str(query.get("query") or "")),
    )
    columns = tag(
        "div",
        tag("div", tag("h5", "expected"), _documents(expected, None)),
        tag("div", tag("h5", "found"), _documents(as_list(query.get("found")), "ol")),
        class_="columns",
    )
    return tag("article", head, columns)


def _documents(documents: list[Any], ordered: str | None) -> Html:
    if not documents:
        return tag("p", "nothing", class_="note")
    items: list[Node] = [_document(as_map(document)) for document in documents[:LISTED]]
    if len(documents) > LISTED:
        items.append(tag("li", f"… and {len(documents) - LISTED} more", class_="note"))
    return tag(ordered or "ul", items)


def _document(document: Mapping[str, Any]) -> Html:
    lang = str(document.get("lang") or "")
    identifier = str(document.get("id") or "")
    relevant = document.get("relevant")
    grade = relevant if isinstance(relevant, (bool, int)) else None
    score = number(document.get("score"))
    return tag(
        "li",
        tag("span", "✓", class_="hit", title="relevant") if grade else None,
        _language(lang),
        " ",
        text_in(lang, str(document.get("title") or "") or identifier),
        " ",
        tag("code", identifier),
        tag("small", f" {fine(score)}") if score is not None else None,
        class_="relevant" if grade else None,
    )


def _language(code: str) -> Html | None:
    return tag("span", code, class_="lang") if code else None
