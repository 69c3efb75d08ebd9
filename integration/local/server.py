"""Start, find and stop real OpenSearch servers on this machine, without Docker."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from opensearch_clir.errors import LocalServerError
from opensearch_clir.local import docker
from opensearch_clir.local import nodes as node_files
from opensearch_clir.local import state as records
from opensearch_clir.local.artefacts import Report
from opensearch_clir.local.instance import Instance
from opensearch_clir.local.lifecycle import (
    START_SECONDS,
    delete_data,
    describe,
    launch,
    silent,
    stop_processes,
)
from opensearch_clir.local.paths import instance_dir, instances_dir, made_usable
from opensearch_clir.local.state import MadeAs, State


def start(
    name: str = "default",
    *,
    nodes: int | None = None,
    http_port: int | None = None,
    heap: str | None = None,
    security: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    data_dir: Path | None = None,
    timeout: float = START_SECONDS,
    report: Report = silent,
) -> Instance:
    """Return the running instance `name`, starting it (and assembling OpenSearch) where needed.

    Args:
        name: 1-40 of a-z, 0-9, "-" and "_".
        nodes: nodes of the cluster; None: as the instance was made, or 1.
        http_port: port of the first node; None: the first free one from 9200 on.
        heap: heap per node like "512m"; None: `CLIR_LOCAL_HEAP`, or 512m.
        security: TLS and a password; None: as the instance was made, or without.
        settings: more node settings (as in opensearch.yml), for all nodes.
        data_dir: where the data is kept, instead of the instance's own folder.
        timeout: seconds the start may take, not counting the assembly.
        report: gets one line per longer step.

    Raises:
        MissingToolError: java, mvn or openssl is missing or too old.
        LocalServerError: the arguments don't fit the instance's data, or it can't be started; the
            message quotes the log.
    """
    folder = instance_dir(name)
    with lock(name):
        made_as = _agree(folder, nodes, security, data_dir)
        if (running := _running(folder)) is not None:
            return running
        if http_port is not None:
            _refuse_taken(http_port)
        return launch(
            folder,
            made_as,
            ports=str(http_port) if http_port else node_files.USUAL_PORTS,
            heap=node_files.check_heap(heap),
            settings=settings or {},
            timeout=timeout,
            report=report,
            stop=partial(_stop_named, name),
        )


def stop(name: str = "default", *, delete: bool = False, report: Report = silent) -> bool:
    """Stop the instance `name`; with `delete` remove its data as well.

    Returns whether it was running. Raises `LocalServerError`.
    """
    folder = instance_dir(name)
    with lock(name):
        state = records.read_state(folder)
        was_running = state is not None and _is_up(folder, state)
        made_as = records.read_made_as(folder)
        if made_as is not None and made_as.kind == "docker":
            docker.remove(docker.container_name(folder), delete=delete)
            records.forget_state(folder)
        else:
            stop_processes(folder, report)
        if delete:
            delete_data(folder)
        return was_running


def running(name: str = "default") -> Instance:
    """Return the running instance `name`. Raises `LocalServerError` when it doesn't run."""
    instance = find_running(name)
    if instance is None:
        option = "" if name == "default" else f" --name {name}"
        raise LocalServerError(f"no local server runs: start one with `clir up{option}`")
    return instance


def find_running(name: str = "default") -> Instance | None:
    """Return the instance `name` if it runs, else None."""
    return _running(instance_dir(name))


def known() -> list[tuple[str, Instance | None]]:
    """Return every instance that has data or runs, by name; None for one that doesn't run."""
    root = instances_dir()
    names = sorted(p.name for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
    return [(name, find_running(name)) for name in names if not name.startswith(".")]


def lock(name: str) -> FileLock:
    """Return the lock of an instance; beside its folder, because that may be deleted.

    Raises `LocalServerError` where the folder can't be used.
    """
    folder = made_usable(instances_dir(), "CLIR_DATA_DIR")
    return FileLock(folder / f".{name}.lock")


def _refuse_taken(port: int) -> None:
    """Say early and plainly what would otherwise be found in the log half a minute later."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as e:
            raise LocalServerError(
                f"port {port} is taken or not allowed ({e.strerror}): choose another"
            ) from e


def _running(folder: Path) -> Instance | None:
    state = records.read_state(folder)
    made_as = records.read_made_as(folder)
    if state is None or made_as is None or not state.urls or not _is_up(folder, state):
        return None
    return describe(folder, state, made_as, partial(_stop_named, folder.name))


def _is_up(folder: Path, state: State) -> bool:
    if state.kind == "docker":
        return docker.is_running(state.container or "")
    return bool(state.pids) and len(records.running_pids(folder, state)) == len(state.pids)


def _agree(folder: Path, nodes: int | None, security: bool | None, data_dir: Path | None) -> MadeAs:
    """Return how the instance is made; refuse what its data contradicts."""
    if nodes is not None and nodes < 1:
        raise LocalServerError(f"a cluster needs at least 1 node, not {nodes}")
    made = records.read_made_as(folder)
    if made is None:
        place = str(data_dir.resolve()) if data_dir else None
        return MadeAs(nodes or 1, bool(security), place)
    wrong = list(_contradictions(made, nodes, security, data_dir))
    if wrong:
        raise LocalServerError(
            f"instance {folder.name!r} was made {', '.join(wrong)}: use another name, or delete "
            f"its data first with `clir down --name {folder.name} --delete`"
        )
    return made


def _contradictions(
    made: MadeAs, nodes: int | None, security: bool | None, data_dir: Path | None
) -> Iterable[str]:
    if made.kind != "local":
        yield "in Docker"
    if nodes not in (None, made.nodes):
        yield f"with {made.nodes} node(s)"
    if security not in (None, made.security):
        yield "with security" if made.security else "without security"
    if data_dir is not None and str(data_dir.resolve()) != made.data_dir:
        yield f"with its data in {made.data_dir or 'its own folder'}"


def _stop_named(name: str) -> None:
    stop(name)
