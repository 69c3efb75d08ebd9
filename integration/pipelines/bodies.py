"""What is registered in the cluster, as pure functions: connectors, models, pipelines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.ingest.processors.tags import STALE
from opensearch_clir.service.options import is_loopback

__all__ = [
    "MARK",
    "PREFIX",
    "Job",
    "Target",
    "connector",
    "ingest_pipeline",
    "model",
    "model_ids",
    "pipeline_name",
    "rerank_name",
    "rerank_pipeline",
    "runs_first",
    "search_pipeline",
    "search_processor",
]

#: Begins every name of ours in the cluster.
PREFIX = "clir-"

#: Begins the description of what is ours; a digest of what it was made from follows.
MARK = "opensearch-clir"

Job = Literal["enrich", "rewrite", "rerank"]

#: What the cluster sends for each job; the placeholder is filled with JSON.
_REQUEST: Mapping[Job, str] = {
    "enrich": '{"document": ${parameters.document}}',
    "rewrite": '{"query": ${parameters.query}, "for": "ml-commons"}',
    "rerank": '{"query": ${parameters.query}, "documents": ${parameters.documents}}',
}


@dataclass(frozen=True)
class Target:
    """The service as the cluster reaches it.

    Attributes:
        url: without a path, as ``http://clir:8080``.
        token: that it wants, or None.
        seconds: after which an answer is no longer waited for.
        connect: the same for the connection.
        connections: at most, per node.
    """

    url: str
    token: str | None = None
    seconds: int = 10
    connect: int = 2
    connections: int = 100

    def __post_init__(self) -> None:
        """Check the address.

        Raises:
            ConfigurationError: it is none, or carries credentials, a path or a query.
        """
        parts = urlsplit(self.url)
        try:
            port_is_right = parts.port is None or parts.port > 0
        except ValueError:
            port_is_right = False
        extra = parts.username or parts.path.strip("/") or parts.query or parts.fragment
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or extra
            or not port_is_right
        ):
            raise ConfigurationError(
                f"the service's address must be like http://clir.internal:8080, got {self.url!r}"
            )

    @property
    def base(self) -> str:
        """The address without a slash at its end."""
        return self.url.rstrip("/")

    @property
    def local(self) -> bool:
        """Whether it is on the machine itself."""
        return is_loopback(urlsplit(self.url).hostname or "")


def connector(target: Target, bundle: str, job: Job) -> dict[str, Any]:
    """Return the body of a connector; its description changes with all that it is made from."""
    headers = {"Content-Type": "application/json"}
    credential = {"token": target.token or "none"}
    if target.token is not None:
        headers["Authorization"] = "Bearer ${credential.token}"
    body: dict[str, Any] = {
        "name": f"{PREFIX}{bundle}-{job}",
        "version": "1",
        "protocol": "http",
        "parameters": {},
        # ML Commons refuses a connector without any.
        "credential": credential,
        "actions": [
            {
                "action_type": "predict",
                "method": "POST",
                "url": f"{target.base}/v1/indices/{quote(bundle, safe='')}/{job}",
                "headers": headers,
                "request_body": _REQUEST[job],
            }
        ],
        "client_config": {
            "max_connection": target.connections,
            "connection_timeout": target.connect,
            "read_timeout": target.seconds,
        },
    }
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
    return {**body, "description": f"{MARK} {digest}"}


def model(bundle: str, job: Job, connector_id: str) -> dict[str, Any]:
    """Return the body that registers a connector as a model."""
    return {
        "name": f"{PREFIX}{bundle}-{job}",
        "function_name": "remote",
        "description": f"{MARK}: calls the service",
        "connector_id": connector_id,
    }


def pipeline_name(bundle: str, first: str | None = None) -> str:
    """Return the name of a pipeline; `first` is the user's own, which it runs before."""
    return f"{PREFIX}{bundle}" + (f"-after-{first}" if first else "")


def rerank_name(bundle: str) -> str:
    """Return the name of the pipeline that also reranks; no index can have a colon in its name."""
    return f"{pipeline_name(bundle)}:rerank"


