"""Rerankers and a rerank service for tests: both do what they are told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from opensearch_clir.errors import RerankerError
from opensearch_clir.rerank.base import Evidence

__all__ = ["Answer", "ByTable", "Service", "serving"]


class ByTable:
    """Scores a text by the first key it contains; those without one are not scored."""

    def __init__(self, table: Mapping[str, float], *, fails: str = "", name: str = "table") -> None:
        self.name = name
        self.fingerprint = f"table {sorted(table.items())}"
        self.table = table
        self.fails = fails
        self.asked: list[list[str]] = []

    def score(self, query: str, texts: Sequence[str], seconds: float) -> Evidence:
        self.asked.append(list(texts))
        if self.fails:
            raise RerankerError(self.fails)
        found = [next((v for k, v in self.table.items() if k in t), np.nan) for t in texts]
        return np.array(found)


#: From the parsed request to the answer: JSON, raw bytes, or a status with either.
Answer = Callable[[dict[str, Any]], Any]


class Service:
    """A real HTTP server; `answer` says what to, `seen` what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answer: Answer = lambda body: {"results": []}
        self.seen: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.drip = 0.0


@contextmanager
def serving() -> Iterator[Service]:
    """Run a service for the length of a block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            service.seen.append((dict(self.headers), body))
            found = service.answer(body)
            status, found = found if isinstance(found, tuple) else (200, found)
            raw = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            try:
                if not service.drip:
                    self.wfile.write(raw)
                for byte in raw if service.drip else b"":
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(service.drip)
            except OSError:  # whoever asked has gone
                pass

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = Service(f"http://127.0.0.1:{server.server_port}/v2/rerank")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
