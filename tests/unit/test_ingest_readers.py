"""Documents from files, good and bad."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensearch_clir.errors import DataError
from opensearch_clir.ingest.duplicates import first_of_each_id
from opensearch_clir.ingest.lines import Line, read_lines
from opensearch_clir.ingest.readers import read
from opensearch_clir.ingest.records import Record
from opensearch_clir.ingest.rejected import DeadLetters, Rejected


def results(tmp_path: Path, content: bytes, name: str = "in.jsonl", **options: Any) -> list[Any]:
    path = tmp_path / name
    path.write_bytes(content)
    return list(read(path, **options))


def reasons(found: list[Any]) -> dict[int | None, str]:
    return {r.line: r.reason for r in found if isinstance(r, Rejected)}


class TestJsonLines:
    """One document a line."""

    def test_documents_keep_line_and_id(self, tmp_path: Path) -> None:
        found = results(tmp_path, b'{"id": "a", "text": "x"}\n\n{"id": 7, "text": "y"}\n')
        assert [(r.id, r.line, r.op) for r in found] == [("a", 1, "index"), ("7", 3, "index")]
        assert found[0].source == {"id": "a", "text": "x"}

    def test_bom_crlf_blank_lines_and_no_final_newline(self, tmp_path: Path) -> None:
        found = results(tmp_path, b'\xef\xbb\xbf{"id":"a"}\r\n \t\r\n{"id":"\xc3\xa9"}')
        assert [(r.id, r.line) for r in found] == [("a", 1), ("é", 3)]

    @pytest.mark.parametrize("name", ["in.jsonl.gz", "in.json", "no-extension"])
    def test_gzip_is_recognised_by_content(self, tmp_path: Path, name: str) -> None:
        assert results(tmp_path, gzip.compress(b'{"id":"a"}'), name)[0].id == "a"

    def test_bad_lines_are_rejected_and_the_rest_goes_on(self, tmp_path: Path) -> None:
        content = b"\n".join(
            [
                b'{"id":"a"}',
                b"\xff\xfe",
                b"{",
                b"[1]",
                b'{"id":1.5}',
                b'{"id":""}',
                b'{"id":"%s"}' % (b"x" * 600),
                b"[" * 100_000,
                b'{"id":"b"}',
            ]
        )
        found = results(tmp_path, content)
        assert [r.id for r in found if isinstance(r, Record)] == ["a", "b"]
        expected = {
            2: "invalid UTF-8 at byte 1",
            3: "invalid JSON",
            4: "expected a JSON object, found list",
            5: "the id is a float",
            6: "the id is empty",
            7: "longer than 512 bytes",
            8: "nested too deep",
        }
        assert {line: expected[line] in reason for line, reason in reasons(found).items()} == (
            dict.fromkeys(expected, True)
        )

    def test_documents_without_id_get_a_stable_one(self, tmp_path: Path) -> None:
        first, second = results(tmp_path, b'{"a":1,"b":2}\n{"b":2,"a":1}\n')
        assert first.id == second.id
        assert len(first.id) == 32
        assert results(tmp_path, b'{"a":1}', make_ids=False)[0].id is None

    def test_other_id_field(self, tmp_path: Path) -> None:
        assert results(tmp_path, b'{"key":"k","id":"i"}', id_field="key")[0].id == "k"

    def test_too_long_a_line_is_skipped_unread(self, tmp_path: Path) -> None:
        content = b'{"id":"a"}\n{"t":"' + b"x" * 1000 + b'"}\n{"id":"b"}\n' + b"y" * 200
        found = results(tmp_path, content, max_line=100)
        assert [r.line for r in found] == [1, 2, 3, 4]
        assert reasons(found)[2] == "the line is longer than 100 bytes"
        assert set(reasons(found)) == {2, 4}

    def test_reading_is_lazy(self) -> None:
        class Endless(io.RawIOBase):
            def readline(self, size: int | None = -1, /) -> bytes:
                return b'{"id": 1}\n'

        lines = read_lines(Endless(), "x")  # type: ignore[arg-type]
        assert next(lines) == Line(1, '{"id": 1}')
        assert next(lines) == Line(2, '{"id": 1}')

    def test_empty_file_holds_nothing(self, tmp_path: Path) -> None:
        assert results(tmp_path, b"") == []


class TestWrongFormat:
    """A file that is something else altogether."""

    @pytest.mark.parametrize(
        ("content", "name", "message"),
        [
            (
                b'[{"id": "a"},\n{"id": "b"}]\n',
                "in.json",
                "a JSON array\\? Write one object a line",
            ),
            (b'{\n  "id": "a"\n}\n', "in.json", "no usable jsonl document; line 1: invalid JSON"),
            ('{"id":1}'.encode("utf-16"), "in.jsonl", "is UTF-16"),
            (b"id,id\n1,2\n", "in.csv", "empty or repeated column"),
            (b'id,text\n1,"never closed\n', "in.csv", "quote that is not closed"),
            (gzip.compress(b'{"id":"a"}\n' * 9999)[:-20], "in.jsonl.gz", "can't be read"),
        ],
    )
    def test_is_an_error(self, tmp_path: Path, content: bytes, name: str, message: str) -> None:
        with pytest.raises(DataError, match=message):
            results(tmp_path, content, name)

    def test_binary_file(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="line 1"):
            results(tmp_path, bytes(range(128, 256)) * 40, "in.jsonl")

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"can't read .*nothing\.jsonl"):
            list(read(tmp_path / "nothing.jsonl"))


class TestBulk:
    """Action and source lines."""

    def test_operations(self, tmp_path: Path) -> None:
        content = (
            b'{"index":{"_id":"a","_index":"i","routing":"r"}}\n{"text":"x"}\n'
            b'{"create":{}}\n{"text":"y"}\n\n{"delete":{"_id":3}}\n'
            b'{"update":{"_id":"a"}}\n{"doc":{"n":1}}\n'
        )
        found = results(tmp_path, content, make_ids=False)
        assert [(r.op, r.id, r.line) for r in found] == [
            ("index", "a", 1),
            ("create", None, 3),
            ("delete", "3", 6),
            ("update", "a", 7),
        ]
        assert found[0].meta == {"_index": "i", "routing": "r"}
        assert found[2].source is None
        assert found[3].source == {"doc": {"n": 1}}

    def test_it_finds_its_way_back_after_a_bad_line(self, tmp_path: Path) -> None:
        content = (
            b'{"index":{"_id":"a"}}\n{"t":1}\n{"index":{"_id":\n{"t":2}\n'
            b'{"index":{"_id":"c"}}\nnot json\n{"index":{"_id":"d"}}\n{"t":4}\n{"update":{}}\n{}\n'
            b'{"delete":{}}\n{"index":{"_id":"e"}}\n'
        )
        found = results(tmp_path, content)
        assert [r.id for r in found if isinstance(r, Record)] == ["a", "d"]
        assert set(reasons(found)) == {3, 4, 6, 9, 11, 12}
        assert reasons(found)[4] == "the action above it was unreadable"
        assert reasons(found)[12] == "the source line is missing"


class TestCsv:
    """A header and rows."""

    def test_rows(self, tmp_path: Path) -> None:
        content = b'id,title,text\n1,Fuchs,"zwei\n\nZeilen, ""so"""\n\n2,,leer\n3,x\n4,"y"z,\n'
        found = results(tmp_path, content, "in.csv")
        assert found[0].source == {"id": "1", "title": "Fuchs", "text": 'zwei\n\nZeilen, "so"'}
        assert [r.line for r in found] == [2, 6, 7, 8]
        assert found[1].source == {"id": "2", "text": "leer"}
        assert reasons(found)[7] == "2 cells, the header has 3"
        assert found[3].source == '4,"y"z,\n'

    def test_recognised_without_its_name(self, tmp_path: Path) -> None:
        assert results(tmp_path, b"id,text\n1,x\n", "data")[0].id == "1"

    def test_large_cells_and_invalid_utf8(self, tmp_path: Path) -> None:
        content = b"id,text\n1," + b"x" * 10_000_000 + b"\n2,\xff\n3,y\n"
        found = results(tmp_path, content, "in.csv")
        assert [r.id for r in found if isinstance(r, Record)] == ["1", "3"]
        assert set(reasons(found)) == {3}


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(gzip.compress(b'{"id":"a"}\n'))

    monkeypatch.setattr(sys, "stdin", Stdin())
    (record,) = read("-")
    assert isinstance(record, Record)
    assert record.id == "a"


