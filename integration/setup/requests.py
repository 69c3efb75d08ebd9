"""The bodies of the requests that a set-up sends: pure functions."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from opensearch_clir.errors import IndexStateError
from opensearch_clir.index_templates import render
from opensearch_clir.index_templates.schema import META_KEY, IndexSchema
from opensearch_clir.index_templates.validate import missing_properties, same_template
from opensearch_clir.setup.conflicts import check_field_limit
from opensearch_clir.setup.inspect import IndexState, Member

__all__ = [
    "PIPELINES_RECORD",
    "Request",
    "components",
    "create",
    "extend",
    "pipelines_of",
    "switch",
    "with_constant",
]

#: Settings that the server gives an index by itself, or that belong to where it happens to live.
_ASSIGNED = (
    "index.uuid",
    "index.creation_date",
    "index.provided_name",
    "index.version.",
    "index.history.",
    "index.resize.",
    "index.routing.allocation.initial_recovery.",
    "index.remote_store.",
    "index.verified_before_close",
    "index.blocks.",
    "index.plugins.index_state_management.",
    "index.opendistro.",
)

#: Key beside the schema's under which `pipelines` notes what an index had before.
PIPELINES_RECORD = "pipelines"

#: The user's ingest pipelines; copies have been through them already.
_PIPELINES = ("index.default_pipeline", "index.final_pipeline")


@dataclass(frozen=True)
class Request:
    """One HTTP request that changes something.

    Attributes:
        method: ``PUT``, ``POST`` or ``DELETE``.
        path: with a leading slash, names quoted.
        body: JSON value, or None.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the request for ``--dry-run --json``."""
        return {"method": self.method, "path": self.path, "body": self.body}


def create(
    state: IndexState, schema: IndexSchema, source: Member | None = None, name: str = ""
) -> Request:
    """Return the creation of an index; the server merges the user's index templates into it.

    Args:
        state: of the name that is still free.
        schema: what it shall have.
        source: index whose settings and mappings it takes over, if documents will be copied.
        name: the name that the user sets up, if it is another.

    Raises:
        IndexStateError: the field limit would be exceeded.
    """
    ours = render.settings(indexed=schema.generation.indexed, server=state.server)
    added = render.properties(schema)
    settings: dict[str, Any] = {}
    mappings: dict[str, Any] = {}
    if source is not None:
        settings = {k: v for k, v in source.settings.items() if not k.startswith(_ASSIGNED)}
        settings |= dict.fromkeys(_PIPELINES, "_none")
        mappings = copy.deepcopy(dict(source.mappings))
        mappings.get("properties", {}).pop(schema.namespace, None)
        mappings.get("_meta", {}).pop(META_KEY, None)
        check_field_limit(source.name, mappings, added, settings)
    else:
        template = state.template
        check_field_limit(
            state.name, template.get("mappings", {}), added, template.get("settings", {})
        )
    record = {"name": name or state.name, "created": True, "had_meta": bool(mappings.get("_meta"))}
    if source is not None:
        record["migrated_from"] = source.name
        # The copy keeps the pipelines, so their removal must still know what was there before.
        if PIPELINES_RECORD in source.record:
            record[PIPELINES_RECORD] = source.record[PIPELINES_RECORD]
    mappings["_meta"] = {**mappings.get("_meta", {}), META_KEY: _meta(schema, record)}
    mappings["properties"] = {**mappings.get("properties", {}), **added}
    return Request("PUT", f"/{_q(state.name)}", {"settings": settings | ours, "mappings": mappings})


def extend(state: IndexState, schema: IndexSchema) -> list[Request]:
    """Return the mapping updates of the indices that lack something.

    Raises:
        IndexStateError: a field of ours is mapped in another way, or the limit is exceeded.
    """
    made: list[Request] = []
    wanted = render.properties(schema)
    for member in state.members:
        add, conflicts = missing_properties(wanted, member.properties)
        if conflicts:
            raise IndexStateError(
                f"index {member.name!r}: {'; '.join(map(str, conflicts[:3]))}; a mapped field "
                f"can't be changed: use `--migrate --to NEW` or another --namespace"
            )
        check_field_limit(member.name, member.mappings, add, member.settings)
        default = {"name": state.name, "created": False, "had_meta": "_meta" in member.mappings}
        record = (member.ours or {}).get("setup", default)
        # The server replaces _meta as a whole, so the user's keys are sent along.
        meta = {**member.meta, META_KEY: _meta(schema, record)}
        body: dict[str, Any] = {}
        if meta != member.meta:
            body["_meta"] = meta
        if add:
            body["properties"] = add
        if body:
            made.append(Request("PUT", f"/{_q(member.name)}/_mapping", body))
    return made


def components(state: IndexState, schema: IndexSchema) -> list[Request]:
    """Return the component template, if it is missing or differs from what is installed."""
    index = setup_name(state)
    name = render.component_name(index)
    record = {"name": index, "created": True, "had_meta": False}
    body = render.component_template(index, schema, _meta(schema, record), state.server)
    installed = (state.components or {}).get(name)
    if installed is not None and same_template(body, installed):
        return []
    return [Request("PUT", f"/_component_template/{_q(name)}", body)]


def setup_name(state: IndexState) -> str:
    """Return the name that the index was first set up by; its component template is called so."""
    recorded = [m.record.get("name") for m in state.members]
    return next((str(name) for name in recorded if name), state.name)


def pipelines_of(source: Member, target: str) -> Request:
    """Return the settings that give the copy the source's own pipelines back."""
    body = {name: source.settings.get(name) for name in _PIPELINES}
    return Request("PUT", f"/{_q(target)}/_settings", body)


def switch(state: IndexState, target: str, *, delete_old: bool) -> Request | None:
    """Return the one step that moves every name from the old index to the new one.

    None where the name is the old index itself and that may not be deleted.
    """
    source = state.members[0]
    named = state.kind == "concrete"
    if named and not delete_old:
        return None
    actions: list[dict[str, Any]] = []
    for alias, options in source.aliases.items():
        if not delete_old:
            actions.append({"remove": {"index": source.name, "alias": alias}})
        actions.append({"add": {"index": target, "alias": alias, **options}})
    if delete_old:
        actions.insert(0, {"remove_index": {"index": source.name}})
    if named:
        actions.append({"add": {"index": target, "alias": state.name}})
    return Request("POST", "/_aliases", {"actions": actions})


def with_constant(request: Request, constant: float) -> Request:
    """Return the request with the BM25 constant replaced in the set-up that it stores."""
    if request.body is None:
        return request
    body = copy.deepcopy(dict(request.body))
    for place in (body, body.get("mappings", {}), body.get("template", {}).get("mappings", {})):
        ours = place.get("_meta", {}).get(META_KEY)
        if ours is not None:
            ours["bm25_constant"] = constant
    return replace(request, body=body)


def _meta(schema: IndexSchema, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``_meta.clir``: the schema, and how it came about, for `uninstall`."""
    return {**schema.to_meta(), "setup": dict(record)}


def _q(name: str) -> str:
    return quote(name, safe="")
