"""A running service, as a process of its own, for tests of pipelines."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import urllib3

from opensearch_clir.local import Instance

__all__ = ["HELPDESK", "TOKEN", "ServiceProcess", "free_port"]

TOKEN = "0123456789abcdef0123456789abcdef"

_FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "sets" / "helpdesk"

#: The help desk's articles on some topics, in all their languages, with a time for each.
HELPDESK: list[dict[str, Any]] = []
for _line in (_FOLDER / "corpus.jsonl").read_text("utf-8").splitlines():
    _article = json.loads(_line)
    if _article["topic"] in ("wifi-pairing", "vacation", "returns-refund", "customs", "voucher"):
        _article["@timestamp"] = f"2026-01-{len(HELPDESK) % 28 + 1:02d}T12:00:00Z"
        HELPDESK.append(_article)

_CLIR = "import sys; from opensearch_clir.cli.main import main; sys.exit(main())"


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ServiceProcess:
    """`clir serve` on a port of its own; started and stopped at will, always on the same port."""

    def __init__(self, server: Instance, folder: Path, *options: str) -> None:
        """Write the token; nothing is started."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token_file = folder / "token"
        self.token_file.write_text(TOKEN, "utf-8")
        self.log = folder / "serve.log"
        self._options = options
        self._server = server
        self._process: subprocess.Popen[bytes] | None = None
        self.http = urllib3.PoolManager(headers={"Authorization": f"Bearer {TOKEN}"})

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it can work."""
        command = [sys.executable, "-c", _CLIR, "serve", "--port", str(self.port)]
        command += ["--token-file", str(self.token_file), *self._options]
        environment = {**os.environ, "OPENSEARCH_URL": self._server.url}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        limit = time.monotonic() + 120
        while time.monotonic() < limit:
            if self._process.poll() is not None:
                break
            try:
                if self.http.request("GET", f"{self.url}/ready", retries=False).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.2)
        raise AssertionError(f"the service did not start: {self.log.read_text('utf-8')}")

    def stop(self, *, kill: bool = False) -> int:
        """Stop it, gently unless told otherwise, and return its exit code."""
        assert self._process is not None
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        return self._process.wait(60)

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Send JSON; return the status and the answer."""
        answer = self.http.request("POST", f"{self.url}{path}", json=body, retries=False)
        return answer.status, json.loads(answer.data)
