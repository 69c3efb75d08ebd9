"""Taking pipelines back: each index as it was, and what nothing uses any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from opensearchpy import OpenSearch

from opensearch_clir.cluster import guarded
from opensearch_clir.errors import IndexMissingError, IndexStateError
from opensearch_clir.index_templates.schema import META_KEY
from opensearch_clir.pipelines.bodies import PREFIX, model_ids, rerank_name, runs_first
from opensearch_clir.pipelines.install import drop_model
from opensearch_clir.pipelines.state import FINAL, SEARCH, get, members_of
from opensearch_clir.setup.apply import send
from opensearch_clir.setup.inspect import Member
from opensearch_clir.setup.requests import PIPELINES_RECORD as RECORD
from opensearch_clir.setup.requests import Request

__all__ = ["Removal", "uninstall"]


@dataclass(frozen=True)
class Removal:
    """What is taken back.

    Attributes:
        name: that was given.
        requests: in order.
        models: ids of those that nothing calls any more; they go with their connectors.
        notes: what stays.
    """

    name: str
    requests: tuple[Request, ...]
    models: tuple[str, ...]
    notes: tuple[str, ...] = (
        (
            "settings of the cluster that let ML Commons call the service stay: other models may "
            "need them; see plugins.ml_commons.* in GET _cluster/settings"
        ),
    )

    def to_json(self) -> dict[str, Any]:
        """Return the plan for programs."""
        models = [Request("DELETE", f"/_plugins/_ml/models/{i}") for i in self.models]
        return {
            "index": self.name,
            "requests": [r.to_json() for r in (*self.requests, *models)],
            "notes": list(self.notes),
        }


def uninstall(client: OpenSearch, name: str, *, dry_run: bool = False) -> Removal:
    """Give an index its own pipelines back and return what was, or would be, sent.

    Pipelines and models that another index uses stay.

    Raises:
        IndexMissingError: no such index.
        IndexStateError: it has no pipelines of ours.
        ClusterError: the cluster refused or did not answer.
    """
    members = members_of(client, name)
    if not members:
        raise IndexMissingError(f"there is no index {name!r}")
    ingest, search = (get(client, f"/_{kind}/pipeline") for kind in ("ingest", "search"))
    requests: list[Request] = []
    for member in members:
        requests += _restored(member, ingest)
    if not requests:
        raise IndexStateError(f"index {name!r} has no pipelines of ours: nothing to take back")
    used = _used(client, {m.name for m in members})
    bundles = {_bundle(member) for member in members} - {None}
    models: set[str] = set()
    kept: set[str] = set()
    for kind, pipelines in (("ingest", ingest), ("search", search)):
        for pipeline, body in pipelines.items():
            ours = any(_belongs(pipeline, str(bundle)) for bundle in bundles)
            called = set(model_ids(body).values())
            if ours and not {pipeline, pipeline.removesuffix(":rerank")} & used:
                path = f"/_{kind}/pipeline/{quote(pipeline, safe='')}"
                requests.append(Request("DELETE", path))
                models |= called
            else:
                kept |= called
    removal = Removal(name, tuple(requests), tuple(sorted(models - kept)))
    if not dry_run:
        for request in removal.requests:
            send(client, request, f"taking pipelines of {name!r} back ({request.path})")
        for model_id in removal.models:
            drop_model(client, model_id)
    return removal


def _restored(member: Member, ingest: Mapping[str, Any]) -> list[Request]:
    record = _record(member)
    before: Mapping[str, Any] = record.get("before", {})
    settings: dict[str, Any] = {}
    final = str(member.settings.get(FINAL, ""))
    if final.startswith(PREFIX) and final in ingest:
        settings[FINAL] = before.get(FINAL) or runs_first(ingest[final])
    if str(member.settings.get(SEARCH, "")).startswith(PREFIX):
        settings[SEARCH] = before.get(SEARCH)
    path = quote(member.name, safe="")
    requests = [Request("PUT", f"/{path}/_settings", settings)] if settings else []
    if record:
        ours = dict(member.ours or {})
        ours["setup"] = {k: v for k, v in member.record.items() if k != RECORD}
        meta = {**member.meta, META_KEY: ours}
        requests.append(Request("PUT", f"/{path}/_mapping", {"_meta": meta}))
    return requests


def _record(member: Member) -> Mapping[str, Any]:
    found: Mapping[str, Any] = member.record.get(RECORD, {})
    return found


def _bundle(member: Member) -> str | None:
    found = _record(member).get("bundle")
    return None if found is None else str(found)


def _belongs(pipeline: str, bundle: str) -> bool:
    name = f"{PREFIX}{bundle}"
    return pipeline in (name, rerank_name(bundle)) or pipeline.startswith(f"{name}-after-")


def _used(client: OpenSearch, besides: set[str]) -> set[str]:
    """Return the pipelines that other indices name."""
    params = {"flat_settings": "true", "expand_wildcards": "all"}
    with guarded("reading the settings of all indices"):
        found = client.indices.get_settings(index="_all", params=params)
    keys = (FINAL, SEARCH, "index.default_pipeline")
    return {
        str(body["settings"].get(key))
        for name, body in found.items()
        if name not in besides
        for key in keys
    }
