"""What the cluster has before an installation: read, nothing changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from opensearchpy import OpenSearch

from opensearch_clir.cluster import guarded
from opensearch_clir.errors import ClusterError, IndexClosedError
from opensearch_clir.pipelines.bodies import MARK, PREFIX, Job, model_ids
from opensearch_clir.setup.inspect import Member, lookup

__all__ = ["FINAL", "SEARCH", "State", "get", "members_of", "read_state"]

FINAL = "index.final_pipeline"
SEARCH = "index.search.default_pipeline"


@dataclass(frozen=True)
class State:
    """What a plan depends on.

    Attributes:
        name: as the user gave it.
        bundle: the index or alias whose set-up and calibration the pipelines use.
        members: the indices behind the name.
        ingest, search: pipelines whose names begin with ours.
        connectors: digest of the connector behind each of our models, by model id; only models
            that can be called.
        settings: of the cluster, flat, with defaults.
        ml_nodes: whether a node has the role ``ml``.
    """

    name: str
    bundle: str
    members: tuple[Member, ...]
    ingest: Mapping[str, Any] = field(default_factory=dict)
    search: Mapping[str, Any] = field(default_factory=dict)
    connectors: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    ml_nodes: bool = False

    def models(self, job: Job) -> dict[str, str]:
        """Return the model for a job by the name of the pipeline that calls it."""
        found = {**self.ingest} if job == "enrich" else {**self.search}
        calls = {name: model_ids(body).get(job) for name, body in found.items()}
        return {name: called for name, called in calls.items() if called is not None}


def read_state(client: OpenSearch, name: str, bundle: str) -> State:
    """Read what is there.

    Raises:
        IndexClosedError: an index behind the name is closed.
        ClusterError: the cluster has no ML Commons, refused, or did not answer.
    """
    members = members_of(client, name)
    closed = [m.name for m in members if not m.open]
    if closed:
        raise IndexClosedError(f"closed: {', '.join(closed)}; open the index first")
    with guarded("reading the nodes"):
        nodes = client.nodes.info(metric="plugins")["nodes"].values()
    if not all(any(p["name"] == "opensearch-ml" for p in n["plugins"]) for n in nodes):
        raise ClusterError(
            "this cluster has no ML Commons on every node, so its pipelines can't call a service: "
            "enrich where documents are written (`clir enrich`), or put `clir gateway` in front"
        )
    with guarded("reading the cluster's settings"):
        found = client.cluster.get_settings(include_defaults=True, flat_settings=True)
    settings = {**found["defaults"], **found["persistent"], **found["transient"]}
    ingest = _ours(get(client, "/_ingest/pipeline"))
    search = _ours(get(client, "/_search/pipeline"))
    ours = (*ingest.values(), *search.values())
    ids = sorted({called for body in ours for called in model_ids(body).values()})
    return State(
        name=name,
        bundle=bundle,
        members=members,
        ingest=ingest,
        search=search,
        connectors={i: d for i in ids if (d := _digest(client, i)) is not None},
        settings=settings,
        ml_nodes=any("ml" in node.get("roles", []) for node in nodes),
    )


def members_of(client: OpenSearch, name: str) -> tuple[Member, ...]:
    """Return the indices behind a name."""
    _, found = lookup(client, name)
    return tuple(Member(n, body["settings"], body["mappings"]) for n, body in found.items())


def get(client: OpenSearch, path: str) -> dict[str, Any]:
    """Return an answer, or nothing where nothing is found."""
    with guarded(f"reading {path}"):
        answer: dict[str, Any] = client.transport.perform_request(
            "GET", path, params={"ignore": (404,)}
        )
    missing = answer.get("status") == 404 or "error" in answer
    return {} if missing else answer


def _ours(pipelines: Mapping[str, Any]) -> dict[str, Any]:
    return {name: body for name, body in pipelines.items() if name.startswith(PREFIX)}


def _digest(client: OpenSearch, model_id: str) -> str | None:
    model = get(client, f"/_plugins/_ml/models/{quote(model_id, safe='')}")
    if model.get("model_state") not in ("DEPLOYED", "PARTIALLY_DEPLOYED"):
        return None
    connector = get(client, f"/_plugins/_ml/connectors/{quote(model['connector_id'], safe='')}")
    described = str(connector.get("description", ""))
    return described if described.startswith(MARK) else None
