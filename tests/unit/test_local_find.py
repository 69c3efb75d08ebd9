"""Which server is chosen: a given one, Docker, a local one; Docker is played by a script."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opensearch_clir.errors import LocalServerError
from opensearch_clir.local import Instance, docker, find, find_server, known, stop

FAKE_DOCKER = """#!/bin/sh
echo "$@" >> "{log}"
case "$1" in
  version) exit {engine} ;;
  run) echo "Pulling from somewhere" >&2; echo 0123abc ;;
  port) echo 127.0.0.1:49153 ;;
  inspect) [ "$2" = --format ] && echo true; exit 0 ;;
esac
"""


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "USERNAME", "PASSWORD", "CA_CERTS"):
        monkeypatch.delenv(f"OPENSEARCH_{name}", raising=False)
    for name in ("CLIR_DOCKER_IMAGE", "CLIR_LOCAL_HEAP", "DOCKER_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLIR_DATA_DIR", str(tmp_path / "data"))
    local = Instance("temporary", "local", ("http://127.0.0.1:1",))
    monkeypatch.setattr(find, "start_temporary", lambda report: local)


@pytest.fixture
def play_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], Path]:
    """Put a `docker` on the PATH whose engine answers or not; return the log of its calls."""

    def play(engine: bool) -> Path:
        log, program = tmp_path / "docker.log", tmp_path / "bin" / "docker"
        program.parent.mkdir()
        program.write_text(FAKE_DOCKER.format(log=log, engine=0 if engine else 1))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setattr(docker, "wait_until_answering", lambda *a, **k: "2.19.1")
        monkeypatch.setattr(docker, "_with_testcontainers", lambda heap: None)
        return log

    return play


def test_given_address_beats_everything(
    monkeypatch: pytest.MonkeyPatch, play_docker: Callable[[bool], Path]
) -> None:
    play_docker(True)
    monkeypatch.setenv("OPENSEARCH_URL", "https://a:9200, https://b:9200")
    monkeypatch.setenv("OPENSEARCH_USERNAME", "me")
    monkeypatch.setenv("OPENSEARCH_PASSWORD", "hush-hush")
    monkeypatch.setenv("OPENSEARCH_CA_CERTS", "/etc/ca.pem")
    server = find_server()
    assert (server.kind, server.urls) == ("url", ("https://a:9200", "https://b:9200"))
    assert server.credentials() == ("me", "hush-hush")
    assert server.ca_certs == Path("/etc/ca.pem")
    assert "hush-hush" not in repr(server)
    server.stop()  # not ours: nothing happens


def test_docker_beats_local(play_docker: Callable[[bool], Path]) -> None:
    log = play_docker(True)
    server = find_server()
    assert (server.kind, server.url) == ("docker", "http://127.0.0.1:49153")
    server.stop()
    calls = log.read_text()
    assert f"--rm --env discovery.type=single-node --env {'DISABLE_SECURITY_PLUGIN=true'}" in calls
    assert f"{docker.DEFAULT_IMAGE}\n" in calls
    assert "stop -t 30 0123abc" in calls


def test_image_is_configurable(
    monkeypatch: pytest.MonkeyPatch, play_docker: Callable[[bool], Path]
) -> None:
    log = play_docker(True)
    monkeypatch.setenv("CLIR_DOCKER_IMAGE", "mirror/opensearch:3.2.0")
    find_server().stop()
    assert "mirror/opensearch:3.2.0\n" in log.read_text()


@pytest.mark.parametrize("host", [None, "tcp://elsewhere:2375"])
def test_local_where_no_engine_of_this_machine_answers(
    monkeypatch: pytest.MonkeyPatch, play_docker: Callable[[bool], Path], host: str | None
) -> None:
    play_docker(host is not None)
    if host:
        monkeypatch.setenv("DOCKER_HOST", host)
    assert find_server().kind == "local"
    assert find_server(use_docker=False).kind == "local"


def test_up_and_down_in_docker(play_docker: Callable[[bool], Path]) -> None:
    log = play_docker(True)
    instance = find.up(http_port=9250, heap="1g")
    assert (instance.kind, instance.url) == ("docker", "http://127.0.0.1:49153")
    assert find.up() == instance
    assert find_server() == instance
    calls = log.read_text()
    assert "run --detach --publish 127.0.0.1:9250:9200 --name clir-default-" in calls
    assert "OPENSEARCH_JAVA_OPTS=-Xms1g -Xmx1g" in calls
    assert calls.count("run --detach") == 1
    with pytest.raises(LocalServerError, match="was made in Docker"):
        find.up(nodes=3)
    assert stop(delete=True)
    assert "volume rm --force clir-default-" in log.read_text()
    assert known() == []


@pytest.mark.parametrize("options", [{"nodes": 3}, {"security": True}, {"use_docker": False}])
def test_docker_is_for_plain_single_nodes(
    monkeypatch: pytest.MonkeyPatch,
    play_docker: Callable[[bool], Path],
    options: dict[str, Any],
) -> None:
    log = play_docker(True)
    started: list[str] = []
    monkeypatch.setattr(find.server, "start", lambda name, **kw: started.append(json.dumps(name)))
    find.up(**options)
    assert started == ['"default"']
    assert not log.exists()
