"""Fixtures of the tests that need a server of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opensearch_clir.local import Instance, docker, known, stop
from opensearch_clir.local.nodes import check_heap


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
