"""Taking a set-up back: the mapping's ``_meta`` and our templates; documents stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from opensearchpy import OpenSearch

from opensearch_clir.calibration.store import BUNDLES, removal
from opensearch_clir.cluster import guarded
from opensearch_clir.errors import (
    ClusterAuthError,
    IndexClosedError,
    IndexMissingError,
    IndexStateError,
    NotManagedError,
)
from opensearch_clir.index_templates.schema import META_KEY
from opensearch_clir.setup.apply import send
from opensearch_clir.setup.inspect import IndexState, inspect
from opensearch_clir.setup.requests import PIPELINES_RECORD, Request

__all__ = ["UninstallPlan", "plan_uninstall", "uninstall"]


@dataclass(frozen=True)
class UninstallPlan:
    """What will be taken back.

    Attributes:
        index: the name that was given.
        requests: what is sent, in order.
        notes: what stays, and how to get rid of it.
    """

    index: str
    requests: tuple[Request, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the plan for programs."""
        return {
            "index": self.index,
            "requests": [r.to_json() for r in self.requests],
            "notes": list(self.notes),
        }


def plan_uninstall(
    state: IndexState, users: Mapping[str, tuple[str, ...]], bundles: int | None = 0
) -> UninstallPlan:
    """Decide what to take back.

    Args:
        state: of the index.
        users: index templates by the component template of ours that they are composed of.
        bundles: stored calibrations and pointers of the index; None where the user may not look.

    Raises:
        IndexMissingError: no such index.
        IndexClosedError: it is closed.
        NotManagedError: it was never set up, or uninstalled before.
        IndexStateError: the cluster's pipelines call a service for it.
    """
    if not state.members:
        raise IndexMissingError(f"there is no index {state.name!r}")
    closed = [m.name for m in state.members if not m.open]
    if closed:
        raise IndexClosedError(f"closed: {', '.join(closed)}; open the index first")
    managed = [m for m in state.members if m.ours is not None]
    if not managed:
        raise NotManagedError(f"index {state.name!r} is not set up: there is nothing to take back")
    piped = [m.name for m in managed if PIPELINES_RECORD in m.record]
    if piped:
        raise IndexStateError(
            f"the cluster calls a service for {', '.join(piped)}, which would then mark every "
            f"document as stale: run `clir pipelines uninstall {state.name}` first"
        )
    requests = []
    for member in managed:
        rest = {key: value for key, value in member.meta.items() if key != META_KEY}
        requests.append(Request("PUT", f"/{_q(member.name)}/_mapping", {"_meta": rest}))
    notes = [_what_stays(str((managed[0].ours or {}).get("namespace", META_KEY)))]
    for name in state.components or {}:
        if users.get(name):
            notes.append(f"{name} stays: {', '.join(users[name])} is composed of it.")
        else:
            requests.append(Request("DELETE", f"/_component_template/{_q(name)}"))
    if bundles:
        path, body = removal(_names(state))
        requests.append(Request("POST", path, body))
    elif bundles is None:
        notes.append(
            f"Calibrations of the index in {BUNDLES!r}, if there are any, stay: this user may not "
            "read them."
        )
    return UninstallPlan(state.name, tuple(requests), tuple(notes))


def uninstall(client: OpenSearch, index: str, *, dry_run: bool = False) -> UninstallPlan:
    """Take the set-up of an index back and return what was done, or with `dry_run` would be.

    Raises:
        IndexStateError: the index is missing, closed, or not set up.
        ClusterError: the cluster refused or did not answer.
    """
    state = inspect(client, index)
    users = _users(client) if state.components else {}
    plan = plan_uninstall(state, users, _bundles(client, _names(state)))
    if not dry_run:
        for request in plan.requests:
            send(client, request, f"uninstalling from {index!r} ({request.path})")
    return plan


def _names(state: IndexState) -> list[str]:
    return sorted({state.name, *(member.name for member in state.members)})


def _bundles(client: OpenSearch, names: Sequence[str]) -> int | None:
    body = {"query": {"terms": {"index": list(names)}}}
    try:
        with guarded("counting stored calibrations"):
            answer = client.count(index=BUNDLES, body=body, params={"ignore_unavailable": "true"})
    except ClusterAuthError:
        return None
    return int(answer["count"])


def _what_stays(namespace: str) -> str:
    return (
        f"The fields under {namespace!r} stay in the mapping and in the documents: a server can't "
        "remove a field. They cost disk space, nothing else. To drop them, reindex into an index "
        f'without them, with "_source": {{"excludes": ["{namespace}"]}} in the source of the '
        "_reindex request."
    )


def _users(client: OpenSearch) -> dict[str, tuple[str, ...]]:
    with guarded("reading index templates"):
        answer = client.transport.perform_request("GET", "/_index_template")
    users: dict[str, tuple[str, ...]] = {}
    for template in answer["index_templates"]:
        for component in template["index_template"].get("composed_of", []):
            users[component] = (*users.get(component, ()), template["name"])
    return users


def _q(name: str) -> str:
    return quote(name, safe="")
