"""The programs of this machine: found, too old, incomplete or missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from opensearch_clir.errors import LocalServerError, MissingToolError
from opensearch_clir.local.tools import find_java, find_mvn, find_openssl, run, tail

AddProgram = Callable[[str, str], Path]


@pytest.fixture
def add_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AddProgram:
    """An otherwise empty PATH, to which shell scripts can be added."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    def add(name: str, script: str) -> Path:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return folder / name

    return add


def test_missing_programs_say_what_to_install(add_program: AddProgram) -> None:
    for find, message in (
        (find_java, "java was not found: install a JDK, version 17 or newer"),
        (find_mvn, "mvn was not found: install Apache Maven"),
        (find_openssl, "openssl was not found: install OpenSSL"),
    ):
        with pytest.raises(MissingToolError, match=message):
            find()


@pytest.mark.parametrize(
    ("said", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('Picked up JAVA_TOOL_OPTIONS: -Dx\nopenjdk version "21" 2023-09-19', 21),
        ('java version "25-ea" 2025-09-16', 25),
    ],
)
def test_java_version(add_program: AddProgram, said: str, major: int) -> None:
    program = add_program("java", f"echo '{said}' >&2")
    assert find_java() == (str(program), major)


@pytest.mark.parametrize(("said", "major"), [("1.8.0_292", 8), ("11.0.22", 11), ("16.0.2", 16)])
def test_old_java_is_refused_with_its_version(
    add_program: AddProgram, said: str, major: int
) -> None:
    add_program("java", f"echo 'openjdk version \"{said}\"' >&2")
    with pytest.raises(MissingToolError, match=f"is version {major}, which is too old: install"):
        find_java()


def test_java_of_java_home_wins(
    add_program: AddProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_program("java", "echo 'openjdk version \"11.0.22\"' >&2")
    newer = tmp_path / "jdk" / "bin" / "java"
    newer.parent.mkdir(parents=True)
    newer.write_text("#!/bin/sh\necho 'openjdk version \"21.0.1\"' >&2\n")
    newer.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert find_java() == (str(newer), 21)


def test_java_that_tells_nothing(add_program: AddProgram) -> None:
    add_program("java", "echo hello")
    with pytest.raises(MissingToolError, match="does not tell its version"):
        find_java()


def test_failing_program_is_quoted(add_program: AddProgram) -> None:
    program = add_program("mvn", "echo first; echo 'no route to host' >&2; exit 3")
    with pytest.raises(LocalServerError, match=r"fetching failed with exit status 3: first \| no"):
        run([program], "fetching", seconds=10)


def test_slow_program_is_ended(add_program: AddProgram) -> None:
    program = add_program("mvn", "while :; do :; done")
    with pytest.raises(LocalServerError, match="fetching took longer than 0 s"):
        run([program], "fetching", seconds=0.2)


def test_tail_is_one_line() -> None:
    assert tail("a\n\n b \nc\n", lines=2) == "b | c"
    assert tail(" \n") == "(no output)"
