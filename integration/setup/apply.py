"""Carrying out a plan; repeating it, or going on after an interruption, does no harm."""

from __future__ import annotations

from typing import Any

from opensearchpy import OpenSearch, RequestError

from opensearch_clir.cluster import guarded
from opensearch_clir.debias import store
from opensearch_clir.debias.transform import Debias
from opensearch_clir.errors import ClirError, ClusterError, IndexStateError
from opensearch_clir.index_templates import render
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.index_templates.validate import simulate
from opensearch_clir.setup.plan import SetupPlan
from opensearch_clir.setup.probe import measure_bm25_constant
from opensearch_clir.setup.read import read_schema
from opensearch_clir.setup.requests import Request

__all__ = ["apply", "send"]


def apply(client: OpenSearch, plan: SetupPlan) -> IndexSchema:
    """Send what the plan says and return the schema that the index then has.

    Of a migration, this makes the new index; `opensearch_clir.setup.migrate` copies and switches.

    Raises:
        IndexStateError: another set-up with other choices ran at the same time.
        ClusterReadOnlyError, ClusterAuthError: the index is blocked, or a permission is missing.
        ClusterError: the server refused something else, or did not answer.
    """
    if not plan.requests:
        if plan.debias is not None:  # somebody removed it
            _store_debias(client, plan, plan.debias)
        return plan.schema
    if plan.measure:
        plan = plan.with_constant(measure_bm25_constant(client, plan.server))
    generation = plan.schema.generation
    template: dict[str, Any] = {
        "settings": render.settings(indexed=generation.indexed, server=plan.server),
        "mappings": {"properties": render.properties(plan.schema)},
    }
    simulate(client, template)
    if plan.debias is not None:
        _store_debias(client, plan, plan.debias)
    for request in plan.requests:
        _send_once(client, request, plan)
    return _verified(client, plan)


def _store_debias(client: OpenSearch, plan: SetupPlan, debias: Debias) -> None:
    """Keep the debiasing first: an index must not name one that is not there."""
    for generation in plan.schema.generations.values():
        reference = generation.debias
        if reference is not None and reference.digest == debias.digest:
            store.save(client, generation, debias)


def send(client: OpenSearch, request: Request, doing: str) -> Any:
    """Send one request. Raises `ClusterError`."""
    with guarded(doing):
        return client.transport.perform_request(
            request.method, request.path, body=request.body if request.body is not None else None
        )


def _send_once(client: OpenSearch, request: Request, plan: SetupPlan) -> None:
    try:
        send(client, request, f"setting up {plan.index!r} ({request.method} {request.path})")
    except ClusterError as error:
        # Somebody else created it meanwhile; whether in the same way is checked at the end.
        if not _exists_already(error):
            raise


def _exists_already(error: ClirError) -> bool:
    cause = error.__cause__
    return isinstance(cause, RequestError) and cause.error == "resource_already_exists_exception"


def _verified(client: OpenSearch, plan: SetupPlan) -> IndexSchema:
    found = read_schema(client, plan.managed)
    if found != plan.schema:
        raise IndexStateError(
            f"index {plan.managed!r} was set up by somebody else at the same time, with other "
            f"choices: look at them and run `clir setup {plan.index}` again"
        )
    return found
