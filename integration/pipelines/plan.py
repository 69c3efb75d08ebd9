"""What an installation changes: decided from what is there, nothing sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from opensearch_clir.errors import IndexStateError
from opensearch_clir.index_templates.schema import META_KEY, IndexSchema
from opensearch_clir.pipelines.bodies import (
    PREFIX,
    Job,
    Target,
    connector,
    ingest_pipeline,
    model,
    pipeline_name,
    rerank_name,
    rerank_pipeline,
    runs_first,
    search_pipeline,
    search_processor,
)
from opensearch_clir.pipelines.cluster_settings import allowing
from opensearch_clir.pipelines.state import FINAL, SEARCH, State
from opensearch_clir.setup.inspect import Member
from opensearch_clir.setup.requests import PIPELINES_RECORD as RECORD
from opensearch_clir.setup.requests import Request

__all__ = ["InstallPlan", "Registration", "before", "plan_install"]

#: Values that mean that there is no pipeline.
_NONE = (None, "", "_none")


@dataclass(frozen=True)
class Registration:
    """A model to be made: its connector first, then the model on it.

    Attributes:
        job: what it is for.
        connector: body, with the token.
        bundle: whose it is.
    """

    job: Job
    connector: Mapping[str, Any]
    bundle: str

    @property
    def placeholder(self) -> str:
        """What stands for the model's id until it is known."""
        return f"<id of model {PREFIX}{self.bundle}-{self.job}>"

    def requests(self) -> list[Request]:
        """Return the requests as they may be shown: without the token."""
        shown = {**self.connector, "credential": {"token": "…"}}
        body = model(self.bundle, self.job, f"<id of connector {self.connector['name']}>")
        return [
            Request("POST", "/_plugins/_ml/connectors/_create", shown),
            Request("POST", "/_plugins/_ml/models/_register?deploy=true", body),
        ]


