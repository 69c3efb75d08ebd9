"""Forms of one plan: one stage over all or fewer documents, two passes, or a stock hybrid.

All score a document alike; they differ in what is found, in what a request may contain and in what
they cost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from opensearchpy import OpenSearch

from opensearch_clir.cluster import guarded
from opensearch_clir.errors import QueryError
from opensearch_clir.query.dsl import Query, one_stage
from opensearch_clir.query.hybrid import HYBRID_SINCE, hybrid
from opensearch_clir.query.plan import QueryPlan
from opensearch_clir.query.preferences import EVERYBODY, Readers
from opensearch_clir.query.rescore import MAX_RESCORE_WINDOW, rescored, window

__all__ = [
    "FORMS",
    "Form",
    "Page",
    "check_server",
    "check_version",
    "checked_form",
    "form_of",
    "obstacles",
    "query_keys",
]

Form = Literal["auto", "one-stage", "focused", "rescore", "hybrid"]

#: What `Clir.search` takes as ``form``.
FORMS: tuple[Form, ...] = get_args(Form)

#: Pieces of the query that a document must have in translation to be found by them alone, where
#: the form is ``focused`` (ADR 18).
LEAST_PIECES = 0.5

#: Aggregations that look at scores, which in two passes are those of the first.
_SCORED = ('"top_hits"', '"sampler"', '"diversified_sampler"', "_score")


@dataclass(frozen=True)
class Page:
    """What a request asks of the query, beside the plan.

    Attributes:
        size, from_: the page.
        filters: the user's conditions.
        min_score: least score, if any.
        extra: other keys of the search body.
        readers: usefulness of languages.
    """

    size: int = 10
    from_: int = 0
    filters: Sequence[Query] = ()
    min_score: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    readers: Readers = EVERYBODY


def checked_form(value: Any) -> Form:
    """Return the form that a caller asked for.

    Raises:
        QueryError: there is no such form.
    """
    for form in FORMS:
        if value == form:
            return form
    raise QueryError(f"form must be one of {', '.join(FORMS)}, got {value!r}")


def form_of(asked: Form, plan: QueryPlan, page: Page) -> Form:
    """Return the form to use: the one asked for, one-stage for ``auto``.

    One-stage is the default because it keeps all features and finds everything (ADR 18).

    Raises:
        QueryError: the request has something that the form can't do.
    """
    if asked == "auto":
        return "one-stage"
    found = obstacles(asked, plan, page)
    if found:
        raise QueryError(
            f"form {asked!r} can't be used here: {'; '.join(found)}; use form 'one-stage', "
            "or 'auto', which chooses"
        )
    return asked


def obstacles(form: Form, plan: QueryPlan, page: Page) -> list[str]:
    """Return why a request can't be put in a form; nothing where it can."""
    if form in ("auto", "one-stage", "focused"):
        return []
    found = [f"{key} needs exact scores of all matches" for key in _exact(page)]
    if form == "rescore":
        if page.size + page.from_ > MAX_RESCORE_WINDOW:
            found.append(f"the page ends beyond {MAX_RESCORE_WINDOW:,} hits")
        if not plan.indexed:
            found.append("the vectors have no graph, so there is no cheap first pass")
    return found


def _exact(page: Page) -> list[str]:
    """Return the parts of a request that look at the scores of all matches."""
    extra = page.extra
    found = [key for key in ("collapse", "search_after", "rescore", "slice") if key in extra]
    if not by_score_alone(extra.get("sort")):
        found.append("sort")
    if page.min_score is not None or "min_score" in extra:
        found.append("min_score")
    aggregations = json.dumps([extra.get("aggs"), extra.get("aggregations")], default=str)
    if any(word in aggregations for word in _SCORED):
        found.append("an aggregation by score")
    return found


def by_score_alone(sort: Any) -> bool:
    """Whether a ``sort`` is the default order, or none is given."""
    if sort is None:
        return True
    listed = sort if isinstance(sort, list) else [sort]
    return listed in (["_score"], [{"_score": "desc"}], [{"_score": {"order": "desc"}}])


def query_keys(form: Form, plan: QueryPlan, page: Page) -> dict[str, Any]:
    """Return the keys of the search body that say what is searched and how it is scored.

    Args:
        form: as `form_of` returned it.
        plan, page: of the request.
    """
    filters = [*page.filters, *page.readers.filters(plan.lang_field)]
    if form == "rescore":
        return rescored(plan, filters, page.readers, window(page.size, page.from_))
    if form == "hybrid":
        return hybrid(plan, filters, page.readers, max(plan.k, page.size + page.from_))
    least = LEAST_PIECES if form == "focused" else 0.0
    return {"query": one_stage(plan, filters, page.readers, least_pieces=least)}


def check_server(client: OpenSearch, form: Form) -> None:
    """Refuse a form that the server doesn't have.

    Raises:
        QueryError: with the first version that has it.
        ClusterError: the server refused or did not answer.
    """
    with guarded("asking for the server's version"):
        found = str(client.info()["version"]["number"])
    check_version(form, tuple(int(part) for part in found.split("-")[0].split(".")))


def check_version(form: Form, version: tuple[int, ...]) -> None:
    """Refuse a form that a server of this version, such as ``(2, 19, 1)``, doesn't have.

    Raises:
        QueryError: with the first version that has it.
    """
    if form == "hybrid" and version[:2] < HYBRID_SINCE:
        since = ".".join(map(str, HYBRID_SINCE))
        raise QueryError(
            f"form 'hybrid' needs OpenSearch {since} or newer, this is "
            f"{'.'.join(map(str, version))}: use form 'one-stage'"
        )
