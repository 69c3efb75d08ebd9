"""`clir serve` as a process: workers, TLS, client certificates, the end; and `clir rewrite`."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import urllib3
from click.testing import CliRunner
from opensearchpy import OpenSearch

from drop_in import HELPDESK, TOKEN, ServiceProcess
from opensearch_clir import Clir
from opensearch_clir.cli.main import main
from opensearch_clir.local import Instance


def test_many_single_documents_become_few_batches(
    service: ServiceProcess, dropped_in: str, client: OpenSearch
) -> None:
    documents = [{k: d[k] for k in ("title", "text")} for d in HELPDESK] * 4
    with ThreadPoolExecutor(32) as pool:
        path = f"/v1/indices/{dropped_in}/enrich"
        answers = list(pool.map(lambda d: service.post(path, {"document": d}), documents))
    assert {status for status, _ in answers} == {200}
    (wanted,) = Clir(client, dropped_in).enricher().enrich([documents[0]])
    ours = wanted.document["clir"]  # type: ignore[union-attr]
    vector = ours.pop("v")
    for status, answer in answers[:: len(HELPDESK)]:
        assert status == 200
        (found,) = answer["clir"].pop("v").values()
        assert found == pytest.approx(next(iter(vector.values())), abs=1e-6)
        assert answer["clir"] == ours
    text = service.http.request("GET", f"{service.url}/metrics").data.decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    batches, done = (float(values[f"clir_batch_documents_{n}"]) for n in ("count", "sum"))
    assert done / batches > 2
    many = service.post(path, {"documents": [*documents[:3], {"title": {"a": 1}}, {"stock": 1}]})
    kinds = [next(iter(d)) for d in many[1]["documents"]]
    assert kinds == ["clir", "clir", "clir", "error", "clir"]
    assert many[1]["documents"][-1] == {"clir": {}}


def test_workers_count_together_and_end_well(
    server: Instance, tmp_path: Path, dropped_in: str
) -> None:
    process = ServiceProcess(server, tmp_path, "--workers", "2")
    process.start()
    try:
        for _ in range(12):
            # A new connection each time, for either worker.
            with urllib3.PoolManager(headers=process.http.headers) as http:
                body = {"texts": ["Guten Tag"]}
                assert http.request("POST", f"{process.url}/v1/detect", json=body).status == 200
        text = process.http.request("GET", f"{process.url}/metrics").data.decode()
        assert 'clir_requests_total{endpoint="detect",status="200"} 12.0' in text
    finally:
        assert process.stop() == 0


def certificates(folder: Path) -> None:
    """Make an authority, a certificate for 127.0.0.1 and one for a client."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    authority = ["-x509", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem"]
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-days", "2", *authority)
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "client"):
        subject = ["-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr"]
        openssl("req", "-newkey", "rsa:2048", "-nodes", *subject)
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem"]
        openssl("x509", "-req", "-in", f"{name}.csr", "-days", "2", "-extfile", "names", *signed)


def test_tls_and_client_certificates(server: Instance, tmp_path: Path) -> None:
    certificates(tmp_path)
    files = ["--tls-cert", "server.pem", "--tls-key", "server.key", "--client-ca", "ca.pem"]
    options = [str(tmp_path / o) if o.endswith((".pem", ".key")) else o for o in files]
    process = ServiceProcess(server, tmp_path, *options)
    process.url = process.url.replace("http:", "https:")
    trusted = {
        "ca_certs": str(tmp_path / "ca.pem"),
        "headers": {"Authorization": f"Bearer {TOKEN}"},
    }
    shown = {"cert_file": str(tmp_path / "client.pem"), "key_file": str(tmp_path / "client.key")}
    process.http = urllib3.PoolManager(**trusted, **shown)
    process.start()
    try:
        assert process.post("/v1/detect", {"texts": ["Hallo"]})[0] == 200
        with pytest.raises(urllib3.exceptions.HTTPError):
            urllib3.PoolManager(**trusted).request("GET", f"{process.url}/health", retries=False)
    finally:
        assert process.stop() == 0


def test_the_command_refuses_an_open_door(server: Instance) -> None:
    result = CliRunner().invoke(main, ["serve", "--host", "0.0.0.0"])
    assert result.exit_code == 1
    assert "--token-file or --client-ca" in result.output


def test_rewrite_shows_before_and_after(server: Instance, dropped_in: str) -> None:
    def run(*arguments: str, stdin: str | None = None) -> str:
        result = CliRunner().invoke(
            main, ["rewrite", dropped_in, *arguments, "--url", server.url], input=stdin
        )
        assert result.exit_code == 0, result.output
        return result.output

    query = {"match": {"text": "la machine ne marche pas"}}
    shown = run(json.dumps(query))
    assert shown.startswith("Before:")
    assert "… 256 numbers" in shown
    value = json.loads(run("-", "--json", stdin=json.dumps({"size": 3, "query": query})))
    assert value["rewritten"] is True
    assert value["before"] == query
    assert "Left as it is" in run('{"term": {"topic": "x"}}')
    broken = CliRunner().invoke(main, ["rewrite", dropped_in, "{", "--url", server.url])
    assert (broken.exit_code, "not valid JSON" in broken.output) == (1, True)
