"""A search body for indices of which some are managed; called in a worker thread."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from opensearch_clir.gateway.registry import Registry
from opensearch_clir.gateway.targets import Found, Managed
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.query.rewrite import rewrite

__all__ = ["URI_PARAMETERS", "from_uri", "in_pit", "rewritten_body", "wants_dfs"]

#: Managed indices that are each searched with term statistics of their own. Of more, those with
#: equal set-ups share the statistics of one.
MAX_BRANCHES = 8

#: Of an index that is not managed the scores of words are squeezed into [0, 1), in their order, to
#: stand beside probabilities. It is BM25 at half: an ordinary match of two words.
_SQUEEZED = {"source": "_score / (_score + params.half)", "params": {"half": 10.0}}

#: Parameters of a query in the address, and their names in ``query_string``.
_URI = {
    "df": "default_field",
    "analyzer": "analyzer",
    "analyze_wildcard": "analyze_wildcard",
    "default_operator": "default_operator",
    "lenient": "lenient",
}


def rewritten_body(
    body: Mapping[str, Any], expression: str, found: Found, registry: Registry, *, hits: bool = True
) -> dict[str, Any] | None:
    """Return a search body whose free text also finds documents by meaning; None: nothing to do.

    Args:
        body: of a search or a count.
        expression: the indices, as the request names them.
        found: what that stands for.
        registry: plans the queries.
        hits: whether the answer has documents, which our object is then left out of.

    Raises:
        ClusterError, EncoderError, IndexStateError: as `Clir.search`.
    """
    query = body.get("query")
    if not isinstance(query, Mapping) or not found.managed:
        return None
    new = _rewritten(query, expression, found, registry)
    if new is query:
        return None
    changed = {**body, "query": new}
    if hits:
        changed["_source"] = _hidden(body.get("_source", True), found.managed)
    return changed


def wants_dfs(expression: str, found: Found) -> bool:
    """Whether term statistics must be gathered from several shards for scores to be comparable.

    Indices that are planned for one by one are scored with the statistics of each.
    """
    return any(
        sum(m.shards for m in found.managed if m.name in names) > 1
        for _, _, names in _parts(expression, found)
    )


def from_uri(params: Mapping[str, str]) -> dict[str, Any]:
    """Return the query that a search in its address (``?q=…``) stands for."""
    options: dict[str, Any] = {"query": params["q"]}
    options |= {name: params[key] for key, name in _URI.items() if key in params}
    return {"query_string": options}


#: Parameters that `from_uri` reads.
URI_PARAMETERS = frozenset({"q", *_URI})


def in_pit(id_: str, everything: Found) -> Found:
    """Return which indices a point in time holds, of all that there are.

    Its id is opaque to clients; the server writes the indices' unique ids into it.
    """
    try:
        data = base64.urlsafe_b64decode(id_ + "=" * (-len(id_) % 4))
    except (binascii.Error, ValueError):
        return Found()
    inside = {n for n, uuid in everything.uuids.items() if uuid and uuid.encode() in data}
    return Found(
        tuple(m for m in everything.managed if m.name in inside),
        tuple(name for name in everything.others if name in inside),
    )


def _rewritten(
    query: Mapping[str, Any], expression: str, found: Found, registry: Registry
) -> Mapping[str, Any]:
    parts = _parts(expression, found)
    new = []
    for name, schema, _ in parts:
        fields = registry.own_fields(name, schema)
        planner = registry.planner(name, schema)
        new.append(rewrite(query, planner, least=registry.least, own_fields=fields))
    if all(one is query for one in new):
        return query
    if len(parts) == 1 and not found.others:
        return new[0]
    should = [
        {"bool": {"must": [one], "filter": [{"terms": {"_index": list(names)}}]}}
        for one, (_, _, names) in zip(new, parts, strict=True)
    ]
    if found.others:
        ours = [name for _, _, names in parts for name in names]
        squeezed = {"script_score": {"query": query, "script": _SQUEEZED}}
        should.append({"bool": {"must": [squeezed], "must_not": [{"terms": {"_index": ours}}]}})
    return {"bool": {"should": should, "minimum_should_match": 1}}


def _parts(expression: str, found: Found) -> list[tuple[str, IndexSchema, tuple[str, ...]]]:
    """Return name to plan for, set-up, and indices of each part of a search."""
    names = tuple(m.name for m in found.managed)
    managed = found.managed
    if len(managed) == 1:
        return [(names[0], managed[0].schema, names)]
    alike = all(m.schema == managed[0].schema for m in managed) and not found.others
    if alike and expression != "_all" and not set(expression) & set(",*<>"):
        # An alias or a data stream is planned for as a whole, as `Clir` does.
        return [(expression, managed[0].schema, names)]
    if len(managed) <= MAX_BRANCHES:
        return [(m.name, m.schema, (m.name,)) for m in managed]
    groups: list[tuple[IndexSchema, list[str]]] = []
    for m in managed:
        same = next((members for schema, members in groups if schema == m.schema), None)
        if same is None:
            groups.append((m.schema, [m.name]))
        else:
            same.append(m.name)
    return [(members[-1], schema, tuple(members)) for schema, members in groups]


def _hidden(source: Any, managed: Sequence[Managed]) -> Any:
    """Return a ``_source`` of a search body that leaves our object out unless it was asked for."""
    ours = sorted({m.schema.namespace for m in managed})
    patterns = [p for name in ours for p in (name, f"{name}.*")]
    if source is False or source == "false":
        return source
    if source is True or source == "true":
        return {"excludes": patterns}
    if isinstance(source, str):
        source = [source]
    if isinstance(source, list):
        source = {"includes": source}
    if not isinstance(source, Mapping):
        return source
    includes = source.get("includes", source.get("include", []))
    listed = [includes] if isinstance(includes, str) else list(includes)
    if any(str(item).partition(".")[0] in ours for item in listed):
        return source
    key = "exclude" if "exclude" in source else "excludes"
    excludes = source.get(key, [])
    return {**source, key: [*([excludes] if isinstance(excludes, str) else excludes), *patterns]}
