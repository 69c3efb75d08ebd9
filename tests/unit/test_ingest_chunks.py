"""Bulk requests are cut by count, bytes and ids; values that JSON does not have are refused."""

from __future__ import annotations

import itertools
import json
from typing import Any

from opensearchpy.serializer import JSONSerializer

from opensearch_clir.ingest.chunks import Chunk, chunked
from opensearch_clir.ingest.records import Record, read_action
from opensearch_clir.ingest.rejected import Rejected


def cut(records: Any, docs: int = 100, size: int = 10_000, limit: int = 20_000) -> list[Chunk]:
    return list(chunked(records, JSONSerializer(), docs, size, limit))


def numbers(chunks: list[Chunk]) -> list[list[str | None]]:
    return [[item.record.id for item in chunk.items] for chunk in chunks]


def test_by_count() -> None:
    assert numbers(cut((Record({}, str(n)) for n in range(5)), docs=2)) == [
        ["0", "1"],
        ["2", "3"],
        ["4"],
    ]


def test_by_bytes_with_larger_ones_alone() -> None:
    lengths = [400, 400, 900, 10, 10]
    chunks = cut((Record({"t": "é" * n}, str(i)) for i, n in enumerate(lengths)), size=1600)
    assert numbers(chunks) == [["0"], ["1"], ["2"], ["3", "4"]]
    assert all(chunk.size == sum(len(i.body) for i in chunk.items) for chunk in chunks)


def test_a_document_comes_once_in_a_chunk() -> None:
    records = [
        Record({}, "a"),
        Record({}, "b"),
        Record({"doc": {}}, "a", "update"),
        Record({}, "c"),
    ]
    assert numbers(cut(records)) == [["a", "b"], ["a", "c"]]


def test_what_the_server_or_json_can_not_take_is_rejected() -> None:
    records = [Record({"t": "x" * 30_000}, "big"), Record({"t": {1, 2}}, "set"), Record({}, "ok")]
    (chunk,) = cut(records)
    assert [(r.id, r.stage) for r in chunk.rejected] == [("big", "write"), ("set", "write")]
    assert "the server takes 20,000" in chunk.rejected[0].reason
    assert "can't be written as JSON" in chunk.rejected[1].reason
    assert numbers([chunk]) == [["ok"]]


def test_bodies_and_made_up_ids() -> None:
    update = Record({"doc": {}}, "a", "update", meta={"_index": "elsewhere", "routing": "r"})
    (chunk,) = cut([update, Record(None, "d", "delete"), Record({"t": "é"})])
    lines = [json.loads(line) for item in chunk.items for line in item.body.splitlines()]
    assert lines[:3] == [
        {"update": {"routing": "r", "_id": "a"}},
        {"doc": {}},
        {"delete": {"_id": "d"}},
    ]
    assert len(lines[3]["index"]["_id"]) == 32
    assert [item.own_id for item in chunk.items] == [False, False, True]


def test_documents_without_ids_fill_chunks_too() -> None:
    assert [len(c.items) for c in cut((Record({}) for _ in range(7)), docs=3)] == [3, 3, 1]


def test_rejections_do_not_pile_up() -> None:
    endless = (Rejected(None, "read", "bad") for _ in itertools.count())
    first = next(chunked(endless, JSONSerializer(), 10, 100, 100))
    assert len(first.rejected) == 10


def test_actions_of_the_clients_helpers() -> None:
    record = read_action({"_op_type": "index", "_id": 5, "_index": "i", "a": 1})
    assert isinstance(record, Record)
    assert (record.id, record.source, record.meta) == ("5", {"a": 1}, {"_index": "i"})
    assert read_action(record) is record
    assert record.to_action() == {
        "_op_type": "index",
        "_index": "i",
        "_id": "5",
        "_source": {"a": 1},
    }
