"""The programs of this machine that the local server needs: java, mvn, openssl."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from opensearch_clir.errors import LocalServerError, MissingToolError

MINIMUM_JAVA = 17
_JAVA_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


class Java(NamedTuple):
    """A Java runtime: its program and its major version (17, 21, …)."""

    program: str
    major: int


def find_java() -> Java:
    """Return the Java of `JAVA_HOME`, else of `PATH`.

    Raises `MissingToolError` where there is none, or one older than `MINIMUM_JAVA`.
    """
    home = os.environ.get("JAVA_HOME")
    program = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    program = program or shutil.which("java")
    remedy = f"install a JDK, version {MINIMUM_JAVA} or newer, or point JAVA_HOME to one"
    if program is None:
        raise MissingToolError(f"java was not found: {remedy}")
    said = run([program, "-version"], "asking java for its version", seconds=60).strip()
    match = _JAVA_VERSION.search(said)
    if match is None:
        raise MissingToolError(f"{program} does not tell its version ({said[:80]!r}): {remedy}")
    major = int(match[1])
    if major < MINIMUM_JAVA:
        raise MissingToolError(f"{program} is version {major}, which is too old: {remedy}")
    return Java(program, major)


def find_mvn() -> str:
    """Return the Maven program. Raises `MissingToolError`."""
    return _find("mvn", "install Apache Maven 3.6 or newer (it fetches OpenSearch)")


def find_openssl() -> str:
    """Return the OpenSSL program. Raises `MissingToolError`."""
    return _find("openssl", "install OpenSSL 1.1.1 or newer (it makes the certificates)")


def _find(name: str, remedy: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise MissingToolError(f"{name} was not found: {remedy}")
    return program


def run(
    command: Sequence[str | Path],
    purpose: str,
    *,
    seconds: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run `command` to its end and return what it printed (both streams).

    `env` is added to the environment. Raises `LocalServerError`, quoting the last lines, when the
    command fails, can't be started, or runs longer than `seconds`.
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as e:
        raise LocalServerError(f"{purpose} took longer than {seconds:.0f} s") from e
    except OSError as e:
        raise LocalServerError(f"{purpose} failed: {e}") from e
    if done.returncode != 0:
        raise LocalServerError(
            f"{purpose} failed with exit status {done.returncode}: {tail(done.stdout)}"
        )
    return done.stdout


def tail(text: str, lines: int = 8) -> str:
    """Return the last non-empty lines of `text`, joined by " | " to fit a one-line message."""
    kept = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(kept[-lines:]) or "(no output)"
