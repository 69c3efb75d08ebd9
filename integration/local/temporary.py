"""Servers that end with the process that asked for them, with everything they wrote."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from opensearch_clir.local.artefacts import Report
from opensearch_clir.local.instance import Instance
from opensearch_clir.local.lifecycle import START_SECONDS, launch, silent, stop_processes
from opensearch_clir.local.nodes import ANY_PORT, check_heap
from opensearch_clir.local.paths import cache_dir
from opensearch_clir.local.state import MadeAs


@contextmanager
def ephemeral(
    *,
    nodes: int = 1,
    security: bool = False,
    heap: str | None = None,
    settings: Mapping[str, Any] | None = None,
    timeout: float = START_SECONDS,
    report: Report = silent,
) -> Iterator[Instance]:
    """Run a new, empty server for the length of a `with` block; see `start_temporary`."""
    instance = start_temporary(
        nodes=nodes,
        security=security,
        heap=heap,
        settings=settings,
        timeout=timeout,
        report=report,
    )
    try:
        yield instance
    finally:
        instance.stop()


def start_temporary(
    *,
    nodes: int = 1,
    security: bool = False,
    heap: str | None = None,
    settings: Mapping[str, Any] | None = None,
    timeout: float = START_SECONDS,
    report: Report = silent,
) -> Instance:
    """Return a new, empty server on free ports; `stop()` removes it with its data.

    Without a `stop()` that happens when this process ends: at a normal exit at once; when the
    process is killed, the server notices and ends, and its files go with the next temporary start.
    Arguments and errors are those of `start`; `timeout` is in seconds.
    """
    root = cache_dir() / "ephemeral"
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    owner = os.getpid()
    folder = root / f"{owner}-{secrets.token_hex(4)}"

    def remove() -> None:
        # A forked child inherits the exit handlers, but not the server.
        if os.getpid() == owner:
            stop_processes(folder)
            shutil.rmtree(folder, ignore_errors=True)
            atexit.unregister(remove)

    atexit.register(remove)
    try:
        return launch(
            folder,
            MadeAs(nodes, security),
            ports=ANY_PORT,
            heap=check_heap(heap),
            settings=settings or {},
            timeout=timeout,
            report=report,
            stop=remove,
            owner=owner,
        )
    except BaseException:
        remove()
        raise


def _sweep(root: Path) -> None:
    """Remove what processes left that were killed."""
    for folder in root.iterdir():
        owner = folder.name.partition("-")[0]
        if owner.isdecimal() and not _exists(int(owner)):
            stop_processes(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _exists(pid: int) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True
