"""The life of one instance in its folder: launch the processes, describe, stop, delete.

Names and locks are `server`'s business; here the folder is the caller's own.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from opensearch_clir.errors import LocalServerError
from opensearch_clir.local import nodes as node_files
from opensearch_clir.local import security as tls
from opensearch_clir.local import state as records
from opensearch_clir.local.artefacts import VERSION, Report
from opensearch_clir.local.home import ensure_home
from opensearch_clir.local.instance import Instance
from opensearch_clir.local.process import terminate
from opensearch_clir.local.readiness import wait_until_ready
from opensearch_clir.local.state import MadeAs, State
from opensearch_clir.local.tools import find_java

#: Seconds a start may take, after the home is there.
START_SECONDS = 180.0


def silent(message: str) -> None:
    """Report nothing."""


def launch(
    folder: Path,
    made_as: MadeAs,
    *,
    ports: str,
    heap: str,
    settings: Mapping[str, Any],
    timeout: float,
    report: Report,
    stop: Callable[[], None],
    owner: int | None = None,
) -> Instance:
    """Start the processes of the instance in `folder` and wait for them.

    The caller holds the lock. `stop` is what the instance's own `stop()` will do. With `owner`,
    the processes end with that process. Raises as `server.start` does.
    """
    java = find_java()
    home = ensure_home(report)
    stop_processes(folder, report)  # what a start that was killed half-way left running
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if made_as.security:
        tls.prepare(folder, home, java.program)
    report(f"Starting OpenSearch {VERSION}: {made_as.nodes} node(s), heap {heap} each …")
    cluster = _nodes(folder, made_as)
    for node in cluster:
        node_files.configure(
            node,
            folder,
            home,
            all_names=[one.name for one in cluster],
            ports=ports if node is cluster[0] else node_files.ANY_PORT,
            secure=made_as.security,
            settings=settings,
        )
    records.write_made_as(folder, made_as)
    pids: list[int] = []
    try:
        for node in cluster:
            pids.append(node_files.launch(node, home, java, heap, owner))
            state = State("local", tuple(pids), version=VERSION, started=time.time())
            records.write_state(folder, state)
        urls = wait_until_ready(
            cluster,
            lambda: len(records.running_pids(folder, state)),
            seconds=timeout,
            credentials=(tls.ADMIN, _password(folder) or "") if made_as.security else None,
            ca_certs=folder / "certs" / "ca.pem" if made_as.security else None,
        )
    except BaseException:  # also a Ctrl-C: nobody would know of the processes
        stop_processes(folder, report)
        raise
    state = State("local", tuple(pids), urls, VERSION, state.started)
    records.write_state(folder, state)
    return describe(folder, state, made_as, stop)


def describe(folder: Path, state: State, made_as: MadeAs, stop: Callable[[], None]) -> Instance:
    """Return the instance that the records in `folder` speak of; `stop` is how to stop it."""
    return Instance(
        name=folder.name,
        kind="docker" if state.kind == "docker" else "local",
        urls=state.urls,
        version=state.version,
        nodes=made_as.nodes,
        security=made_as.security,
        started=state.started,
        pids=state.pids,
        container=state.container,
        folder=folder,
        username=tls.ADMIN if made_as.security else None,
        ca_certs=folder / "certs" / "ca.pem" if made_as.security else None,
        _password=partial(_password, folder),
        _stop=stop,
    )


def stop_processes(folder: Path, report: Report = silent) -> None:
    """Stop what runs in `folder` and forget the start."""
    state = records.read_state(folder)
    if state is None:
        return
    for pid in terminate(state.pids, records.token(folder)):
        report(f"OpenSearch process {pid} did not stop when asked and was killed.")
    records.forget_state(folder)


def delete_data(folder: Path) -> None:
    """Remove everything an instance has, also data that lies elsewhere."""
    made_as = records.read_made_as(folder)
    for node in _nodes(folder, made_as) if made_as else ():
        shutil.rmtree(node.data, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise LocalServerError(f"{folder} could not be removed")


def _nodes(folder: Path, made_as: MadeAs) -> list[node_files.Node]:
    data_dir = Path(made_as.data_dir) if made_as.data_dir else None
    return node_files.make_nodes(folder, made_as.nodes, data_dir)


def _password(folder: Path) -> str | None:
    try:
        return (folder / "password").read_text("utf-8").strip()
    except OSError:
        return None
