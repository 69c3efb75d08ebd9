"""Odd uses on a real server: foreign actions, aliases, full disks, values that are no documents."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from opensearchpy import OpenSearch

from opensearch_clir import Clir
from opensearch_clir.cli.main import main
from opensearch_clir.errors import IndexStateError, QueryError
from opensearch_clir.ingest.rejected import Rejected
from opensearch_clir.local import Instance

needs_dev_full = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="no /dev/full on this system"
)


@pytest.fixture
def clir(client: OpenSearch, index_name: str) -> Clir:
    found = Clir(client, index_name)
    found.setup(fields=["text"], languages=["en", "de"])
    return found


def command(server: Instance, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `clir` as a process of its own: standard output is what matters here."""
    environment = {**os.environ, "OPENSEARCH_URL": server.url}
    program = [sys.executable, "-c", "from opensearch_clir.cli.main import main; main()", *words]
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(
        program, env=environment, stderr=subprocess.PIPE, text=True, check=False, **options
    )


def test_actions_for_other_indices_pass(client: OpenSearch, clir: Clir, index_name: str) -> None:
    client.indices.put_alias(index=index_name, name=f"{index_name}-a")
    names = (None, index_name, f"{index_name}-a", "elsewhere")
    actions = [{"_index": n, "text": "a word"} if n else {"text": "a word"} for n in names]
    behind = Clir(client, f"{index_name}-a")
    enriched = ["clir" in action["_source"] for action in behind.enrich(actions)]
    assert enriched == [True, True, True, False]


def test_what_is_no_document_is_rejected(clir: Clir) -> None:
    refused: list[Rejected] = []
    odd: list[Any] = ["notadoc", None, {"id": ["x"], "text": "a"}, {"text": "a", "n": {1}}]
    report = clir.index([*odd, {"id": 1, "text": "a word"}], on_rejected=refused.append)
    assert (report.indexed, len(refused)) == (1, 4)
    assert list(clir.enrich([None, 5], on_rejected=refused.append)) == []  # type: ignore[list-item]
    assert len(refused) == 6


@pytest.mark.parametrize(
    "arguments",
    [{"size": "10"}, {"size": None}, {"filter": "abc"}, {"min_score": "a"}, {"languages": 5}],
)
def test_arguments_of_a_search(clir: Clir, arguments: dict[str, Any]) -> None:
    with pytest.raises(QueryError):
        clir.search("word", **arguments)


def test_alias_without_a_write_index(
    client: OpenSearch, server: Instance, clir: Clir, index_name: str, tmp_path: Path
) -> None:
    Clir(client, f"{index_name}-2").setup(fields=["text"], languages=["en", "de"])
    for name in (index_name, f"{index_name}-2"):
        client.indices.put_alias(index=name, name=f"{index_name}-a")
    with pytest.raises(IndexStateError, match="write index"):
        Clir(client, f"{index_name}-a").index([{"text": "a word"}])
    (tmp_path / "in.jsonl").write_text('{"text": "a word"}\n')
    words = ["index", f"{index_name}-a", str(tmp_path / "in.jsonl"), "--url", server.url]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert "none is its write index" in result.stderr


@needs_dev_full
def test_full_disks_are_told_in_one_line(server: Instance, clir: Clir, tmp_path: Path) -> None:
    lines = [{"id": str(n), "text": "a word"} for n in range(3)] + [{"id": "x"}]
    corpus = tmp_path / "in.jsonl"
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines))
    index = clir.index_name
    with Path("/dev/full").open("w") as full, corpus.open() as given:
        search = command(server, "search", index, "word", stdout=full)
        enrich = command(server, "enrich", index, stdin=given, stdout=full)
        counted = command(server, "index", index, str(corpus), stdout=full)
    for done in (search, enrich):
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert "can't write the output: No space left" in done.stderr
    assert "3 documents are in." in counted.stderr
    letters = command(server, "index", index, str(corpus), "--dead-letters", "/dev/full")
    assert letters.returncode == 1
    assert "Traceback" not in letters.stderr
    assert "documents are in" in letters.stderr


def test_rejections_are_one_a_line(server: Instance, clir: Clir, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"id": "a", "text": "x"}\n{"id": "b"}\n{"id": 1.5}\n')
    done = command(server, "index", clir.index_name, str(tmp_path / "in.jsonl"))
    assert "1 indexed, 2 rejected;" in done.stdout
    assert sum(line.startswith("  1 × ") for line in done.stdout.splitlines()) == 2


def test_setup_tells_what_it_drops(server: Instance, clir: Clir) -> None:
    done = command(server, "setup", clir.index_name, "--languages", "de")
    assert "1 of 2 languages are dropped (en)" in done.stdout
    upper = command(server, "setup", "T-UPPER", "--dry-run")
    assert (upper.returncode, upper.stdout) == (1, "")
    assert "lower case" in upper.stderr
    activate = command(server, "setup", clir.index_name, "--activate")
    assert "name the encoder to activate" in activate.stderr
