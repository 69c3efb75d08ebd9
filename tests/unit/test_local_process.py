"""Processes: ours are stopped, kindly or not; strangers are left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from opensearch_clir.local import process
from opensearch_clir.local.process import is_alive, spawn, terminate

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('ready', flush=True); time.sleep(60)"
)


def sleeper(folder: Path, code: str = "import time; time.sleep(60)") -> int:
    return spawn([sys.executable, "-c", code, str(folder)], cwd=folder, output=folder / "out")


def forget_child(pid: int) -> None:
    """See the process as one that another process has started would."""
    process._children[pid].returncode = 0  # no warning about a running child
    del process._children[pid]


def test_ours_is_stopped_and_reaped(tmp_path: Path) -> None:
    pid = sleeper(tmp_path)
    assert is_alive(pid, str(tmp_path))
    assert terminate([pid], str(tmp_path)) == []
    assert not is_alive(pid, str(tmp_path))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_stubborn_is_killed_and_told(tmp_path: Path) -> None:
    pid = sleeper(tmp_path, STUBBORN)
    while "ready" not in (tmp_path / "out").read_text():
        time.sleep(0.01)
    assert terminate([pid], str(tmp_path), grace=0.2) == [pid]
    assert not is_alive(pid, str(tmp_path))


def test_stranger_with_a_reused_id_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        try:
            assert not is_alive(stranger.pid, str(tmp_path))
            assert terminate([stranger.pid], str(tmp_path)) == []
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_another_process_knows_ours_by_its_command_line(tmp_path: Path) -> None:
    pid = sleeper(tmp_path)
    forget_child(pid)
    assert is_alive(pid, str(tmp_path))
    assert not is_alive(pid, "/another/folder")
    assert terminate([pid], str(tmp_path)) == []
    assert not is_alive(pid, str(tmp_path))
    os.waitpid(pid, 0)


def test_zombie_counts_as_dead(tmp_path: Path) -> None:
    pid = sleeper(tmp_path, "pass")
    forget_child(pid)
    deadline = time.monotonic() + 10
    while is_alive(pid, str(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(pid, str(tmp_path))
    os.waitpid(pid, 0)


def test_session_of_its_own(tmp_path: Path) -> None:
    pid = sleeper(tmp_path)
    assert os.getsid(pid) != os.getsid(0)  # so a Ctrl-C here does not reach it
    terminate([pid], str(tmp_path))


def test_command_line_by_ps(tmp_path: Path) -> None:
    pid = sleeper(tmp_path)
    assert str(tmp_path) in process._command_line_by_ps(pid)
    terminate([pid], str(tmp_path))
    assert process._command_line_by_ps(pid) == ""
