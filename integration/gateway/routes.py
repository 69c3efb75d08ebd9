"""What a request is, by its method and path; a pure function."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote_to_bytes

__all__ = ["Kind", "Route", "route", "with_query"]

Kind = Literal[
    "search", "count", "msearch", "search template", "msearch template",
    "bulk", "document", "update", "changing", "other",
]  # fmt: skip

_SEARCHES: Mapping[tuple[str, ...], Kind] = {
    ("_search",): "search",
    ("_count",): "count",
    ("_msearch",): "msearch",
    ("_search", "template"): "search template",
    ("_msearch", "template"): "msearch template",
}

#: First segments after the index (or in its place) of requests that change documents or nothing:
#: what is known of mappings and aliases stays true.
_HARMLESS = frozenset(
    {"_analyze", "_bulk", "_cache", "_cluster", "_count", "_create", "_delete_by_query", "_doc"}
    | {"_explain", "_field_caps", "_flush", "_forcemerge", "_ingest", "_mget", "_msearch"}
    | {"_mtermvectors", "_nodes", "_plugins", "_rank_eval", "_refresh", "_reindex", "_render"}
    | {"_scripts", "_search", "_source", "_tasks", "_termvectors", "_update", "_update_by_query"}
    | {"_validate"}
)


@dataclass(frozen=True)
class Route:
    """What a request is.

    Attributes:
        kind: ``changing`` may change mappings, aliases or which indices there are; ``other`` is
            handed on without a look.
        index: the index expression of the path, decoded; None: none given.
        id: of the document, decoded.
        params: the query's parameters, decoded; of one given twice the last, as the server does.
    """

    kind: Kind
    index: str | None
    id: str | None
    params: Mapping[str, str]


def route(method: bytes, target: bytes) -> Route:
    """Return what a request is."""
    path, _, query = target.partition(b"?")
    params = _params(query)
    segments = [_decoded(part) for part in path.strip(b"/").split(b"/")]
    if b"" in path[1:].rstrip(b"/").split(b"/"):
        return Route("other", None, None, params)
    head, rest = (None, segments) if segments[0].startswith("_") else (segments[0], segments[1:])
    if segments[0] == "_all":
        head, rest = "_all", segments[1:]
    kind, id_ = _kind(method, head, rest)
    return Route(kind, head, id_, params)


def with_query(
    target: bytes, *, without: Collection[str] = (), added: Mapping[str, str] | None = None
) -> bytes:
    """Return a target with some parameters taken away and some added; others stay as they are."""
    path, _, query = target.partition(b"?")
    parts = [part for part in query.split(b"&") if part]
    kept = [part for part in parts if _decoded_plus(part.partition(b"=")[0]) not in without]
    for name, value in (added or {}).items():
        kept.append(f"{quote(name, safe='')}={quote(value, safe='')}".encode())
    return path + b"?" + b"&".join(kept) if kept else path


def _kind(method: bytes, index: str | None, rest: list[str]) -> tuple[Kind, str | None]:
    if method in (b"GET", b"POST") and tuple(rest) in _SEARCHES:
        return _SEARCHES[tuple(rest)], None
    if method in (b"POST", b"PUT"):
        if rest == ["_bulk"]:
            return "bulk", None
        if index is not None and rest[:1] in (["_doc"], ["_create"]) and len(rest) <= 2:
            if len(rest) == 2:
                return "document", rest[1]
            if rest == ["_doc"] and method == b"POST":
                return "document", None
        if index is not None and rest[:1] == ["_update"] and len(rest) == 2 and method == b"POST":
            return "update", rest[1]
    if method in (b"GET", b"HEAD", b"OPTIONS") or (rest and rest[0] in _HARMLESS):
        return "other", None
    return "changing", None


def _params(query: bytes) -> dict[str, str]:
    found = {}
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if name:
            found[_decoded_plus(name)] = _decoded_plus(value)
    return found


def _decoded(part: bytes) -> str:
    return unquote_to_bytes(part).decode("utf-8", "surrogateescape")


def _decoded_plus(part: bytes) -> str:
    return _decoded(part.replace(b"+", b" "))
