"""`clir up`, `down`, `status`: what is printed and the exit codes; the servers are made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from opensearch_clir import local
from opensearch_clir.cli import local as commands
from opensearch_clir.cli.local import down, status, up
from opensearch_clir.errors import MissingToolError
from opensearch_clir.local import Instance

PLAIN = Instance("default", "local", ("http://127.0.0.1:9200",), "2.19.1", started=1.0, pids=(7,))
SECURE = Instance(
    "safe",
    "local",
    ("https://127.0.0.1:9201",),
    "2.19.1",
    security=True,
    folder=Path("/data/safe"),
    username="admin",
    ca_certs=Path("/data/safe/certs/ca.pem"),
    _password=lambda: "hush-hush",
)


@pytest.fixture(autouse=True)
def no_given_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLIR_URL", "OPENSEARCH_URL"):
        monkeypatch.delenv(name, raising=False)


def run(command: Any, *arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def pretend(monkeypatch: pytest.MonkeyPatch, name: str, result: Any) -> None:
    def answer(*args: Any, **kwargs: Any) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    module = commands if name == "bring_up" else local
    monkeypatch.setattr(module, name, answer)


def test_up_says_where_and_how_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "find_running", None)
    pretend(monkeypatch, "bring_up", PLAIN)
    result = run(up)
    assert result.exit_code == 0
    assert result.stdout == (
        "OpenSearch 2.19.1 is up: http://127.0.0.1:9200\nStop it with: clir down\n"
    )
    pretend(monkeypatch, "find_running", PLAIN)
    assert "is already up" in run(up).stdout


def test_secure_up_names_the_password_file_only(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "find_running", None)
    pretend(monkeypatch, "bring_up", SECURE)
    for result in (run(up, "--name", "safe"), run(up, "--name", "safe", "--json")):
        assert "/data/safe/password" in result.output
        assert "hush-hush" not in result.output
    assert "clir down --name safe" in run(up, "--name", "safe").stdout


def test_error_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "find_running", None)
    pretend(monkeypatch, "bring_up", MissingToolError("java was not found:\ninstall a JDK"))
    result = run(up)
    assert result.exit_code == 1
    assert result.stderr == "Error: java was not found: install a JDK\n"


@pytest.mark.parametrize(
    "arguments", [["--nodes", "0"], ["--nodes", "x"], ["--port", "70000"], ["--colour"]]
)
def test_usage_errors_exit_with_2(arguments: list[str]) -> None:
    assert run(up, *arguments).exit_code == 2


def test_bad_name_exits_with_1() -> None:
    for command in (up, down):
        result = run(command, "--name", "../x")
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
        assert "is not allowed" in result.stderr


def test_status(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "known", [("default", PLAIN), ("safe", SECURE), ("old", None)])
    lines = run(status).stdout.splitlines()
    assert lines[0].startswith("default: up at http://127.0.0.1:9200, OpenSearch 2.19.1, local, 1")
    assert ", security, since " in lines[1]
    assert lines[2] == "old: stopped (start it with: clir up --name old)"
    described = json.loads(run(status, "--json").stdout)
    assert described[0]["urls"] == ["http://127.0.0.1:9200"]
    assert described[1]["password_file"] == "/data/safe/password"
    assert described[2] == {"name": "old", "running": False}


def test_nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "known", [])
    assert run(status).stdout == "There are no instances. Start one with: clir up\n"
    assert run(status, "--json").stdout == "[]\n"
    assert run(down, "--all").stdout == "There are no instances.\n"


def test_down(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[tuple[str, bool]] = []

    def stop(name: str, *, delete: bool, report: Any) -> bool:
        stopped.append((name, delete))
        return name == "a"

    pretend(monkeypatch, "known", [("a", None), ("b", None)])
    monkeypatch.setattr(local, "stop", stop)
    assert run(down, "--all", "--delete").stdout == (
        "a: stopped, data removed\nb: was not running, data removed\n"
    )
    assert run(down).stdout == "default: was not running\n"
    assert stopped == [("a", True), ("b", True), ("default", False)]


@pytest.mark.parametrize("command", [up, down, status])
def test_help_has_an_example(command: Any) -> None:
    assert f"Example:  clir {command.name}" in run(command, "--help").stdout
