"""The judging page's server: who gets an answer, and who does not."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from judging_site import serving
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.evaluation.making.desk import Desk
from opensearch_clir.evaluation.making.draft import read_draft
from opensearch_clir.evaluation.making.judgments import read_judgments
from opensearch_clir.evaluation.making.server import MAX_BODY, JudgingServer

DECISION = {"judge": "ana", "query": "q1", "document": "a.en", "grade": 2}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "corpus.jsonl").write_text('{"id": "a.en", "lang": "en", "text": "a"}\n', "utf-8")
    (tmp_path / "queries.tsv").write_text("q1\ten\twhere?\n", "utf-8")
    (tmp_path / "pool.jsonl").write_text('{"query": "q1", "document": "a.en"}\n', "utf-8")
    return tmp_path


@pytest.fixture
def site(folder: Path) -> Iterator[JudgingServer]:
    with serving(folder) as server:
        yield server


def ask(
    site: JudgingServer,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    method: str | None = None,
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", site.server_port, timeout=10)
    data = json.dumps(body) if body is not None and not isinstance(body, str) else body
    try:
        connection.request(method or ("POST" if body is not None else "GET"), path, data,
                           headers or {})  # fmt: skip
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read().decode()
    finally:
        connection.close()


def secret(site: JudgingServer, path: str = "") -> str:
    return f"/{site.token}/{path}"


def test_it_listens_on_this_machine_only(site: JudgingServer) -> None:
    assert site.server_address[0] == "127.0.0.1"


def test_the_page_and_its_parts(site: JudgingServer) -> None:
    for name in ("", "judge.css", "judge.js", "api/start"):
        status, headers, text = ask(site, secret(site, name))
        assert status == 200
        assert text
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/wrong/", "/wrong/api/start", "/é/", "//", "/?x"])
def test_without_the_secret_nothing(site: JudgingServer, path: str) -> None:
    assert ask(site, path.replace("é", "%C3%A9"))[0] == 404


def test_the_secret_alone_is_no_page(site: JudgingServer) -> None:
    assert ask(site, f"/{site.token}")[0] == 404


@pytest.mark.parametrize("name", ["../server.py", "server.py", "judge.html.bak", "%2e%2e/desk.py"])
def test_no_other_file_is_served(site: JudgingServer, name: str) -> None:
    assert ask(site, secret(site, name))[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", ""])
def test_other_hosts_are_refused(site: JudgingServer, host: str) -> None:
    assert ask(site, secret(site), headers={"Host": host})[0] == 403


def test_localhost_is_this_machine(site: JudgingServer) -> None:
    assert ask(site, secret(site), headers={"Host": f"localhost:{site.server_port}"})[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_other_origins_are_refused(site: JudgingServer, folder: Path, origin: str) -> None:
    found = ask(site, secret(site, "api/decisions"), DECISION, {**JSON, "Origin": origin})
    assert found[0] == 403
    assert read_judgments(folder) == {}


def test_a_decision_is_kept(site: JudgingServer, folder: Path) -> None:
    origin = {"Origin": f"http://127.0.0.1:{site.server_port}"}
    assert ask(site, secret(site, "api/decisions"), DECISION, {**JSON, **origin})[0] == 200
    assert len(read_judgments(folder)["ana"]) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (DECISION, {"Content-Type": "text/plain"}, 415),
        (DECISION, {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ("{", JSON, 400),
        ("[1]", JSON, 400),
        ("[" * 5000, JSON, 400),
        ("x" * (MAX_BODY + 1), JSON, 413),
        ({**DECISION, "grade": 3}, JSON, 400),
        ({**DECISION, "grade": -1}, JSON, 400),
        ({**DECISION, "grade": True}, JSON, 400),
        ({**DECISION, "grade": "2"}, JSON, 400),
        ({**DECISION, "grade": 1.5}, JSON, 400),
        ({k: v for k, v in DECISION.items() if k != "grade"}, JSON, 400),
        ({**DECISION, "judge": "../x"}, JSON, 400),
        ({**DECISION, "judge": None}, JSON, 400),
        ({**DECISION, "document": "other"}, JSON, 400),
    ],
)
def test_what_is_no_decision(
    site: JudgingServer, folder: Path, body: Any, headers: dict[str, str], status: int
) -> None:
    assert ask(site, secret(site, "api/decisions"), body, headers)[0] == status
    assert read_judgments(folder) == {}


@pytest.mark.parametrize("length", ["-1", "x", "99999999999999"])
def test_lengths_that_lie(site: JudgingServer, length: str) -> None:
    with socket.create_connection(("127.0.0.1", site.server_port), timeout=10) as connection:
        connection.sendall(
            f"POST {secret(site, 'api/decisions')} HTTP/1.1\r\nHost: 127.0.0.1:{site.server_port}"
            f"\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode()
        )
        answer = connection.recv(4096).split()[1]
    assert answer in (b"411", b"413")


def test_other_methods_are_refused(site: JudgingServer) -> None:
    for method in ("PUT", "DELETE", "OPTIONS"):
        assert ask(site, secret(site), method=method)[0] == 501


@pytest.mark.parametrize("at", ["-1", "1", "x", ""])
def test_tasks_that_are_not_there(site: JudgingServer, at: str) -> None:
    assert ask(site, secret(site, f"api/task?at={at}"))[0] == 400


def test_a_judge_sees_no_system_and_no_other_judge(site: JudgingServer) -> None:
    ask(site, secret(site, "api/decisions"), DECISION, JSON)
    task = json.loads(ask(site, secret(site, "api/task?at=0"))[2])
    assert set(task["document"]) == {"id", "title", "text", "lang", "language", "dir"}
    progress = json.loads(ask(site, secret(site, "api/progress?judge=ben"))[2])
    assert progress == {"tasks": ["open"]}


def test_only_the_named_judge(folder: Path) -> None:
    desk = Desk(read_draft(folder), "ana")
    with pytest.raises(ConfigurationError, match="ana only"):
        desk.decide("ben", "q1", "a.en", 2)


def test_a_set_without_pool_and_a_port_in_use(folder: Path, site: JudgingServer) -> None:
    with pytest.raises(ConfigurationError, match="can't be used"):
        JudgingServer(site.desk, site.server_port)
    (folder / "pool.jsonl").unlink()
    with pytest.raises(ConfigurationError, match="clir evalset pool"):
        Desk(read_draft(folder))