def test_duplicates() -> None:
    records = [
        Record({"n": 1}, "x", line=12),
        Record({"n": 2}, "x", line=13),
        Record({"doc": {}}, "x", op="update", line=14),
        Record(None, "x", op="delete", line=15),
        Record({"n": 3}, "x", line=16),
        Record({"n": 4}, None),
        Record({"n": 4}, None),
    ]
    found = list(first_of_each_id(records))
    assert [r.line for r in found if isinstance(r, Rejected)] == [13]
    assert isinstance(found[1], Rejected)
    assert found[1].reason == "duplicate id 'x', first on line 12"
    assert len(found) == len(records)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=10))
def test_any_bytes_give_records_or_reasons(lines: list[bytes]) -> None:
    content = b'{"id": "first"}\n' + b"\n".join(lines)
    found = list(read_lines(io.BytesIO(content), "x"))
    assert [r.number if isinstance(r, Line) else r.line for r in found] == list(
        range(1, len(found) + 1)
    )


class TestDeadLetters:
    """Nothing is lost on the way out."""

    def test_they_can_be_fed_again(self, tmp_path: Path) -> None:
        path = tmp_path / "dead.jsonl"
        odd = {"text": "a\ud800", "when": object()}
        with DeadLetters(path) as letters:
            letters(Rejected("a", "enrich", "no text in 'x'", 3, {"n": 1}))
            letters(Rejected("b", "enrich", "no text in 'y'", 4, {"n": 2}))
            letters(Rejected(None, "read", "odd", 5, odd))
            assert len(path.read_text().splitlines()) == 3
        assert letters.counts == {"enrich: no text in …": 2, "read: odd": 1}
        assert json.loads(path.read_text().splitlines()[0])["line"] == 3
        found = list(read(path))
        assert [(r.id, r.source) for r in found[:2] if isinstance(r, Record)] == [
            ("a", {"n": 1}),
            ("b", {"n": 2}),
        ]

    def test_reasons_are_counted_within_bounds(self) -> None:
        letters = DeadLetters()
        for n in range(500):
            letters(Rejected(None, "write", "x" * n, None, None))
        assert letters.total == 500
        assert len(letters.counts) <= 101
