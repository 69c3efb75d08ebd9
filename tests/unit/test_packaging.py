"""Guards of the folder mapping: a package missing from setup.cfg works in editable mode only."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import opensearch_clir
from opensearch_clir import errors

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {
    "opensearch_clir": "integration",
    "opensearch_clir.ingest": "ingest",
    "opensearch_clir.index_templates": "index_templates",
}


def config() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_test_modules_have_names_of_their_own() -> None:
    """Else a run over all of them stops before its first test, while each folder alone passes."""
    names = [file.name for file in (ROOT / "tests").rglob("*.py") if file.name != "conftest.py"]
    assert sorted(names) == sorted(set(names))


def test_every_folder_with_code_is_a_listed_package() -> None:
    listed = set(config()["options"]["packages"].split())
    found = set()
    for package, room in ROOMS.items():
        for init in (ROOT / room).rglob("__init__.py"):
            inner = init.parent.relative_to(ROOT / room).parts
            found.add(".".join((package, *inner)))
        for file in (ROOT / room).rglob("*.py"):
            assert (file.parent / "__init__.py").exists(), f"{file.parent} has no __init__.py"
    assert listed == found


def test_no_folder_collides_with_the_mapping() -> None:
    assert not list((ROOT / "integration").glob("ingest*"))
    assert not list((ROOT / "integration").glob("index_templates*"))


def test_data_files_are_packaged() -> None:
    data = config()["options.package_data"]
    for package, room in ROOMS.items():
        for file in (ROOT / room).rglob("*"):
            inner = file.relative_to(ROOT / room).parts
            if file.is_dir() or file.suffix == ".py" or {"__pycache__", ".ruff_cache"} & {*inner}:
                continue
            home = next(parent for parent in file.parents if (parent / "__init__.py").exists())
            owner = ".".join((package, *home.relative_to(ROOT / room).parts))
            patterns = [p.strip() for p in data.get(owner, "").replace("\n", ",").split(",")]
            name = str(file.relative_to(home))
            assert any(fnmatch(name, p) for p in patterns), f"{file} is not packaged"


def test_the_version_is_stated_once() -> None:
    assert config()["metadata"]["version"] == opensearch_clir.__version__


def test_all_lists_every_error() -> None:
    tree = ast.parse(Path(errors.__file__).read_text(encoding="utf-8"))
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    assert set(errors.__all__) == classes
    for name in classes:
        assert issubclass(getattr(errors, name), errors.ClirError)
        assert name in (errors.__doc__ or "")


def test_importing_does_no_work() -> None:
    code = (
        "import sys, opensearch_clir; "
        "heavy = {'numpy', 'opensearchpy', 'tokenizers', 'langdetect'} & set(sys.modules); "
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
