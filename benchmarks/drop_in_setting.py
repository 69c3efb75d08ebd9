"""What the benchmarks of the drop-in share: an index of the help desk, a service, figures."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir import Clir

SET = Path(__file__).parent / "sets" / "helpdesk"

_CLIR = "import sys; from opensearch_clir.cli.main import main; sys.exit(main())"


@dataclass(frozen=True)
class Service:
    """A running `clir serve`."""

    port: int
    token: str
    pid: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


def corpus() -> list[dict[str, Any]]:
    """Return the help desk's articles."""
    lines = (SET / "corpus.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def questions() -> list[str]:
    """Return the help desk's questions."""
    rows = (SET / "queries.tsv").read_text("utf-8").splitlines()
    return [row.split("\t")[2] for row in rows if row and not row.startswith("id\t")]


def make_index(client: OpenSearch, name: str, *, fill: bool = True) -> Clir:
    """Make an index of the help desk, anew."""
    client.indices.delete(index=name, ignore=404)
    clir = Clir(client, name)
    clir.setup(fields="title^2,text")
    if fill:
        clir.index(corpus())
        client.indices.refresh(index=name)
    return clir


@contextmanager
def serving(url: str, *options: str) -> Iterator[Service]:
    """Run the service for the length of a block; its files go afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "token"
        file.write_text(token, "utf-8")
        command = [sys.executable, "-c", _CLIR, "serve", "--port", str(port), "--token-file"]
        environment = {**os.environ, "OPENSEARCH_URL": url}
        process = subprocess.Popen([*command, str(file), *options], env=environment)
        try:
            _wait(f"http://127.0.0.1:{port}/ready", process)
            yield Service(port, token, process.pid)
        finally:
            process.terminate()
            process.wait(60)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 180
    while not _answers(url):
        if time.monotonic() > limit or process.poll() is not None:
            raise SystemExit("the service did not start")
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def distribution(seconds: Sequence[float]) -> dict[str, float]:
    """Return count, median, 95% and 99% of times, in milliseconds."""
    cuts = quantiles(seconds, n=100, method="inclusive")
    shown = {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(seconds)}
    return {"count": len(seconds), **{k: round(1000 * v, 2) for k, v in shown.items()}}
