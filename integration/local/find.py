"""Which server to use: a given one, one in Docker, or a local one, in this order."""

from __future__ import annotations

import os
import time
from pathlib import Path

from opensearch_clir.addresses import parse_addresses
from opensearch_clir.errors import LocalServerError
from opensearch_clir.local import docker, server
from opensearch_clir.local import state as records
from opensearch_clir.local.artefacts import Report
from opensearch_clir.local.instance import Instance
from opensearch_clir.local.lifecycle import silent
from opensearch_clir.local.nodes import check_heap
from opensearch_clir.local.paths import instance_dir
from opensearch_clir.local.state import MadeAs, State
from opensearch_clir.local.temporary import start_temporary


def find_server(
    *, reuse: bool = True, use_docker: bool = True, report: Report = silent
) -> Instance:
    """Return a server to use now.

    In this order: the one at `OPENSEARCH_URL` (with `OPENSEARCH_USERNAME`, `OPENSEARCH_PASSWORD`
    and `OPENSEARCH_CA_CERTS`); with `reuse` the one that `clir up` has started; a new one in
    Docker, where an engine answers and `use_docker` allows it; a new local one. A new one is
    temporary: it ends with this process, or at its `stop()`.

    Raises `MissingToolError` and `LocalServerError` where a new one can't be had.
    """
    if (given := from_environment()) is not None:
        return given
    if reuse and (running := server.find_running()) is not None:
        return running
    if use_docker and docker.engine_answers():
        report(f"Starting {docker.image()} with Docker …")
        return docker.create_temporary(check_heap(None))
    return start_temporary(report=report)


def from_environment() -> Instance | None:
    """Return the server that `OPENSEARCH_URL` names (several: separated by commas), if it is set.

    Nothing is sent to it. `OPENSEARCH_USERNAME` and `OPENSEARCH_PASSWORD` beat credentials in the
    address, which are kept out of the instance's `urls`.

    Raises:
        ConfigurationError: the address is malformed.
    """
    given = os.environ.get("OPENSEARCH_URL", "")
    if not given.strip(" ,"):
        return None
    addresses = parse_addresses(given)
    ca_certs = os.environ.get("OPENSEARCH_CA_CERTS")
    users = [os.environ.get("OPENSEARCH_USERNAME"), *(a.username for a in addresses)]
    passwords = [a.password for a in addresses]
    return Instance(
        name="OPENSEARCH_URL",
        kind="url",
        urls=tuple(address.url for address in addresses),
        security=addresses[0].scheme == "https",
        username=next((user for user in users if user), None),
        ca_certs=Path(ca_certs) if ca_certs else None,
        _password=lambda: next(
            (p for p in [os.environ.get("OPENSEARCH_PASSWORD"), *passwords] if p is not None), None
        ),
    )


def up(
    name: str = "default",
    *,
    nodes: int | None = None,
    http_port: int | None = None,
    heap: str | None = None,
    security: bool | None = None,
    use_docker: bool = True,
    report: Report = silent,
) -> Instance:
    """Return the running instance `name`, starting it in Docker or locally; `start` for the rest.

    Docker serves single nodes without security, where an engine answers and the instance's data,
    if there is any, lives there; everything else is local. Raises as `start` does.
    """
    made = records.read_made_as(instance_dir(name))
    plain = nodes in (None, 1) and not security
    if made is not None:
        in_docker = made.kind == "docker"
    else:
        in_docker = use_docker and plain and docker.engine_answers()
    if in_docker:
        if not plain:
            raise LocalServerError(
                f"instance {name!r} was made in Docker, with 1 node and without security: use "
                "another name"
            )
        return _up_in_docker(name, http_port, check_heap(heap), report)
    return server.start(
        name, nodes=nodes, http_port=http_port, heap=heap, security=security, report=report
    )


def _up_in_docker(name: str, http_port: int | None, heap: str, report: Report) -> Instance:
    folder = instance_dir(name)
    with server.lock(name):
        if (running := server.find_running(name)) is not None:
            return running
        report(f"Starting {docker.image()} with Docker …")
        container = docker.container_name(folder)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        records.write_made_as(folder, MadeAs(kind="docker"))
        docker.create(container, http_port=http_port, heap=heap)
        url, version = docker.wait(container, seconds=180)
        state = State("docker", (), (url,), version, time.time(), container)
        records.write_state(folder, state)
    return server.running(name)
