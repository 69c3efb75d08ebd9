"""From files through enrichment into a managed index, by API and command line."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from click.testing import CliRunner
from opensearchpy import OpenSearch, helpers

from opensearch_clir.cli.main import main
from opensearch_clir.encoders.base import Role, Vectors
from opensearch_clir.ingest import Enricher, Rejected, write
from opensearch_clir.language import load_detector
from opensearch_clir.local import Instance
from opensearch_clir.settings import load_settings
from opensearch_clir.setup import read_schema, set_up

ENGLISH = "The printer does not respond after the latest update of the driver."
GERMAN = "Der Drucker reagiert nach der letzten Aktualisierung des Treibers nicht mehr."
BACKGROUND = {"matching": (0.1, 0.1), "non_matching": (0.0, 0.1)}


class WordHash:
    """Counts words by a hash of theirs."""

    name = "word-hash"
    fingerprint = "f" * 64
    dimension = 16

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                if any(c.isalpha() for c in word):
                    vectors[row, zlib.crc32(word.encode()) % self.dimension] += 1
        return vectors


@pytest.fixture
def managed(client: OpenSearch, index_name: str) -> Iterator[str]:
    chosen = load_settings(
        None, fields="title^2,text", languages="de,en,fr,ja", lang_field="lang", group_field="group"
    )
    with patch("opensearch_clir.encoders.background.measure", return_value=BACKGROUND):
        set_up(client, index_name, chosen, encoder=WordHash())
    with patch("opensearch_clir.cli.ingest.open_encoder", return_value=WordHash()):
        yield index_name


@pytest.fixture
def enricher(client: OpenSearch, managed: str) -> Enricher:
    schema = read_schema(client, managed)
    return Enricher(schema, WordHash(), load_detector(schema.detector, schema.languages))


def run(server: Instance, *words: str, stdin: str | None = None) -> Any:
    return CliRunner().invoke(main, [*words, "--url", server.url], input=stdin)


def source(client: OpenSearch, index: str, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(index=index, id=id_)["_source"]
    return found


def test_every_kind_of_document_fits_the_mapping(
    client: OpenSearch, managed: str, enricher: Enricher
) -> None:
    documents: list[dict[str, Any]] = [
        {"_id": "en", "title": "Printer", "text": ENGLISH, "group": "g1"},
        {"_id": "de", "text": GERMAN, "lang": "de", "group": "g1"},
        {"_id": "both", "text": f"{ENGLISH} {ENGLISH} {GERMAN} {GERMAN}"},
        {"_id": "odd", "text": "😀 42"},
        {"_id": "tag", "text": ENGLISH, "lang": "xx"},
        {"_id": "array", "title": ["a", "b"], "text": 7},
        {"_id": "bad", "text": {"no": "text"}},
    ]
    rejected: list[Rejected] = []
    actions = enricher.actions_only(
        ({"_index": managed, **d} for d in documents), on_rejected=rejected.append
    )
    done, errors = helpers.bulk(client, actions, refresh=True)
    assert (done, errors) == (6, [])
    assert [r.id for r in rejected] == ["bad"]

    def found(field: str, words: str) -> set[str]:
        body = {"query": {"match": {field: words}}, "_source": False}
        return {hit["_id"] for hit in client.search(index=managed, body=body)["hits"]["hits"]}

    assert found("clir.text.en", "updates") == {"en", "both"}
    assert found("clir.text.de", "Aktualisierungen") == {"de", "both"}
    assert found("clir.text.und", "printer") == {"tag"}
    assert found("clir.text.any", "drucker") == {"de", "both"}
    assert found("clir.group", "g1") == {"en", "de"}
    assert found("clir.lang", "und") >= {"odd", "tag"}
    vector = source(client, managed, "en")["clir"]["v"][enricher.schema.active]
    knn = {"knn": {enricher.schema.vector_field: {"vector": vector, "k": 1}}}
    hits = client.search(index=managed, body={"query": knn, "size": 1})["hits"]["hits"]
    assert hits[0]["_id"] == "en"
    assert hits[0]["_score"] == pytest.approx(1.0)


def test_updates_replace_the_enrichment_or_mark_it(
    client: OpenSearch, managed: str, enricher: Enricher
) -> None:
    def apply(**action: Any) -> dict[str, Any]:
        report = write(client, enricher.enrich_actions([{"_id": "1", **action}]), index=managed)
        assert (report.indexed, dict(report.rejected)) == (1, {})
        return source(client, managed, "1")

    apply(title="Printer", text=ENGLISH, group="g", price=1)
    after = apply(_op_type="update", doc={"title": "Drucker", "text": GERMAN})
    assert after["price"] == 1
    assert after["clir"]["lang"] == "de"
    assert after["clir"]["text"]["en"] is None
    assert apply(_op_type="update", doc={"price": 2})["clir"]["hash"] == after["clir"]["hash"]
    stale = apply(_op_type="update", doc={"title": "Neu"})
    assert stale["clir"] == {**after["clir"], "hash": "stale"}
    cleared = apply(_op_type="update", doc={"title": "😀", "text": "42"})
    assert not any(cleared["clir"]["v"].values())


def test_ten_megabytes_go_in(client: OpenSearch, managed: str, enricher: Enricher) -> None:
    document = {"text": f"{ENGLISH} " * 150_000}
    report = write(client, enricher.enrich_actions([{"_id": "big", **document}]), index=managed)
    assert (report.indexed, dict(report.rejected)) == (1, {})
    body = {"query": {"match": {"clir.text.en": "printers"}}}
    assert client.count(index=managed, body=body)["count"] == 1


def test_command_index(client: OpenSearch, server: Instance, managed: str, tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": "a", "title": "Printer", "text": ENGLISH}),
        json.dumps({"id": "b", "text": GERMAN}),
        json.dumps({"id": "b", "text": "again"}),
        "{broken",
        json.dumps({"id": "c"}),
        '{"id": "d", "text": "x", "n": NaN}',
    ]
    corpus, dead = tmp_path / "corpus.jsonl", tmp_path / "dead.jsonl"
    corpus.write_text("\n".join(lines), encoding="utf-8")
    result = run(server, "index", managed, str(corpus), "--dead-letters", str(dead))
    assert result.exit_code == 1, result.output
    assert "2 indexed, 4 rejected" in result.output
    assert "documents/s" in result.output
    letters = [json.loads(line) for line in dead.read_text().splitlines()]
    assert [(x["stage"], x["line"]) for x in letters] == [
        ("read", 3),
        ("read", 4),
        ("enrich", 5),
        ("enrich", 6),
    ]
    assert client.count(index=managed)["count"] == 2
    again = run(server, "index", managed, str(corpus), "--allow-rejected", "--json")
    assert again.exit_code == 0
    summary = json.loads(again.stdout)
    assert summary["indexed"] == 2
    assert sum(summary["rejected"].values()) == 4
    assert set(summary["seconds"]) >= {"read", "language", "vector", "server", "total"}
    assert client.count(index=managed)["count"] == 2
    fed = run(server, "index", managed, str(dead), "--format", "dead-letters", "--allow-rejected")
    assert fed.exit_code == 0


def test_command_index_reports_plain_errors(server: Instance, managed: str, tmp_path: Path) -> None:
    missing = run(server, "index", managed, str(tmp_path / "none.jsonl"))
    assert missing.exit_code == 1
    assert "can't read" in missing.output
    file = tmp_path / "a.jsonl"
    file.write_text("")
    same = run(server, "index", managed, str(file), "--dead-letters", str(file))
    assert same.exit_code == 1
    assert "emptied unread" in same.output
    assert run(server, "index", managed).exit_code == 2


def test_command_enrich_is_a_filter(server: Instance, managed: str) -> None:
    result = run(server, "enrich", managed, stdin=json.dumps({"text": GERMAN, "n": 1}) + "\n")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["n"], document["clir"]["lang"]) == (1, "de")
    bulk = '{"index":{"_index":"x","_id":"1"}}\n{"text":"Printer"}\n{"delete":{"_id":"2"}}\n'
    lines = run(server, "enrich", managed, stdin=bulk).stdout.splitlines()
    assert json.loads(lines[0]) == {"index": {"_index": "x", "_id": "1"}}
    assert json.loads(lines[1])["clir"]
    assert json.loads(lines[2]) == {"delete": {"_id": "2"}}
    bad = run(server, "enrich", managed, stdin='{"id":"1","text":"x"}\n{"id":"2"}\n')
    assert bad.exit_code == 1
    assert len(bad.stdout.splitlines()) == 1
    assert "1 rejected" in bad.stderr
