"""The documentation's commands: those of the README are run, those of the guides are parsed."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from opensearchpy import OpenSearch

from opensearch_clir.cli.main import main
from opensearch_clir.local import Instance

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

CORPUS = [
    {"id": "wifi.en", "title": "Wifi", "text": "How to connect the machine to your wifi."},
    {"id": "refund.de", "title": "Rückgabe", "text": "Das Geld kommt nach zehn Tagen zurück."},
]


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = (line.split("  #")[0].strip() for block in blocks for line in block.splitlines())
    return [line.removeprefix("$ ") for line in lines if re.match(r"(\$ )?clir\b", line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_in_the_docs_exists_with_its_options(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(re.split(r"\s[|<>&;]+\s?", line)[0], comments=True)[1:]
        if not words or words[0].startswith("-"):
            continue
        context = click.Context(main)
        command: click.Command | None = main
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            name = words.pop(0)
            # `clir evaluate DIR` is short for `clir evaluate run DIR`.
            command = command.get_command(context, name) or command.get_command(context, "run")
            assert command is not None, f"{page.name}: no command {name!r} in {line!r}"
        known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help", "-h"}
        for word in words:
            if word.startswith("--"):
                assert word.split("=")[0] in known, f"{page.name}: {word} in {line!r}"


def test_the_commands_of_the_readme_run(
    tmp_path: Path, client: OpenSearch, server: Instance, index_name: str
) -> None:
    lines = "".join(json.dumps(document) + "\n" for document in CORPUS)
    (tmp_path / "corpus.jsonl").write_text(lines, encoding="utf-8")
    environment = {**os.environ, "OPENSEARCH_URL": server.url, "COLUMNS": "120"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    outputs = {}
    for line in commands(ROOT / "README.md"):
        if line.startswith("clir up"):
            continue
        # The name in the README is "kb"; here it must be one that no other test uses.
        words = [index_name if word == "kb" else word for word in shlex.split(line, comments=True)]
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        outputs[words[1]] = done.stdout
    assert set(outputs) == {"setup", "index", "search", "explain"}
    first = outputs["search"].splitlines()[2]
    assert "wifi.en" in first
    assert "fr>en" in outputs["explain"]


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"