@dataclass(frozen=True)
class InstallPlan:
    """What will be sent, in order.

    Attributes:
        name: that was given.
        cluster: settings of the cluster that ML Commons needs.
        models: to be made.
        requests: pipelines and settings; ids of new models stand in them as placeholders.
        superseded: ids of models that nothing calls afterwards.
        notes: what the user should know.
    """

    name: str
    cluster: tuple[Request, ...]
    models: tuple[Registration, ...]
    requests: tuple[Request, ...]
    superseded: tuple[str, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the plan for programs."""
        made = [request for m in self.models for request in m.requests()]
        every = [*self.cluster, *made, *self.requests]
        return {
            "index": self.name,
            "requests": [request.to_json() for request in every],
            "notes": list(self.notes),
        }


def plan_install(
    state: State, schema: IndexSchema, target: Target, jobs: Sequence[Job] = ("enrich", "rewrite")
) -> InstallPlan:
    """Decide what to send; nothing, where all is as it should be.

    Args:
        state: of the cluster and the index.
        schema: of the index.
        target: the service.
        jobs: ``enrich`` for an ingest pipeline, ``rewrite`` for a search pipeline, ``rerank`` for
            one that also reranks, which requests must name. One that is there is kept up to date.

    Raises:
        IndexStateError: an index has a search pipeline of the user's.
    """
    if "rewrite" in jobs and rerank_name(state.bundle) in state.search and "rerank" not in jobs:
        jobs = (*jobs, "rerank")
    made: list[Registration] = []
    ids: dict[Job, str] = {}
    for job in jobs:
        wanted = connector(target, state.bundle, job)
        calls = rerank_name(state.bundle) if job == "rerank" else pipeline_name(state.bundle)
        current = state.models(job).get(calls)
        if current is not None and state.connectors.get(current) == wanted["description"]:
            ids[job] = current
        else:
            made.append(Registration(job, wanted, state.bundle))
            ids[job] = made[-1].placeholder
    requests: list[Request] = []
    if "enrich" in ids:
        requests += _ingest(state, schema, ids["enrich"])
    if "rewrite" in ids:
        name = pipeline_name(state.bundle)
        requests += _put("search", name, search_pipeline(ids["rewrite"]), state.search)
    if "rerank" in ids:
        name = rerank_name(state.bundle)
        body = rerank_pipeline(schema.namespace, ids["rewrite"], ids["rerank"])
        requests += _put("search", name, body, state.search)
    for member in state.members:
        requests += _member(state, member, ids)
    before = [id_ for job in jobs for id_ in _called(state, job)]
    return InstallPlan(
        name=state.name,
        cluster=tuple(allowing(state, target)) if made else (),
        models=tuple(made),
        requests=tuple(requests),
        superseded=tuple(id_ for id_ in dict.fromkeys(before) if id_ not in ids.values()),
        notes=("indices made later, by a rollover or a template, need the installation again",),
    )


def _called(state: State, job: Job) -> list[str]:
    return [m for name, m in state.models(job).items() if _named(name, state.bundle)]


def _named(pipeline: str, bundle: str) -> bool:
    name = pipeline_name(bundle)
    return pipeline in (name, rerank_name(bundle)) or pipeline.startswith(f"{name}-after-")


def _ingest(state: State, schema: IndexSchema, model_id: str) -> list[Request]:
    """Return the ingest pipelines: the plain one, and one for each of the users' that runs first.

    Those that other indices use are brought up to date, too.
    """
    firsts = {runs_first(b) for name, b in state.ingest.items() if _named(name, state.bundle)}
    firsts |= {_users_own(state, member) for member in state.members} | {None}
    requests: list[Request] = []
    for first in sorted(firsts, key=str):
        name = pipeline_name(state.bundle, first)
        requests += _put("ingest", name, ingest_pipeline(schema, model_id, first), state.ingest)
    return requests


def _member(state: State, member: Member, ids: Mapping[Job, str]) -> list[Request]:
    """Return the settings of one index, and the note of what it had."""
    settings: dict[str, Any] = {}
    if "enrich" in ids:
        settings[FINAL] = pipeline_name(state.bundle, _users_own(state, member))
    if "rewrite" in ids:
        there = member.settings.get(SEARCH)
        if there not in _NONE and not _ours(there, state.search):
            raise IndexStateError(_taken(member.name, str(there), ids["rewrite"]))
        settings[SEARCH] = pipeline_name(state.bundle)
    changed = {k: v for k, v in settings.items() if member.settings.get(k) != v}
    if not changed:
        return []
    path = f"/{quote(member.name, safe='')}/_settings"
    return [_record(member, state.bundle, changed), Request("PUT", path, changed)]


def _users_own(state: State, member: Member) -> str | None:
    there = member.settings.get(FINAL)
    if there in _NONE:
        return None
    if _ours(there, state.ingest):
        return runs_first(state.ingest[str(there)])
    return str(there)


def _ours(name: Any, pipelines: Mapping[str, Any]) -> bool:
    return str(name).startswith(PREFIX) and str(name) in pipelines


def _put(kind: str, name: str, body: Mapping[str, Any], there: Mapping[str, Any]) -> list[Request]:
    if there.get(name) == body:
        return []
    return [Request("PUT", f"/_{kind}/pipeline/{quote(name, safe='')}", body)]


def before(member: Member) -> Mapping[str, Any]:
    """Return the settings that an index had before our pipelines, as noted in its mapping."""
    found: Mapping[str, Any] = member.record.get(RECORD, {}).get("before", {})
    return found


def _record(member: Member, bundle: str, changed: Mapping[str, Any]) -> Request:
    """Return the note of what an index had, kept in its mapping; an earlier note stays."""
    had = {name: member.settings.get(name) for name in changed} | dict(before(member))
    noted = {**member.record, RECORD: {"bundle": bundle, "before": had}}
    meta = {**member.meta, META_KEY: {**(member.ours or {}), "setup": noted}}
    return Request("PUT", f"/{quote(member.name, safe='')}/_mapping", {"_meta": meta})


def _taken(index: str, pipeline: str, model_id: str) -> str:
    shown = model_id if not model_id.startswith("<") else "MODEL"
    return (
        f"index {index!r} has the search pipeline {pipeline!r}, which a second one would replace: "
        f"add this to its request_processors, after your own: "
        f"{json.dumps(search_processor(shown))}, or install with --only ingest"
    )
