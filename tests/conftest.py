"""Fixtures of all tests: real servers, and index names that can't hit anybody else's.

A missing server fails the run: nothing is skipped for it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from opensearchpy import OpenSearch
from opensearchpy.exceptions import NotFoundError

from opensearch_clir.local import Instance, find_server, start_temporary


@contextmanager
def fast_java() -> Iterator[None]:
    """Start servers in half the processor time; what they run for hours is slower, not in tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[Instance]:
    """`OPENSEARCH_URL`, else a new one in Docker, else a new local one; empty unless given."""
    with fast_java():
        instance = find_server(reuse=False)
    yield instance
    instance.stop()


@pytest.fixture(scope="session")
def client(server: Instance) -> Iterator[OpenSearch]:
    """A client of `server`."""
    with server.client() as opensearch:
        yield opensearch


@pytest.fixture(scope="session")
def cluster3() -> Iterator[Instance]:
    """A new local cluster of 3 nodes, started with the first test that asks for it."""
    with fast_java():
        instance = start_temporary(nodes=3)
    yield instance
    instance.stop()


@pytest.fixture(scope="session")
def cluster3_client(cluster3: Instance) -> Iterator[OpenSearch]:
    """A client of all nodes of `cluster3`."""
    with cluster3.client() as opensearch:
        yield opensearch


@pytest.fixture(scope="session")
def secure_server() -> Iterator[Instance]:
    """A new local server with TLS and a password."""
    with fast_java():
        instance = start_temporary(security=True)
    yield instance
    instance.stop()


@pytest.fixture
def index_name(client: OpenSearch) -> Iterator[str]:
    """A name nobody else uses; whatever on `server` begins with it is removed after the test."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    yield name
    remove_by_prefix(client, name)


@pytest.fixture
def remove_prefix(client: OpenSearch) -> Callable[[str], None]:
    """`remove_by_prefix` on `server`, for tests that make up names of their own."""
    return partial(remove_by_prefix, client)


def remove_by_prefix(client: OpenSearch, prefix: str) -> None:
    """Remove the indices (with their aliases), templates and pipelines that begin with `prefix`.

    Each is looked up and removed by its full name: no wildcard is ever sent with a DELETE.
    """
    assert prefix.startswith("t-"), prefix
    for index in client.indices.get(index=f"{prefix}*", expand_wildcards="all"):
        client.indices.delete(index=index)
    for path, listed in (("_index_template", "index_templates"),
                         ("_component_template", "component_templates")):  # fmt: skip
        for template in _get(client, f"/{path}/{prefix}*").get(listed, []):
            client.transport.perform_request("DELETE", f"/{path}/{template['name']}")
    for path in ("_ingest/pipeline", "_search/pipeline"):
        for pipeline in _get(client, f"/{path}"):
            if pipeline.startswith(prefix):
                client.transport.perform_request("DELETE", f"/{path}/{pipeline}")


def _get(client: OpenSearch, path: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = client.transport.perform_request("GET", path)
    except NotFoundError:
        return {}
    return found
