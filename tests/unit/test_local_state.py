"""Names, folders and records of instances."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opensearch_clir.errors import LocalServerError
from opensearch_clir.local import find_running, known, running, start
from opensearch_clir.local.nodes import check_heap, make_nodes
from opensearch_clir.local.paths import cache_dir, instance_dir
from opensearch_clir.local.state import (
    MadeAs,
    State,
    forget_state,
    read_made_as,
    read_state,
    write_made_as,
    write_state,
)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIR_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CLIR_CACHE_DIR", str(tmp_path / "cache"))


def test_folders_follow_the_environment(tmp_path: Path) -> None:
    assert cache_dir() == tmp_path / "cache"
    assert instance_dir("one") == tmp_path / "data" / "local" / "one"


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", "-a", ".a", "a" * 41, "é"])
def test_names_that_are_no_folder_names_are_refused(name: str) -> None:
    with pytest.raises(LocalServerError, match="is not allowed: use 1-40"):
        instance_dir(name)


def test_records_come_back_as_written(tmp_path: Path) -> None:
    state = State("local", (1, 2), ("http://127.0.0.1:1",), "2.19.1", 12.5)
    made_as = MadeAs(nodes=3, security=True, data_dir="/somewhere")
    write_state(tmp_path, state)
    write_made_as(tmp_path, made_as)
    assert read_state(tmp_path) == state
    assert read_made_as(tmp_path) == made_as
    forget_state(tmp_path)
    assert read_state(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"kind": "local"}', '{"pids": 1}'])
def test_unreadable_state_is_no_state(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    assert read_state(tmp_path) is None


def test_state_with_strangers_ids_is_stale() -> None:
    folder = instance_dir("default")
    folder.mkdir(parents=True)
    write_made_as(folder, MadeAs())
    write_state(folder, State("local", (os.getpid(),), ("http://127.0.0.1:1",)))
    assert find_running() is None
    assert known() == [("default", None)]
    with pytest.raises(LocalServerError, match="no local server runs: start one with `clir up`"):
        running()


def test_what_the_data_contradicts_is_refused(tmp_path: Path) -> None:
    folder = instance_dir("default")
    folder.mkdir(parents=True)
    write_made_as(folder, MadeAs(nodes=1, security=False))
    with pytest.raises(LocalServerError, match=r"made with 1 node\(s\), without security, with"):
        start(nodes=3, security=True, data_dir=tmp_path)
    with pytest.raises(LocalServerError, match="at least 1 node"):
        start("new", nodes=0)


def test_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLIR_LOCAL_HEAP", raising=False)
    assert check_heap(None) == "512m"
    monkeypatch.setenv("CLIR_LOCAL_HEAP", "2g")
    assert (check_heap(None), check_heap("1g")) == ("2g", "1g")
    with pytest.raises(LocalServerError, match="heap 'lots' is not a size"):
        check_heap("lots")


def test_trouble_quotes_what_tells(tmp_path: Path) -> None:
    (node,) = make_nodes(tmp_path, 1, None)
    assert node.trouble() == "(no output)"
    node.logs.mkdir(parents=True)
    (node.logs / "console.log").write_text("all is well\n")
    assert node.trouble() == "all is well"
    (node.logs / "server.log").write_text(
        "[INFO] fine\n[ERROR] Not yet initialized\n[ERROR] bind failed\n[INFO] bye\n"
    )
    assert node.trouble() == "[ERROR] bind failed"
    assert node.address("http") is None
