"""What is known about an instance on disk, so that any process can find, use and stop it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from opensearch_clir.errors import LocalServerError
from opensearch_clir.local.process import is_alive

_STATE = "state.json"
_MADE_AS = "made-as.json"


@dataclass(frozen=True)
class State:
    """A start of an instance. Without `urls` the start has not come to its end."""

    kind: str
    pids: tuple[int, ...] = ()
    urls: tuple[str, ...] = ()
    version: str = ""
    started: float = 0.0
    container: str | None = None


@dataclass(frozen=True)
class MadeAs:
    """What an instance's data was made with and can't change until the data is deleted."""

    nodes: int = 1
    security: bool = False
    data_dir: str | None = None
    kind: str = "local"


def read_state(folder: Path) -> State | None:
    """Return the recorded start, or None when there is none (or the file is unreadable)."""
    raw = _read(folder / _STATE)
    try:
        return State(**{**raw, "pids": tuple(raw["pids"]), "urls": tuple(raw["urls"])})
    except (KeyError, TypeError):
        return None


def write_state(folder: Path, state: State) -> None:
    """Record a start, atomically."""
    _write(folder / _STATE, asdict(state))


def forget_state(folder: Path) -> None:
    """Remove the record of the last start."""
    (folder / _STATE).unlink(missing_ok=True)


def running_pids(folder: Path, state: State) -> list[int]:
    """Return those of the recorded processes that still run and are this instance's."""
    return [pid for pid in state.pids if is_alive(pid, token(folder))]


def token(folder: Path) -> str:
    """Return the text by which a process of this instance is known: it is in its command line."""
    return f"{folder}{os.sep}node-"


def read_made_as(folder: Path) -> MadeAs | None:
    """Return how the instance was made, or None when it holds nothing yet."""
    raw = _read(folder / _MADE_AS)
    try:
        return MadeAs(**raw) if raw else None
    except TypeError as e:
        raise LocalServerError(f"{folder / _MADE_AS} was written by another version") from e


def write_made_as(folder: Path, made_as: MadeAs) -> None:
    """Record how the instance is made, atomically."""
    _write(folder / _MADE_AS, asdict(made_as))


def _read(file: Path) -> dict[str, Any]:
    try:
        raw = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _write(file: Path, content: object) -> None:
    new = file.with_suffix(".new")
    new.write_text(json.dumps(content, indent=1), "utf-8")
    new.replace(file)
