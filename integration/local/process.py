"""Processes that outlive the one that started them, told apart from strangers with the same id."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

#: Our own children: kept so that they can be reaped, or they would linger as zombies.
_children: dict[int, subprocess.Popen[bytes]] = {}


def spawn(command: Sequence[str], *, cwd: Path, output: Path) -> int:
    """Start `command` detached, in a session of its own; return its process id.

    A Ctrl-C in the terminal does not reach it. Both output streams go to the file `output`.
    Raises `OSError`.
    """
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[process.pid] = process
    return process.pid


def is_alive(pid: int, token: str) -> bool:
    """Tell whether `pid` runs and is ours: a child, or with `token` in its command line.

    After a reboot, or after many processes, the id of a dead server may belong to anyone: the
    command line says whose it is. A zombie has none and counts as dead.
    """
    child = _children.get(pid)
    if child is not None:
        if child.poll() is None:
            return True
        del _children[pid]
        return False
    return token in _command_line(pid)


def _command_line(pid: int) -> str:
    process = Path(f"/proc/{pid}")
    if not Path("/proc/self/cmdline").exists():
        return _command_line_by_ps(pid)
    try:
        # While a program is being loaded its command line is empty for a moment.
        for _ in range(10):
            line = (process / "cmdline").read_bytes()
            state = (process / "stat").read_bytes().rpartition(b")")[2].split()[0]
            if line or state in (b"Z", b"X"):
                return line.replace(b"\0", b" ").decode(errors="replace")
            time.sleep(0.01)
    except (OSError, IndexError):
        pass
    return ""


def _command_line_by_ps(pid: int) -> str:
    done = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False
    )
    return done.stdout.decode(errors="replace")


def terminate(pids: Sequence[int], token: str, *, grace: float = 30.0) -> list[int]:
    """Stop the processes in order: SIGTERM, up to `grace` seconds, then SIGKILL.

    Returns the ids that had to be killed. Ids that are not ours (see `is_alive`) are left alone.
    """
    for pid in pids:
        _signal(pid, token, signal.SIGTERM)
    left = _wait_until_gone(pids, token, grace)
    for pid in left:
        _signal(pid, token, signal.SIGKILL)
    _wait_until_gone(left, token, 10.0)
    return left


def _signal(pid: int, token: str, number: signal.Signals) -> None:
    if is_alive(pid, token):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _wait_until_gone(pids: Sequence[int], token: str, seconds: float) -> list[int]:
    deadline = time.monotonic() + seconds
    left = [pid for pid in pids if is_alive(pid, token)]
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [pid for pid in left if is_alive(pid, token)]
    return left
