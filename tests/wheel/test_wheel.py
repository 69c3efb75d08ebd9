"""A wheel built from the tree works in an empty environment: import, command, package data."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SMOKE = """
import numpy, opensearch_clir
from importlib.resources import files
from opensearch_clir.calibration.parameters import builtin
from opensearch_clir.encoders import load_encoder
from opensearch_clir.encoders.base import encode
from opensearch_clir.index_templates import render

assert "site-packages" in opensearch_clir.__file__
assert builtin().own > 0
encoder = load_encoder("embedded")
vectors = encode(encoder, ["the water is cold", "l'eau est froide", "tax returns"], "query")
assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
names = {item.name for item in files("opensearch_clir.index_templates").iterdir()}
assert any(name.endswith(".json") for name in names)
assert files("opensearch_clir.local").joinpath("Launcher.java").is_file()
assert files("opensearch_clir").joinpath("py.typed").is_file()
print("ok")
"""


def run(*words: object, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    assert wheel.stat().st_size < 35_000_000
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    return python


def test_the_wheel_carries_all_it_needs(python: Path, tmp_path: Path) -> None:
    assert run(python, "-c", SMOKE, cwd=tmp_path) == "ok\n"


def test_the_command_is_there_and_light(python: Path, tmp_path: Path) -> None:
    command = python.parent / "clir"
    assert "search" in run(command, "--help", cwd=tmp_path)
    for name in ("up", "down", "status", "setup", "uninstall", "index", "enrich", "search"):
        assert "Example" in run(command, name, "--help", cwd=tmp_path)
    packages = run(python, "-m", "pip", "list", "--format=freeze").lower()
    assert "torch" not in packages
    assert "sentence-transformers" not in packages
