"""Documents from files: JSON lines, bulk bodies, CSV and our own dead letters.

All readers stream and keep line numbers; one bad line is one `Rejected`, and the rest goes on.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from opensearch_clir.errors import DataError
from opensearch_clir.ingest.csv_reader import read_csv
from opensearch_clir.ingest.lines import MAX_LINE, Line, open_input, read_lines
from opensearch_clir.ingest.records import OPERATIONS, Record, checked_id
from opensearch_clir.ingest.rejected import Rejected

__all__ = ["FORMATS", "Format", "read"]

#: ``jsonl`` one document a line; ``bulk`` action and source lines; ``csv`` with a header;
#: ``dead-letters`` as `DeadLetters` writes them.
Format = Literal["jsonl", "bulk", "csv", "dead-letters"]
FORMATS: tuple[Format, ...] = ("jsonl", "bulk", "csv", "dead-letters")

#: Keys of a dead letter.
_LETTER = frozenset({"id", "stage", "reason", "line", "source"})

#: What no text holds, but a binary file nearly always does.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")

#: Bad lines at the start of a file, without a good one, after which it is of another format.
GIVE_UP = 20


def read(
    path: Path | str,
    format: Format | None = None,  # noqa: A002  the name users know it by
    id_field: str = "id",
    max_line: int = MAX_LINE,
    make_ids: bool = True,
) -> Iterator[Record | Rejected]:
    """Read the documents of a file, or of standard input for ``-``.

    Args:
        path: plain or gzip.
        format: by default found from the name (``.csv``) and the first line.
        id_field: field or column that holds the document's id (text or a whole number).
        max_line: bytes that a line may have.
        make_ids: give a document without an id a digest of its content as its id, so that a
            second run writes the same document again instead of a copy.

    Yields:
        A record for each document, in the order of the file, or why a line can't be used.

    Raises:
        DataError: the file can't be read, or is not of that format at all.
    """
    name = "standard input" if str(path) == "-" else str(path)
    with open_input(path) as stream:
        if format is None and name.removesuffix(".gz").endswith(".csv"):
            format = "csv"  # noqa: A001
        lines: Iterable[Line | Rejected] = read_lines(stream, name, max_line)
        if format is None:
            lines, format = _sniff(lines, name)  # noqa: A001
        if format != "csv":  # a quoted cell can hold blank lines
            lines = (line for line in lines if isinstance(line, Rejected) or line.text.strip())
        records = _checked(_READERS[format](lines, name, id_field), name, format)
        yield from map(_with_made_id, records) if make_ids else records


def _sniff(lines: Iterable[Line | Rejected], name: str) -> tuple[Iterable[Line | Rejected], Format]:
    lines = iter(lines)
    head: list[Line | Rejected] = []
    for line in lines:
        head.append(line)
        if isinstance(line, Line) and line.text.strip():
            break
    first = head[-1].text.lstrip() if head and isinstance(head[-1], Line) else "{"
    chained = itertools.chain(head, lines)
    if not first.startswith(("{", "[")):
        named = name.removesuffix(".gz").endswith((".jsonl", ".ndjson", ".json"))
        return chained, "jsonl" if named or _CONTROL.search(first) else "csv"
    value = _parsed(Line(1, first))
    if isinstance(value, dict) and _is_action(value):
        return chained, "bulk"
    if isinstance(value, dict) and _LETTER <= value.keys() <= _LETTER | {"duplicate"}:
        return chained, "dead-letters"
    return chained, "jsonl"


def _checked(
    records: Iterable[Record | Rejected],
    name: str,
    format: Format,  # noqa: A002
) -> Iterator[Record | Rejected]:
    """Hold back the first rejections until something good shows that the format is right."""
    held: list[Rejected] = []
    records = iter(records)
    for record in records:
        if isinstance(record, Record):
            yield from held
            yield record
            yield from records
            return
        held.append(record)
        if len(held) >= GIVE_UP:
            break
    if held:
        first = held[0]
        if any(isinstance(r.source, str) and _CONTROL.search(r.source) for r in held):
            raise DataError(f"{name} is not text: it holds control characters, as binary files do")
        hint = ""
        if isinstance(first.source, str) and first.source.lstrip().startswith("["):
            hint = "; a JSON array? Write one object a line (`jq -c '.[]'`)"
        raise DataError(
            f"{name} has no usable {format} document; line {first.line}: {first.reason}{hint}"
        )


def _parsed(line: Line) -> Any:
    """Return the JSON value of a line, or a `Rejected`."""
    try:
        return json.loads(line.text)
    except RecursionError:
        reason = "invalid JSON: nested too deep"
    except ValueError as error:
        reason = f"invalid JSON: {error}"
    return Rejected(None, "read", reason, line.number, line.text)


def _object(line: Line | Rejected) -> dict[str, Any] | Rejected:
    value = line if isinstance(line, Rejected) else _parsed(line)
    if isinstance(value, (dict, Rejected)) or isinstance(line, Rejected):
        return value
    reason = f"expected a JSON object, found {type(value).__name__}"
    return Rejected(None, "read", reason, line.number, line.text)


def _read_jsonl(
    lines: Iterable[Line | Rejected], name: str, id_field: str
) -> Iterator[Record | Rejected]:
    for line in lines:
        value = _object(line)
        if isinstance(value, Rejected) or isinstance(line, Rejected):
            yield value  # type: ignore[misc]
        else:
            yield _with_id(value, value.get(id_field), line.number)


def _read_table(
    lines: Iterable[Line | Rejected], name: str, id_field: str
) -> Iterator[Record | Rejected]:
    for number, row in read_csv(lines, name):
        yield row if isinstance(row, Rejected) else _with_id(row, row.get(id_field), number)


def _with_id(source: Mapping[str, Any], value: Any, line: int | None) -> Record | Rejected:
    if value is None:
        return Record(source, line=line)
    try:
        return Record(source, checked_id(value), line=line)
    except ValueError as error:
        return Rejected(None, "read", str(error), line, source)


def _with_made_id(record: Record | Rejected) -> Record | Rejected:
    if isinstance(record, Rejected) or record.id is not None:
        return record
    content = json.dumps(record.source, sort_keys=True)
    return replace(record, id=hashlib.sha256(content.encode()).hexdigest()[:32])


def _is_action(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and all(
        key in OPERATIONS and isinstance(header, dict) for key, header in value.items()
    )


def _read_bulk(
    lines: Iterable[Line | Rejected], name: str, id_field: str
) -> Iterator[Record | Rejected]:
    lines = iter(lines)
    lost = False
    for line in lines:
        header = _object(line)
        if isinstance(header, dict) and _is_action(header) and isinstance(line, Line):
            lost = False
            yield _operation(header, line.number, lines)
        elif isinstance(header, Rejected):
            lost = True
            yield header
        elif isinstance(line, Line):
            # After an unreadable action its source comes by: both go to the dead letters.
            why = "the action above it was unreadable" if lost else "expected an action line"
            yield Rejected(None, "read", why, line.number, header)


def _operation(
    header: Mapping[str, Any], number: int, lines: Iterator[Line | Rejected]
) -> Record | Rejected:
    ((op, meta),) = header.items()
    found = meta.get("_id")
    rest = {key: value for key, value in meta.items() if key != "_id"}
    if op == "delete":
        if found is None:
            return Rejected(None, "read", "a delete without an id", number, header)
        return Record(None, str(found), op, number, rest, is_bulk=True)
    following = next(lines, None)
    if following is None:
        return Rejected(None, "read", "the source line is missing", number, header)
    source = _object(following)
    if isinstance(source, Rejected):
        return source
    if op == "update" and found is None:
        return Rejected(None, "read", "an update without an id", number, source)
    record = _with_id(source, found, number)
    if isinstance(record, Rejected):
        return record
    return Record(source, record.id, op, number, rest, is_bulk=True)


def _read_dead_letters(
    lines: Iterable[Line | Rejected], name: str, id_field: str
) -> Iterator[Record | Rejected]:
    for line in lines:
        letter = _object(line)
        if isinstance(letter, Rejected) or isinstance(line, Rejected):
            yield letter  # type: ignore[misc]
        elif letter.get("duplicate") is not None and letter["duplicate"] == letter.get("id"):
            # Written now, it would replace the document that came first.
            same = str(letter["duplicate"])
            reason = f"duplicate id '{same}': give the letter another \"id\" to write it"
            source = letter.get("source")
            yield Rejected(same, "read", reason, line.number, source, same)
        elif isinstance(letter.get("source"), dict):
            yield _with_id(letter["source"], letter.get("id"), line.number)
        else:
            yield Rejected(None, "read", "the letter holds no document", line.number, letter)


_Reader = Callable[[Iterable[Line | Rejected], str, str], Iterator[Record | Rejected]]
_READERS: dict[Format, _Reader] = {
    "jsonl": _read_jsonl,
    "bulk": _read_bulk,
    "csv": _read_table,
    "dead-letters": _read_dead_letters,
}
