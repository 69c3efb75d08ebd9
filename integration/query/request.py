"""The search request around the query: page, filters and whatever else the user asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opensearch_clir.errors import QueryError
from opensearch_clir.query.dsl import Query
from opensearch_clir.query.forms import Form, Page, form_of, query_keys
from opensearch_clir.query.plan import QueryPlan
from opensearch_clir.query.preferences import EVERYBODY, Readers

__all__ = ["MAX_WINDOW", "check_page", "neighbours", "search_body"]

#: The server's default ``index.max_result_window``.
MAX_WINDOW = 10_000

#: Nearest neighbours asked of each shard at least.
MIN_NEIGHBOURS = 200


def check_page(size: int, from_: int) -> None:
    """Refuse a page the server would refuse, with the remedy.

    Raises:
        QueryError: negative, or beyond `MAX_WINDOW`.
    """
    if size < 0 or from_ < 0:
        raise QueryError(f"size and from must not be negative, got size {size}, from {from_}")
    if size + from_ > MAX_WINDOW:
        raise QueryError(
            f"from + size is {from_ + size:,}, the server's limit is {MAX_WINDOW:,}: "
            "page with search_after and a sort on _score and an id"
        )


def neighbours(size: int, from_: int) -> int:
    """Return k for a page: at least `MIN_NEIGHBOURS`, doubled until the page fits twice.

    Powers of two keep k, and so the result, equal over the pages a reader turns.
    """
    k = MIN_NEIGHBOURS
    while k < 2 * (size + from_):
        k *= 2
    return min(k, MAX_WINDOW)


def search_body(
    plan: QueryPlan,
    *,
    namespace: str,
    size: int = 10,
    from_: int = 0,
    filters: Sequence[Query] = (),
    min_score: float | None = None,
    extra: Mapping[str, Any] | None = None,
    form: Form = "auto",
    readers: Readers = EVERYBODY,
) -> dict[str, Any]:
    """Return the body of the ``_search`` request.

    Args:
        plan: of the query.
        namespace: our object, left out of ``_source`` unless asked for.
        size, from_: the page.
        filters: conditions as query clauses.
        min_score: least score, in [0, 1].
        extra: other keys of a search body (``aggs``, ``sort``, ``highlight``, ``collapse`` …).
        form: of the query; see `opensearch_clir.query.forms`.
        readers: usefulness of languages, which scores are multiplied by.

    Raises:
        QueryError: the page is too deep, `min_score` is no probability, `extra` has a query of
            its own, or the form can't do what the request asks for.
    """
    check_page(size, from_)
    extra = dict(extra or {})
    if "query" in extra:
        raise QueryError("give conditions as `filter`, not as a query of their own")
    if min_score is not None and not 0 <= min_score <= 1:
        raise QueryError(f"min_score is a probability in [0, 1], got {min_score}")
    page = Page(size, from_, filters, min_score, extra, readers)
    body: dict[str, Any] = {**query_keys(form_of(form, plan, page), plan, page), "size": size}
    if from_:
        body["from"] = from_
    if min_score is not None:
        body["min_score"] = min_score
    body.setdefault("_source", {"excludes": [namespace, f"{namespace}.*"]})
    body.update(extra)
    return body
