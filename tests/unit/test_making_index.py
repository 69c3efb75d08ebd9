"""Drawing and pooling from a real index; the encoder's vectors can be worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from click.testing import CliRunner
from opensearchpy import OpenSearch, helpers

from concepts import BACKGROUND, ConceptEncoder
from opensearch_clir import Clir
from opensearch_clir.cli.evalset import evalset
from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.evaluation.making.candidates import SYSTEMS
from opensearch_clir.evaluation.making.draft import read_draft
from opensearch_clir.evaluation.making.pool import extend, make_pool
from opensearch_clir.evaluation.making.sample import draw, write_sample
from opensearch_clir.evaluation.making.source import value_of
from opensearch_clir.local import Instance

#: Two languages of ten documents on the same subjects, and one whose documents are few.
DOCUMENTS: list[dict[str, Any]] = [
    *({"id": f"e{n}", "lang": "en", "head": {"title": f"Page {n}"}, "text": f"refund {n}"}
      for n in range(10)),
    *({"id": f"f{n}", "lang": "fr", "head": {"title": f"Page {n}"}, "text": f"remboursement {n}"}
      for n in range(10)),
    {"id": "j1", "lang": "ja", "head": {"title": "案内"}, "text": "返金します", "set": "refund"},
    {"id": "with space", "lang": "ja", "head": {"title": ""}, "text": "返金"},
]  # fmt: skip


@pytest.fixture
def clir(client: OpenSearch, index_name: str) -> Clir:
    mapping = {"properties": {"lang": {"type": "keyword"}, "set": {"type": "keyword"}}}
    settings = {"index.knn": True, "index.number_of_shards": 2}
    client.indices.create(index=index_name, body={"mappings": mapping, "settings": settings})
    made = Clir(client, index_name, encoder=ConceptEncoder())
    with patch("opensearch_clir.encoders.background.measure", return_value=BACKGROUND):
        made.setup(fields="head.title^2,text", lang_field="lang", group_field="set",
                   languages="en,fr,ja")  # fmt: skip
    actions = ({"_index": index_name, "_id": d["id"], "_source": d} for d in DOCUMENTS)
    helpers.bulk(client, made.enrich(actions), refresh=True)
    return made


@pytest.fixture
def folder(clir: Clir, tmp_path: Path) -> Path:
    """A sample of three a language with two questions."""
    write_sample(draw(clir, 3, seed=1), tmp_path / "set")
    with (tmp_path / "set" / "queries.tsv").open("a", encoding="utf-8") as stream:
        stream.write("q1\ten\trefund\nq2\tfr\tremboursement\n")
    return tmp_path / "set"


def test_a_sample_has_as_many_of_each_language(clir: Clir, tmp_path: Path) -> None:
    drawn = draw(clir, 4, seed=1)
    assert {code: len(found) for code, found in drawn.documents.items()} == {
        "en": 4, "fr": 4, "ja": 1,
    }  # fmt: skip
    assert drawn.refused == ("with space",)
    write_sample(drawn, tmp_path / "set")
    rows = (tmp_path / "set" / "corpus.jsonl").read_text("utf-8").splitlines()
    japanese = {"id": "j1", "lang": "ja", "title": "案内", "text": "返金します", "group": "refund"}
    assert json.loads(rows[-1]) == japanese
    assert (tmp_path / "set" / "queries.tsv").read_text("utf-8").startswith("id\tlang\ttext\t")
    with pytest.raises(DataError, match="not empty"):
        write_sample(drawn, tmp_path / "set")


def test_a_seed_gives_the_same_sample_again(clir: Clir) -> None:
    assert draw(clir, 4, seed=1) == draw(clir, 4, seed=1)
    assert draw(clir, 4, seed=1) != draw(clir, 4, seed=2)


def test_samples_that_can_not_be_drawn(clir: Clir) -> None:
    with pytest.raises(ConfigurationError, match=r"no documents in de: it has .*en"):
        draw(clir, 4, seed=1, languages=["de"])
    for number in (0, 10_001):
        with pytest.raises(ConfigurationError, match="from 1 to 10,000"):
            draw(clir, number, seed=1)


def test_a_pool_has_every_language_and_no_trace_of_systems(clir: Clir, folder: Path) -> None:
    draft = read_draft(folder)
    pool = make_pool(clir, draft, depth=2)
    candidates, documents = extend(draft, pool)
    after = read_draft(folder)
    assert len(after.pool) == candidates == len(set(pool.candidates))
    assert len(after.documents) == len(draft.documents) + documents
    for query in draft.queries:
        found = {after.documents[c.document].lang for c in after.pool if c.query == query}
        assert found == {"en", "fr", "ja"}
    for line in (folder / "pool.jsonl").read_text("utf-8").splitlines():
        assert set(json.loads(line)) == {"query", "document"}
    assert set(pool.found_by) == set(SYSTEMS)


def test_pooling_again_keeps_what_was_there(clir: Clir, folder: Path) -> None:
    draft = read_draft(folder)
    extend(draft, make_pool(clir, draft, depth=2))
    first = read_draft(folder)
    with (folder / "queries.tsv").open("a", encoding="utf-8") as stream:
        stream.write("q3\tja\t返金\n")
    second = read_draft(folder)
    assert extend(second, make_pool(clir, second, depth=2, seed=5))[0] > 0
    third = read_draft(folder)
    assert third.pool[: len(first.pool)] == first.pool
    assert {c.query for c in third.pool[len(first.pool) :]} == {"q3"}
    assert extend(third, make_pool(clir, third, depth=2)) == (0, 0)


def test_the_order_depends_on_the_seed_alone(clir: Clir, folder: Path) -> None:
    draft = read_draft(folder)
    pools = [make_pool(clir, draft, depth=5, seed=seed).candidates for seed in (3, 3, 4)]
    assert pools[0] == pools[1] != pools[2]
    assert set(pools[0]) == set(pools[2])


def test_the_commands(clir: Clir, server: Instance, tmp_path: Path) -> None:
    folder, where = str(tmp_path / "set"), ["--url", server.url]
    with patch("opensearch_clir.cli.making.Clir", return_value=clir):
        arguments = ["sample", clir.index_name, "--per-language", "2", "--out", folder, *where]
        done = CliRunner().invoke(evalset, arguments)
        assert done.exit_code == 0, done.output
        assert "en 2, fr 2, ja 1" in done.output
        assert "left out, white space in the id: 1" in done.output
        # Nobody has written a question yet.
        done = CliRunner().invoke(evalset, ["pool", folder, clir.index_name, *where])
        assert done.exit_code == 1
        assert "queries.tsv: holds no queries" in done.output
        with (tmp_path / "set" / "queries.tsv").open("a", encoding="utf-8") as stream:
            stream.write("q1\ten\trefund\n")
        done = CliRunner().invoke(evalset, ["pool", folder, clir.index_name, *where])
        assert done.exit_code == 0, done.output
    assert "21 new candidates" in done.output


def test_a_depth_out_of_range(clir: Clir, folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="depth 0"):
        make_pool(clir, read_draft(folder), depth=0)


@pytest.mark.parametrize(
    ("source", "value"),
    [({"a": {"b": "x"}}, "x"), ({"a.b": "x"}, "x"), ({"a": [{"b": "x"}, {"b": ["y"]}]}, "x y"),
     ({"a": 3}, ""), ({}, ""), ({"a": {"b": {"c": 1}}}, ""), ({"a": {"b": 7}}, "7")],
)  # fmt: skip
def test_values_by_path(source: dict[str, Any], value: str) -> None:
    assert value_of(source, "a.b") == value
