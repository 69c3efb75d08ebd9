"""Fixtures of the tests that need a server of their own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from opensearchpy import OpenSearch, helpers

from drop_in import HELPDESK, TOKEN, ServiceProcess
from opensearch_clir import Clir, pipelines
from opensearch_clir.local import Instance, docker, known, stop
from opensearch_clir.local.nodes import check_heap
from opensearch_clir.pipelines.bodies import Target

KNN = {"index.knn": True}

#: Fields of the help desk, as a user maps them.
MAPPED = {
    "id": {"type": "keyword"},
    "topic": {"type": "keyword"},
    "lang": {"type": "keyword"},
    "@timestamp": {"type": "date"},
    "stock": {"type": "integer"},
}


@pytest.fixture
def fast_java(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half the processor time of a start; slower afterwards, which nobody waits for here."""
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")


@pytest.fixture
def own_instances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast_java: None
) -> Iterator[Path]:
    """An empty place for named instances; what a test leaves running there is stopped."""
    monkeypatch.setenv("CLIR_DATA_DIR", str(tmp_path / "data"))
    yield tmp_path / "data"
    for name, _ in known():
        stop(name, delete=True)


@pytest.fixture
def docker_server() -> Iterator[Instance]:
    """A server in Docker. The one thing that is skipped where it is missing, by name."""
    if not docker.engine_answers():
        pytest.skip("no Docker engine answers on this machine")
    instance = docker.create_temporary(check_heap(None))
    yield instance
    instance.stop()


@pytest.fixture(scope="session")
def service(server: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A running `clir serve` for all tests; who needs to stop one starts another."""
    process = ServiceProcess(server, tmp_path_factory.mktemp("service"))
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="module")
def dropped_in(client: OpenSearch, service: ServiceProcess) -> Iterator[str]:
    """An index that a stock client filled through the cluster's own pipelines."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    client.indices.create(index=name, body={"mappings": {"properties": MAPPED}, "settings": KNN})
    Clir(client, name).setup(fields="title^2,text", languages="ar,de,en,es,fr,hi,ja,ko,ru,zh")
    pipelines.install(client, name, Target(service.url, TOKEN))
    actions = ({"_index": name, "_id": d["id"], "_source": d} for d in HELPDESK)
    done, errors = helpers.bulk(client, actions, refresh=True)
    assert (done, errors) == (len(HELPDESK), [])
    yield name
    pipelines.uninstall(client, name)
    client.indices.delete(index=name)
