"""What a home is made of: pinned, complete, and refused when it is not what was pinned."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from opensearch_clir.errors import LocalServerError
from opensearch_clir.local import artefacts
from opensearch_clir.local.artefacts import MODULES, PLUGINS, VERSION, fetch, pinned, pom


def test_every_named_artefact_is_pinned() -> None:
    for folder, (artefact, _) in MODULES.items():
        assert f"modules/{folder}/{artefact}-{VERSION}.jar" in pinned()
    for artefact in PLUGINS.values():
        assert f"plugins/{artefact}-{VERSION}.0.zip" in pinned()
    assert f"lib/opensearch-{VERSION}.jar" in pinned()
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in pinned().values())


def test_no_file_comes_twice() -> None:
    names = [Path(place).name for place in pinned()]
    assert len(names) == len(set(names))


def test_pom_names_no_repository() -> None:
    ElementTree.fromstring(pom())
    assert "epositor" not in pom()
    assert re.findall(r"https?://[^\"]+", pom()) == ["http://maven.apache.org/POM/4.0.0"]


def fake_maven(folder: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a `mvn` on the PATH that delivers `files`, name -> content."""
    lines = [f"printf '%s' '{text}' > artefacts/{name}" for name, text in files.items()]
    script = "\n".join(["#!/bin/sh", "mkdir artefacts", *lines])
    folder.mkdir()
    (folder / "mvn").write_text(script)
    (folder / "mvn").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_fetch_checks_what_maven_delivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {"lib/a.jar": hashlib.sha256(b"good").hexdigest()}
    monkeypatch.setattr(artefacts, "pinned", lambda: expected)
    fake_maven(tmp_path / "bin", {"a.jar": "good", "surplus.jar": "x"}, monkeypatch)
    assert fetch(tmp_path) == {"lib/a.jar": tmp_path / "artefacts" / "a.jar"}


@pytest.mark.parametrize(
    ("delivered", "message"),
    [
        ({"a.jar": "evil"}, "a.jar as delivered by Maven is not the expected file"),
        ({}, "Maven did not deliver a.jar"),
    ],
)
def test_fetch_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, delivered: dict[str, str], message: str
) -> None:
    expected = {"lib/a.jar": hashlib.sha256(b"good").hexdigest()}
    monkeypatch.setattr(artefacts, "pinned", lambda: expected)
    fake_maven(tmp_path / "bin", delivered, monkeypatch)
    with pytest.raises(LocalServerError, match=message):
        fetch(tmp_path)