def ingest_pipeline(schema: IndexSchema, model_id: str, first: str | None = None) -> dict[str, Any]:
    """Return the ingest pipeline.

    A document that the service can't enrich, or doesn't answer for, goes in marked as stale.

    Args:
        schema: of the index.
        model_id: of the enriching model.
        first: pipeline of the user's that runs before.
    """
    namespace = schema.namespace
    ours = {
        "tag": "clir-enrich",
        "if": _has_text(schema),
        "function_name": "remote",
        "model_id": model_id,
        # The whole document: languages and groups may be tagged in fields of their own.
        "input_map": [{"document": "$"}],
        "output_map": [{namespace: "clir"}],
        "override": True,
        "on_failure": [
            {
                "set": {
                    "tag": "clir-stale",
                    "field": f"{namespace}.hash",
                    "value": STALE,
                    "ignore_failure": True,
                }
            }
        ],
    }
    # Whatever else answers at the service's address: our object is an object, or nothing goes in.
    checked = {
        "tag": "clir-checked",
        "if": f"ctx['{namespace}'] != null && !(ctx['{namespace}'] instanceof Map)",
        "field": namespace,
        "value": {"hash": STALE},
    }
    theirs = [] if first is None else [{"pipeline": {"tag": "clir-first", "name": first}}]
    return {
        "description": f"{MARK}: language tags and vectors, made by the service",
        "processors": [*theirs, {"ml_inference": ours}, {"set": checked}],
    }


def search_pipeline(model_id: str) -> dict[str, Any]:
    """Return the search pipeline."""
    return {
        "description": f"{MARK}: free text also finds by meaning, across languages",
        "request_processors": [search_processor(model_id)],
    }


def rerank_pipeline(namespace: str, rewrite_id: str, rerank_id: str) -> dict[str, Any]:
    """Return the search pipeline that rewrites the query and reranks the hits of the page.

    Processors of responses see the hits' sources and not their scores. So the first step sorts by
    a number that all our documents have, which makes the server write down the scores it had; the
    third step puts them back, and the last one, if the service answered, its scores in their place.

    Args:
        namespace: of our object.
        rewrite_id, rerank_id: of the models.
    """
    score = "clir_score"
    ours = {
        "tag": "clir-rerank",
        "function_name": "remote",
        "model_id": rerank_id,
        "input_map": [{"documents": "$", "query": "$._request.query"}],
        "output_map": [{score: "scores"}],
        # One call for all hits.
        "one_to_one": False,
        "ignore_missing": True,
        "ignore_failure": True,
    }
    return {
        "description": f"{MARK}: free text also finds by meaning, and the page is reranked",
        "request_processors": [search_processor(rewrite_id)],
        "response_processors": [
            _by_field(f"{namespace}.lang_confidence", keep=True),
            {"ml_inference": ours},
            _by_field("previous_score"),
            _by_field(score),
        ],
    }


def _by_field(field: str, *, keep: bool = False) -> dict[str, Any]:
    by = {"target_field": field, "keep_previous_score": keep, "remove_target_field": not keep}
    return {"rerank": {"by_field": by, "ignore_failure": True}}


def search_processor(model_id: str) -> dict[str, Any]:
    """Return the processor that hands the whole query to the service and takes it back.

    Without an answer the original query runs; a request without a query is none of its business.
    """
    return {
        "ml_inference": {
            "tag": "clir-rewrite",
            "function_name": "remote",
            "model_id": model_id,
            "input_map": [{"query": "query"}],
            "output_map": [{"query": "query"}],
            "ignore_missing": True,
            "ignore_failure": True,
        }
    }


def model_ids(pipeline: Mapping[str, Any]) -> dict[str, str]:
    """Return the model that a pipeline of ours calls, by job."""
    kinds = ("processors", "request_processors", "response_processors")
    steps = [step for kind in kinds for step in pipeline.get(kind, [])]
    calls = [step["ml_inference"] for step in steps if "ml_inference" in step]
    jobs: dict[str, Job] = {
        "clir-enrich": "enrich",
        "clir-rewrite": "rewrite",
        "clir-rerank": "rerank",
    }
    return {jobs[c["tag"]]: c["model_id"] for c in calls if c.get("tag") in jobs}


def runs_first(pipeline: Mapping[str, Any]) -> str | None:
    """Return the user's pipeline that one of ours runs before, if any."""
    for step in pipeline.get("processors", []):
        if step.get("pipeline", {}).get("tag") == "clir-first":
            return str(step["pipeline"]["name"])
    return None


def _has_text(schema: IndexSchema) -> str:
    """Return the condition under which a document has something to enrich, or to take back."""
    keys: list[str] = []
    for field in schema.fields:
        # Dots reach into objects, or belong to the name.
        keys += dict.fromkeys((field.name, field.name.partition(".")[0]))
    names: Sequence[str] = list(dict.fromkeys([*keys, schema.namespace]))
    quoted = (name.replace("\\", "\\\\").replace("'", "\\'") for name in names)
    return " || ".join(f"ctx['{name}'] != null" for name in quoted)
