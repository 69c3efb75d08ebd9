"""The service's app on a real port, without a cluster behind it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
import uvicorn
from opensearchpy import OpenSearch

from opensearch_clir.encoders.registry import EMBEDDED
from opensearch_clir.service.app import make_app
from opensearch_clir.service.options import Limits, ServeOptions
from opensearch_clir.service.work import Work
from opensearch_clir.settings import Settings

__all__ = ["TOKEN", "Caller", "running"]

TOKEN = "a-token-of-sixteen-or-more"

#: Nobody listens here.
NOWHERE = "http://127.0.0.1:9"


class Caller:
    """Calls one running service."""

    def __init__(self, port: int) -> None:
        """Keep the address."""
        self.url = f"http://127.0.0.1:{port}"
        self.http = urllib3.PoolManager()

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Return status and body; bytes are sent as they are, all else as JSON."""
        given = {"Authorization": f"Bearer {TOKEN}", **headers}
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        answer = self.http.request(
            method, f"{self.url}{path}", body=raw, headers=given, retries=False, timeout=30
        )
        kind = answer.headers.get("content-type", "")
        return answer.status, json.loads(answer.data) if "json" in kind else answer.data


@contextmanager
def running(token: str | None = TOKEN, reranker: str = EMBEDDED, **limits: Any) -> Iterator[Caller]:
    """Run the app in a thread for the length of a block."""
    options = ServeOptions(reranker=reranker, limits=Limits(**limits))
    client = OpenSearch(NOWHERE, max_retries=0)
    app = make_app(lambda: Work(client, Settings(), options), token)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the app did not start"
            time.sleep(0.02)
        yield Caller(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(30)
