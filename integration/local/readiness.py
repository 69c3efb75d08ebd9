"""Waiting until a just started cluster answers, and saying why when it doesn't."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from opensearch_clir.errors import LocalServerError
from opensearch_clir.local.nodes import Node

POLL_SECONDS = 0.1


def wait_until_ready(
    nodes: Sequence[Node],
    alive: Callable[[], int],
    *,
    seconds: float,
    credentials: tuple[str, str] | None = None,
    ca_certs: Path | None = None,
) -> tuple[str, ...]:
    """Wait until all nodes have joined and the cluster is yellow or green; return their addresses.

    `alive` returns how many of the nodes' processes still run. Raises `LocalServerError`, quoting
    the logs, when a process ends or `seconds` pass.
    """
    deadline = time.monotonic() + seconds
    context = ssl.create_default_context(cafile=str(ca_certs)) if ca_certs else None
    scheme = "https" if ca_certs else "http"
    introduced = False
    status = "no node answers yet"
    while time.monotonic() < deadline:
        if alive() < len(nodes):
            raise LocalServerError(f"OpenSearch ended while starting: {_quote(nodes)}")
        introduced = introduced or _introduce(nodes)
        hosts = [host for node in nodes if (host := node.address("http"))]
        if introduced and len(hosts) == len(nodes):
            urls = tuple(f"{scheme}://{host}" for host in hosts)
            path = f"/_cluster/health?wait_for_nodes={len(nodes)}&timeout=1s"
            health, status = _get(urls[0] + path, credentials, context)
            if health.get("status") in ("yellow", "green") and not health.get("timed_out"):
                return urls
        time.sleep(POLL_SECONDS)
    raise LocalServerError(
        f"OpenSearch was not ready after {seconds:.0f} s ({status}): {_quote(nodes)}"
    )


def wait_until_answering(url: str, alive: Callable[[], bool], *, seconds: float) -> str:
    """Wait until the one-node cluster at `url` is yellow or green; return its version.

    Raises `LocalServerError` when `alive` turns false or `seconds` pass.
    """
    deadline = time.monotonic() + seconds
    status = "no answer yet"
    while time.monotonic() < deadline and alive():
        health, status = _get(f"{url}/_cluster/health?timeout=1s", None, None)
        if health.get("status") in ("yellow", "green"):
            info, _ = _get(f"{url}/", None, None)
            return str(info.get("version", {}).get("number", ""))
        time.sleep(POLL_SECONDS)
    raise LocalServerError(f"OpenSearch at {url} did not become ready ({status})")


def _introduce(nodes: Sequence[Node]) -> bool:
    """Tell every node all nodes' addresses once they are known; OpenSearch rereads the file."""
    addresses = [address for node in nodes if (address := node.address("transport"))]
    if len(addresses) < len(nodes):
        return False
    for node in nodes:
        (node.config / "unicast_hosts.txt").write_text("\n".join(addresses) + "\n", "utf-8")
    return True


def _get(
    url: str, credentials: tuple[str, str] | None, context: ssl.SSLContext | None
) -> tuple[dict[str, Any], str]:
    """Return the JSON object at `url` (empty unless all is well) and what happened in words."""
    request = urllib.request.Request(url)  # noqa: S310 (the address is made here)
    if credentials is not None:
        encoded = b64encode(":".join(credentials).encode()).decode()
        request.add_header("Authorization", f"Basic {encoded}")
    # No proxy: the address is this machine's own, whatever the environment says.
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if context is not None:
        handlers.append(urllib.request.HTTPSHandler(context=context))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=10) as answer:
            body = json.load(answer)
    except urllib.error.HTTPError as e:
        with e:  # it holds the connection
            return {}, f"status {e.code}"
    except (OSError, ValueError) as e:
        return {}, str(e)
    return (body, f"cluster is {body.get('status')}") if isinstance(body, dict) else ({}, "odd")


def _quote(nodes: Sequence[Node]) -> str:
    said = [(node.name, node.trouble()) for node in nodes]
    quoted = " / ".join(f"{name}: {text}" for name, text in said)
    return f"{quoted} (logs: {nodes[0].logs})"
