"""The service down, slow, answering garbage, restarted under load: nothing is lost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opensearchpy import OpenSearch

from dashboards import TEXT
from drop_in import TOKEN, ServiceProcess
from opensearch_clir import Clir, pipelines
from opensearch_clir.ingest.processors.tags import STALE
from opensearch_clir.local import Instance
from opensearch_clir.pipelines.bodies import Target

#: Seconds that the cluster waits for the service here.
PATIENCE = 2

QUERY = {"query": {"match": {"text": TEXT}}, "size": 50}


@pytest.fixture
def own(
    server: Instance, client: OpenSearch, index_name: str, tmp_path: Path
) -> Iterator[tuple[str, ServiceProcess]]:
    """An index with pipelines to a service that the test may stop."""
    service = ServiceProcess(server, tmp_path, "--index", index_name)
    client.indices.create(index=index_name, body={"settings": {"index.knn": True}})
    Clir(client, index_name).setup(fields="text", languages="de,en,fr")
    service.start()
    try:
        pipelines.install(client, index_name, Target(service.url, TOKEN, seconds=PATIENCE))
        client.index(
            index=index_name,
            id="wifi.en",
            body={"text": "How to connect the machine to your wifi network"},
            refresh=True,
        )
        yield index_name, service
        pipelines.uninstall(client, index_name)
    finally:
        if service.running:
            service.stop()


class Fake:
    """Answers the cluster in a way that no service should."""

    def __init__(self, port: int, answer: bytes, status: int = 200, wait: float = 0.0) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                time.sleep(wait)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)


@contextmanager
def fake(port: int, answer: bytes, status: int = 200, wait: float = 0.0) -> Iterator[None]:
    server = Fake(port, answer, status, wait).server
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def check(client: OpenSearch, index: str, name: str) -> None:
    """A write goes in, marked, and a search gives what it gave before there was a pipeline."""
    client.index(index=index, id=name, body={"text": "Le wifi ne marche pas"}, refresh=True)
    assert client.get(index=index, id=name)["_source"] == {
        "text": "Le wifi ne marche pas",
        "clir": {"hash": STALE},
    }
    plain = client.search(index=index, body=QUERY, params={"search_pipeline": "_none"})
    found = client.search(index=index, body=QUERY)
    assert found["hits"] == plain["hits"]


GARBAGE = {
    "no JSON": b"<html>proxy error</html>",
    "empty": b"",
    "a list": b"[1, 2]",
    "a number": b'{"query": 7, "clir": 7}',
    "no query": b'{"query": {"no_such_query": {}}, "clir": [1]}',
    "something else": b'{"answer": 42}',
    "cut": b'{"query": {"match_all": {}',
}


def test_down_slow_and_garbage(client: OpenSearch, own: tuple[str, ServiceProcess]) -> None:
    index, service = own
    assert "wifi.en" in str(client.search(index=index, body=QUERY))
    service.stop(kill=True)
    check(client, index, "down")
    with fake(service.port, b"{}", wait=PATIENCE + 1):
        started = time.monotonic()
        check(client, index, "slow")
        assert time.monotonic() - started < 4 * (PATIENCE + 1)
    for status in (500, 401, 503):
        with fake(service.port, b'{"error": {"type": "x"}}', status):
            check(client, index, f"status-{status}")
    for name, answer in GARBAGE.items():
        with fake(service.port, answer):
            check(client, index, name)


def test_restarted_under_load(client: OpenSearch, own: tuple[str, ServiceProcess]) -> None:
    index, service = own
    ended = threading.Event()
    failures: list[str] = []

    def write(writer: int) -> int:
        done = 0
        while not ended.is_set():
            lines = []
            for i in range(5):
                lines += [{"index": {"_id": f"{writer}-{done + i}"}}, {"text": f"Seite {done + i}"}]
            body = "".join(json.dumps(line) + "\n" for line in lines)
            answer = client.bulk(index=index, body=body)
            if answer["errors"]:
                failures.append(str(answer))
            done += 5
        return done

    def search() -> int:
        done = 0
        while not ended.is_set():
            answer = client.search(index=index, body=QUERY)
            if answer["_shards"]["failed"]:
                failures.append(str(answer))
            done += 1
        return done

    with ThreadPoolExecutor(4) as pool:
        written = [pool.submit(write, number) for number in range(2)]
        searched = [pool.submit(search) for _ in range(2)]
        time.sleep(3)
        assert service.stop() == 0
        time.sleep(1)
        service.start()
        time.sleep(2)
        service.stop(kill=True)
        service.start()
        time.sleep(2)
        ended.set()
        total = sum(job.result() for job in written)
        assert sum(job.result() for job in searched) > 0
    assert failures == []
    client.indices.refresh(index=index)
    assert client.count(index=index)["count"] == total + 1
    # What went in while nobody answered is marked, all else is enriched: nothing in between.
    marked = {"query": {"term": {"clir.hash": STALE}}}
    enriched = {"query": {"exists": {"field": "clir.lang"}}}
    counts = [client.count(index=index, body=body)["count"] for body in (marked, enriched)]
    assert sum(counts) == total + 1
    assert min(counts) > 0
