"""The local server, for real: assembled, started, stopped, broken and repaired."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from opensearchpy import OpenSearch
from opensearchpy.exceptions import AuthenticationException, SSLError
from opensearchpy.exceptions import ConnectionError as NoConnectionError

from opensearch_clir.cli.local import down, status, up
from opensearch_clir.errors import LocalServerError, MissingToolError
from opensearch_clir.local import (
    Instance,
    ensure_home,
    ephemeral,
    find_running,
    find_server,
    known,
    start,
    stop,
)
from opensearch_clir.local.home import find_damage, home_dir
from opensearch_clir.local.process import is_alive
from opensearch_clir.local.state import read_state, write_state

PLUGINS = {
    "opensearch-job-scheduler",
    "opensearch-knn",
    "opensearch-ml",
    "opensearch-neural-search",
}


def plugins(client: OpenSearch) -> set[str]:
    return {row["component"] for row in client.cat.plugins(format="json")}


def test_plugins_are_there(client: OpenSearch) -> None:
    assert plugins(client) >= PLUGINS


def test_only_the_secure_variant_has_security(secure_server: Instance) -> None:
    with secure_server.client() as client:
        assert plugins(client) == PLUGINS | {"opensearch-security"}


def test_knn_index_and_query(client: OpenSearch, index_name: str) -> None:
    vector = {
        "type": "knn_vector",
        "dimension": 2,
        "method": {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil"},
    }
    client.indices.create(
        index=index_name,
        body={"settings": {"index.knn": True}, "mappings": {"properties": {"v": vector}}},
    )
    for i, v in enumerate(([1.0, 0.0], [0.0, 1.0], [0.6, 0.8])):
        client.index(index=index_name, id=str(i), body={"v": v})
    client.indices.refresh(index=index_name)
    query = {"knn": {"v": {"vector": [1.0, 0.0], "k": 3}}}
    hits = client.search(index=index_name, body={"query": query})["hits"]["hits"]
    # (1 + cosine) / 2
    assert {h["_id"]: round(h["_score"], 4) for h in hits} == {"0": 1.0, "2": 0.8, "1": 0.5}


def test_index_name_fixture_removes_its_own_only(
    client: OpenSearch, index_name: str, remove_prefix: Callable[[str], None]
) -> None:
    other = f"{index_name[:-1]}-other"
    client.indices.create(index=f"{index_name}-a", body={"aliases": {f"{index_name}-alias": {}}})
    client.indices.create(index=other)
    client.indices.put_index_template(
        name=f"{index_name}-template", body={"index_patterns": [f"{index_name}-x*"]}
    )
    remove_prefix(index_name)
    try:
        assert not client.indices.exists_alias(name=f"{index_name}-alias")
        assert not client.indices.exists_index_template(name=f"{index_name}-template")
        assert client.indices.exists(index=other)
    finally:
        client.indices.delete(index=other)


def test_restart_keeps_data_and_delete_removes_it(
    own_instances: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENSEARCH_URL", raising=False)
    run = CliRunner()
    first = run.invoke(up, ["--no-docker", "--json"])
    assert first.exit_code == 0, first.output
    pids = json.loads(first.stdout)["pids"]
    with start().client() as client:
        client.index(index="docs", id="1", body={"text": "here to stay"}, refresh=True)

    again = run.invoke(up, ["--no-docker"])
    assert again.exit_code == 0
    assert "is already up: http://127.0.0.1:" in again.stdout
    assert "default: up at http://127.0.0.1:" in run.invoke(status).stdout
    assert find_server() == find_running()  # `clir up` is good for whoever looks for a server
    other = run.invoke(up, ["--no-docker", "--nodes", "2"])
    assert other.exit_code == 1
    assert "was made with 1 node(s)" in other.output

    stopped = run.invoke(down)
    assert (stopped.exit_code, stopped.stdout) == (0, "default: stopped\n")
    assert not any(is_alive(pid, "Launcher") for pid in pids)
    assert "default: stopped" in run.invoke(status).stdout

    with start().client() as client:
        assert client.get(index="docs", id="1")["_source"] == {"text": "here to stay"}
    assert "data removed" in run.invoke(down, ["--all", "--delete"]).stdout
    assert known() == []


FIRST_START = """
import json, sys
from opensearch_clir.local import start
instance = start("shared", report=lambda line: print(line, file=sys.stderr))
print(json.dumps([instance.url, instance.pids]))
"""


def test_two_first_starts_at_once_give_one_home_and_one_server(
    own_instances: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIR_CACHE_DIR", str(tmp_path / "cache"))
    command = [sys.executable, "-c", FIRST_START]
    starters = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [starter.communicate(timeout=300) for starter in starters]
    assert [starter.returncode for starter in starters] == [0, 0], said
    assert json.loads(said[0][0]) == json.loads(said[1][0])
    told = "".join(stderr for _, stderr in said)
    assert (told.count("Assembling"), told.count("Starting")) == (1, 1)
    assert find_running("shared") is not None
    left = sorted(p.name for p in (tmp_path / "cache").iterdir())
    assert left == [home_dir().name, f"{home_dir().name}.lock"]


def test_three_nodes_form_one_cluster(cluster3: Instance, cluster3_client: OpenSearch) -> None:
    assert len(set(cluster3.urls)) == 3
    names = {row["name"] for row in cluster3_client.cat.nodes(format="json")}
    assert names == {"node-1", "node-2", "node-3"}
    body = {"settings": {"number_of_shards": 3, "number_of_replicas": 1}}
    cluster3_client.indices.create(index="t-spread", body=body)
    health = cluster3_client.transport.perform_request(
        "GET", "/_cluster/health/t-spread", params={"wait_for_status": "green"}
    )
    assert (health["status"], health["active_shards"]) == ("green", 6)
    cluster3_client.indices.delete(index="t-spread")


def test_secure_server_lets_only_its_administrator_in(secure_server: Instance) -> None:
    with secure_server.client() as client:
        client.index(index="t-secret", id="1", body={"a": 1}, refresh=True)
        assert client.count(index="t-secret")["count"] == 1
    with (
        secure_server.client(http_auth=None) as anonymous,
        pytest.raises(AuthenticationException),
    ):
        anonymous.info()
    with (
        secure_server.client(http_auth=("admin", "admin")) as guesser,
        pytest.raises(AuthenticationException),
    ):
        guesser.info()
    with (
        secure_server.client(ca_certs=None, max_retries=0) as distrustful,
        pytest.raises(SSLError),
    ):
        distrustful.info()
    plain = secure_server.url.replace("https:", "http:")
    with OpenSearch(plain, max_retries=0) as unencrypted, pytest.raises(NoConnectionError):
        unencrypted.info()


def test_password_is_nowhere_but_in_its_file(secure_server: Instance) -> None:
    credentials = secure_server.credentials()
    assert credentials is not None
    assert credentials[0] == "admin"
    assert secure_server.folder is not None
    assert secure_server.password_file is not None
    assert stat.S_IMODE(secure_server.password_file.stat().st_mode) == 0o600
    assert credentials[1] not in repr(secure_server)
    for file in secure_server.folder.rglob("*"):
        if file.is_file() and file != secure_server.password_file:
            assert credentials[1].encode() not in file.read_bytes(), file


def test_crashed_server_and_reused_process_id(own_instances: Path) -> None:
    instance = start("crashed")
    with instance.client() as client:
        client.index(index="docs", id="1", body={"a": 1}, refresh=True)
    os.kill(instance.pids[0], signal.SIGKILL)
    while is_alive(instance.pids[0], "Launcher"):
        time.sleep(0.05)
    assert find_running("crashed") is None
    assert dict(known()) == {"crashed": None}
    # The id now belongs to somebody else: this test.
    assert instance.folder is not None
    state = read_state(instance.folder)
    assert state is not None
    write_state(instance.folder, type(state)(**{**vars(state), "pids": (os.getpid(),)}))
    assert find_running("crashed") is None
    again = start("crashed")
    assert os.getpid() not in again.pids
    with again.client() as client:
        assert client.count(index="docs")["count"] == 1
    assert stop("crashed")
    assert not stop("crashed")


def test_failed_start_quotes_the_log_and_leaves_nothing_running(own_instances: Path) -> None:
    with pytest.raises(LocalServerError, match=r"no\.such\.setting"):
        start("wrong", settings={"no.such.setting": 1})
    state = own_instances / "local" / "wrong" / "state.json"
    assert not state.exists()


def test_taken_port_is_named(own_instances: Path, cluster3: Instance) -> None:
    port = int(cluster3.url.rpartition(":")[2])
    with pytest.raises(LocalServerError, match=f"port {port} is taken"):
        start("blocked", http_port=port)


TEMPORARY = """
import time
from opensearch_clir.local import start_temporary
instance = start_temporary()
print(instance.pids[0], instance.folder, flush=True)
time.sleep(600)
"""


def test_temporary_server_leaves_nothing_behind_nor_does_a_killed_owner(fast_java: None) -> None:
    command = [sys.executable, "-c", TEMPORARY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid, folder = owner.stdout.readline().split()
        assert is_alive(int(pid), folder)
        owner.kill()
    deadline = time.monotonic() + 20
    while is_alive(int(pid), folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_alive(int(pid), folder)

    with ephemeral() as instance:
        assert not Path(folder).exists()  # swept up by this start
        assert instance.folder is not None
        assert instance.folder.exists()
    assert not instance.folder.exists()
    assert not any(is_alive(pid, "Launcher") for pid in instance.pids)


def test_damaged_home_is_found_and_rebuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = ensure_home()
    monkeypatch.setenv("CLIR_CACHE_DIR", str(tmp_path))
    shutil.copytree(sound, home_dir(), copy_function=os.link)
    jar = next((home_dir() / "lib").glob("lucene-core-*.jar"))
    content = bytearray(jar.read_bytes())
    content[1000] ^= 1  # same length, same time stamps as far as anyone looks
    jar.unlink()
    jar.write_bytes(content)
    assert find_damage(home_dir()) == f"lib/{jar.name} has changed"
    told: list[str] = []
    rebuilt = ensure_home(told.append)
    assert "damaged" in told[0]
    assert find_damage(rebuilt) is None


def test_missing_programs_are_named(
    own_instances: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = shutil.which("java")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("OPENSEARCH_URL", raising=False)  # `clir up` would say that it is set
    monkeypatch.setenv("CLIR_CACHE_DIR", str(tmp_path / "cache"))
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(MissingToolError, match="java was not found: install a JDK, version 17"):
        start()
    (programs / "java").write_text(f'#!/bin/sh\nexec "{java}" "$@"\n')
    (programs / "java").chmod(0o755)
    with pytest.raises(MissingToolError, match="mvn was not found: install Apache Maven"):
        start()
    result = CliRunner().invoke(up, ["--no-docker"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: mvn was not found")
    assert len(result.stderr.splitlines()) == 1


def test_docker_server_answers(docker_server: Instance) -> None:
    with docker_server.client() as client:
        assert plugins(client) >= PLUGINS
