"""The gateway before a real node: recorded bytes, TLS to both sides, users, and the command."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import urllib3
from opensearchpy import OpenSearch
from opensearchpy.exceptions import AuthenticationException, AuthorizationException

from gateway_support import Recorder, gateway, managed, through
from opensearch_clir.gateway.limits import Limits
from opensearch_clir.gateway.run import client_tls, upstream_tls
from opensearch_clir.local import Instance

DOCUMENT = {"text": "Le remboursement arrive", "lang": "fr"}


def requests_for(free: str) -> list[bytes]:
    """Requests of many kinds for an index that is not managed, as bytes."""
    bulk = b'{"index":{"_id":"1"}}\n{"text":"a  b"}\n{"update":{"_id":"1"}}\n{"doc":{"n":1}}\n'
    packed = gzip.compress(b'{"query": {"match": {"text": "b"}} }')
    search = b'{"query" : {"match" : {"text" : "a"}}}'
    many = b'{"index":"%s"}\n%s\n' % (free.encode(), search)
    json_ = b"Content-Type: application/json\r\n"
    cases: list[tuple[str, bytes, bytes]] = [
        ("GET /", b"", b""),
        ("GET /_cat/indices?v&s=index", b"Accept: text/plain\r\n", b""),
        ("GET /_cat/nodes?format=yaml", b"", b""),
        (f"PUT /{free}", json_, b'{"settings":{"number_of_shards":1}}'),
        (f"PUT /{free}/_doc/1?refresh", json_, b'{"text" : "a", "n": 1.10}'),
        (f"POST /{free}/_bulk?refresh=true", b"Content-Type: application/x-ndjson\r\n", bulk),
        ("POST /_bulk", json_, bulk.replace(b'"_id"', b'"_index":"%s","_id"' % free.encode())),
        (f"POST /{free}/_search", json_ + b"Content-Encoding: gzip\r\n", packed),
        (f"POST /{free}/_search", json_ + b"Accept-Encoding: gzip\r\n", search),
        (f"GET /{free}/_search?q=a%20b&typed_keys", b"", b""),
        (f"GET /{free}/_search?q=münchen", b"", b""),
        (f"POST /{free}/_count", json_, search),
        ("POST /_msearch", json_, many),
        (f"POST /{free}/_update/1", json_, b'{"doc": {"text" : "c"}}'),
        (f"POST /{free}/_update/none", json_, b'{"doc": {"text" : "c"}}'),
        (f"HEAD /{free}/_doc/1", b"", b""),
        (f"GET /{free}/_doc/none", b"X-Opaque-Id: 7\r\n", b""),
        ("GET /no-such-index/_search", b"", b""),
        ("POST /_analyze", b"Content-Type: application/yaml\r\n", b'---\ntext: "a b"\n'),
        (f"POST /{free}/_doc", b"Content-Type: text/csv\r\n", b"a,b"),
        ("PATCH /_wrong", b"", b""),
        (f"DELETE /{free}", b"", b""),
    ]
    made = []
    for line, fields, body in cases:
        head = f"{line} HTTP/1.1\r\nhost: Localhost:9200\r\n".encode() + fields
        if body and len(made) % 2:
            cut = len(body) // 2
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:cut], body[cut:]))
            made.append(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        else:
            made.append(
                head + (b"content-length: %d\r\n" % len(body) if body else b"") + b"\r\n" + body
            )
    return made


def test_what_is_not_managed_passes_byte_for_byte(
    client: OpenSearch, server: Instance, index_name: str
) -> None:
    managed(client, index_name)  # so that bodies are looked into at all
    recorder, sent, got = Recorder(), b"", b""
    with (
        gateway(client, server.url, recorder=recorder) as listening,
        socket.create_connection(("127.0.0.1", listening.port), timeout=60) as link,
        link.makefile("rb") as file,
    ):
        for request in requests_for(f"{index_name}-free"):
            link.sendall(request)
            sent += request
            got += _response(file, request.startswith(b"HEAD"))
    (there, back), *others = recorder.connections
    assert others == []
    assert bytes(there) == sent
    assert bytes(back) == got


def _response(file: Any, head_only: bool) -> bytes:
    head, length = b"", 0
    while (line := file.readline()) not in (b"\r\n", b""):
        head += line
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return head + line + (b"" if head_only else file.read(length))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and its key, in one file; it is its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    key, file = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(key), "-out", str(file)],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + key.read_text())
    return file


def test_tls_to_both_sides_and_users(
    secure_server: Instance,
    index_name: str,
    certificate: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert secure_server.ca_certs is not None
    name = index_name.replace("t-", "s-")
    theirs = upstream_tls(secure_server.ca_certs, verify=True)
    with secure_server.client() as own:
        managed(own, name)
        _user(own, "writer", name, ["crud", "search"])
        _user(own, "reader", name, ["read", "search"])
        _user(own, "gateway", name, ["read", "indices:admin/shards/search_shards"], guide=True)
        login = {"http_auth": ("gateway", PASSWORD), "ca_certs": str(secure_server.ca_certs)}
        theirs_only = OpenSearch(secure_server.url, **login)
        trusted = ssl.create_default_context(cafile=str(certificate))
        options = {"tls": client_tls(certificate, None, None), "upstream_tls": theirs}
        with (
            theirs_only,
            caplog.at_level("WARNING", "opensearch_clir"),
            gateway(theirs_only, secure_server.url, **options) as listening,
        ):
            login = {"context": trusted, "http_auth": ("writer", PASSWORD)}
            with through(listening.port, **login) as writer:
                writer.index(index=name, id="1", body=DOCUMENT, params={"refresh": "true"})
                writer.update(index=name, id="1", body={"doc": {"text": "Urlaub", "lang": "de"}})
                text = "マシンをリセットする方法"
                lines = [{"update": {"_id": "1"}}, {"doc": {"text": text, "lang": "ja"}}]
                assert not writer.bulk(index=name, body=lines, refresh="true")["errors"]
                body = {"query": {"match": {"text": "réinitialiser la machine"}}}
                found = writer.search(index=name, body=body)["hits"]["hits"]
                assert [hit["_id"] for hit in found] == ["1"]
                assert own.get(index=name, id="1")["_source"]["clir"]["lang"] == "ja"
            # Nobody can do through the gateway what they could not do without it.
            login["http_auth"] = ("reader", PASSWORD)
            with through(listening.port, **login) as reader:
                assert reader.count(index=name)["count"] == 1
                with pytest.raises(AuthorizationException):
                    reader.index(index=name, id="2", body=DOCUMENT)
                with pytest.raises(AuthorizationException):
                    reader.update(index=name, id="1", body={"doc": {"text": "x"}})
            login["http_auth"] = ("reader", "wrong")
            with through(listening.port, **login) as nobody, pytest.raises(AuthenticationException):
                nobody.search(index=name, body=body)
        # What the role of the guide may not read would be told.
        said = [r.message for r in caplog.records if r.name.startswith("opensearch_clir")]
        assert said == []
        # A cluster whose certificate is not trusted is not talked to.
        options["upstream_tls"] = ssl.create_default_context()
        with (
            gateway(own, secure_server.url, **options) as listening,
            urllib3.PoolManager(ssl_context=trusted) as pool,
        ):
            answer = pool.request("GET", f"https://localhost:{listening.port}/", retries=False)
            assert answer.status == 502
            assert b"certificate" in answer.data


PASSWORD = "Xk9-purple-otter-7"


def _user(
    client: OpenSearch, name: str, index: str, actions: list[str], *, guide: bool = False
) -> None:
    """Make a user of these rights; `guide`: with those that the guide gives a gateway besides."""
    api = "/_plugins/_security/api"
    patterns = [{"index_patterns": [index, "clir-bundles"], "allowed_actions": actions}]
    cluster = ["cluster_composite_ops"]
    if guide:
        patterns.append({"index_patterns": ["*"], "allowed_actions": ["indices:admin/get"]})
        cluster = ["cluster:monitor/main", "indices:admin/index_template/simulate_index"]
    role = {"cluster_permissions": cluster, "index_permissions": patterns}
    client.transport.perform_request("PUT", f"{api}/roles/{name}", body=role)
    user = {"password": PASSWORD, "opendistro_security_roles": [name]}
    client.transport.perform_request("PUT", f"{api}/internalusers/{name}", body=user)


def test_large_bulk_goes_in_parts_and_too_large_a_body_is_refused(
    client: OpenSearch, server: Instance, index_name: str
) -> None:
    managed(client, index_name)
    limits = Limits(body=200_000, grace=5)
    with gateway(client, server.url, limits=limits) as listening, through(listening.port) as c:
        lines: list[Any] = []
        for number in range(300):
            lines += [{"index": {"_id": str(number)}}, {"text": f"refund {number} " + "x y " * 50}]
        answer = c.bulk(index=index_name, body=lines, refresh="true")
        assert [i["index"]["_id"] for i in answer["items"]] == [str(n) for n in range(300)]
        assert answer["errors"] is False
        enriched = {"query": {"exists": {"field": "clir.hash"}}}
        assert client.count(index=index_name, body=enriched)["count"] == 300
        with pytest.raises(Exception, match="413"):
            c.index(index=index_name, body={"text": "x" * 300_000})
        # A small body that is large when unpacked is no way around.
        bomb = gzip.compress(b'{"text":"' + b"x" * 5_000_000 + b'"}')
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        with urllib3.PoolManager() as pool:
            url = f"http://127.0.0.1:{listening.port}/{index_name}/_doc"
            assert pool.request("POST", url, body=bomb, headers=headers).status == 413


def test_the_command(client: OpenSearch, server: Instance, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    code = "from opensearch_clir.cli.main import main; main()"
    command = [sys.executable, "-c", code, "gateway", "--upstream", server.url]
    command += ["--listen", "127.0.0.1:0", "--health", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            where = process.stdout.readline().split()[1]
            health = process.stdout.readline().split()[1].rstrip(",").removesuffix("/ready")
            with urllib.request.urlopen(f"{where}/", timeout=30) as answer:
                assert json.load(answer)["version"]["distribution"] == "opensearch"
            with urllib.request.urlopen(f"{health}/ready", timeout=30) as answer:
                assert json.load(answer)["status"] == "ok"
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    wrong = subprocess.run(
        [*command[:-4], "--listen", "9290"], capture_output=True, text=True, check=False
    )
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert "write HOST:PORT" in wrong.stderr
