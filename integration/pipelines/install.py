"""Installing: models first, tried out, and the index last, so that nothing breaks half-way."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from opensearchpy import OpenSearch

from opensearch_clir.cluster import guarded
from opensearch_clir.errors import ClusterError, ClusterUnreachableError, IndexStateError
from opensearch_clir.pipelines.bodies import Job, Target, model
from opensearch_clir.pipelines.plan import InstallPlan, Registration, plan_install
from opensearch_clir.pipelines.state import get, read_state
from opensearch_clir.setup.apply import send
from opensearch_clir.setup.read import read_schema
from opensearch_clir.setup.requests import Request

__all__ = ["drop_model", "install"]

#: Seconds that a deployment may take.
DEPLOY_SECONDS = 60

#: Seconds in which the service may load what it needs for an index, before it answers in time.
WARM_SECONDS = 60


def install(
    client: OpenSearch,
    name: str,
    target: Target,
    *,
    bundle: str | None = None,
    jobs: Sequence[Job] = ("enrich", "rewrite"),
    dry_run: bool = False,
) -> InstallPlan:
    """Make the cluster call the service for an index, and return what was, or would be, sent.

    Repeating it changes nothing. Before the index is touched, the cluster calls the service once.

    Args:
        client: connected client.
        name: of an index, an alias or a data stream that is set up.
        target: the service, as the cluster reaches it.
        bundle: another index or alias, whose pipelines this one shares; its set-up must be equal.
        jobs: ``enrich`` for an ingest pipeline, ``rewrite`` for a search pipeline; ``rerank``, with
            ``rewrite``, for a second one that also reranks the hits of the requests that name it.
        dry_run: decide, but send nothing.

    Raises:
        IndexStateError: not set up, a set-up other than the bundle's, or a search pipeline of the
            user's in the way.
        ClusterUnreachableError: the cluster can't reach the service.
        ClusterError: no ML Commons, or the cluster refused or did not answer.
    """
    schema = read_schema(client, name)
    shared = bundle or name
    if shared != name and read_schema(client, shared) != schema:
        raise IndexStateError(
            f"{name!r} is set up in another way than {shared!r}, so they can't share pipelines: "
            "run `clir setup` with the same options, or leave --bundle out"
        )
    state = read_state(client, name, shared)
    plan = plan_install(state, schema, target, jobs)
    if dry_run:
        return plan
    for request in plan.cluster:
        send(client, request, "letting ML Commons call the service")
    made: dict[str, str] = {}
    try:
        for registration in plan.models:
            made[registration.placeholder] = _register(client, registration)
            model_id, field = made[registration.placeholder], schema.fields[0].name
            _try_out(client, registration.job, model_id, target, field)
        for request in plan.requests:
            filled = _filled(request, made)
            send(client, filled, f"installing pipelines for {name!r} ({request.path})")
    except ClusterError:
        _take_back(client, made.values())
        raise
    for model_id in plan.superseded:
        drop_model(client, model_id)
    return plan


def _register(client: OpenSearch, registration: Registration) -> str:
    with guarded(f"creating the connector {registration.connector['name']}"):
        answer = client.transport.perform_request(
            "POST", "/_plugins/_ml/connectors/_create", body=registration.connector
        )
    body = model(registration.bundle, registration.job, answer["connector_id"])
    with guarded(f"registering the model {body['name']}"):
        task = client.transport.perform_request(
            "POST", "/_plugins/_ml/models/_register", params={"deploy": "true"}, body=body
        )
    limit = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < limit:
        found = get(client, f"/_plugins/_ml/tasks/{quote(task['task_id'], safe='')}")
        if found.get("state") == "COMPLETED" and _deployed(client, found["model_id"]):
            return str(found["model_id"])
        if found.get("state") in ("FAILED", "COMPLETED_WITH_ERROR"):
            raise ClusterError(f"deploying {body['name']}: {found.get('error')}")
        time.sleep(0.1)
    raise ClusterError(f"deploying {body['name']} took more than {DEPLOY_SECONDS} s")


def _deployed(client: OpenSearch, model_id: str) -> bool:
    found = get(client, f"/_plugins/_ml/models/{quote(model_id, safe='')}")
    return found.get("model_state") == "DEPLOYED"


def _try_out(client: OpenSearch, job: Job, model_id: str, target: Target, field: str) -> None:
    """Have the cluster call the service, with something that makes it load what the index needs."""
    trials: Mapping[Job, dict[str, Any]] = {
        "enrich": {"document": {field: "try it out"}},
        "rewrite": {"query": {"match": {field: "try it out"}}},
        "rerank": {
            "query": {"match": {field: "try it out"}},
            "documents": [{field: "try it out", "previous_score": 0.5}],
        },
    }
    path = f"/_plugins/_ml/models/{quote(model_id, safe='')}/_predict"
    limit = time.monotonic() + WARM_SECONDS
    error = _refusal(client, path, trials[job])
    while error is not None and "timed out" in str(error) and time.monotonic() < limit:
        error = _refusal(client, path, trials[job])
    if error is not None:
        raise ClusterUnreachableError(
            f"the cluster can't use the service at {target.base}: {error}; the address must be "
            "right as seen from the cluster's nodes, `clir serve` must run there, and the token "
            "must be the one it was started with; nothing was changed in the index"
        ) from error


def _refusal(client: OpenSearch, path: str, parameters: Mapping[str, Any]) -> ClusterError | None:
    try:
        with guarded("calling the service"):
            client.transport.perform_request("POST", path, body={"parameters": parameters})
    except ClusterError as error:
        return error
    return None


def _filled(request: Request, made: Mapping[str, str]) -> Request:
    text = json.dumps(request.body)
    for placeholder, model_id in made.items():
        text = text.replace(json.dumps(placeholder), json.dumps(model_id))
    return Request(request.method, request.path, json.loads(text))


def _take_back(client: OpenSearch, model_ids: Any) -> None:
    for model_id in model_ids:
        drop_model(client, model_id)


def drop_model(client: OpenSearch, model_id: str) -> None:
    """Remove a model and its connector; what is gone already is no error."""
    path = f"/_plugins/_ml/models/{quote(model_id, safe='')}"
    connector_id = get(client, path).get("connector_id")
    requests = [("POST", f"{path}/_undeploy"), ("DELETE", path)]
    if connector_id:
        requests.append(("DELETE", f"/_plugins/_ml/connectors/{quote(connector_id, safe='')}"))
    for method, place in requests:
        with guarded(f"removing a model ({method} {place})"):
            client.transport.perform_request(method, place, params={"ignore": (404,)})
