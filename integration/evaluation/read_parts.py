"""The three files of an evaluation set, each on its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.evaluation.files import lines
from opensearch_clir.evaluation.problems import Problems
from opensearch_clir.evaluation.sets import Document, Query
from opensearch_clir.languages import canonical

__all__ = ["Rows", "read_corpus", "read_qrels", "read_queries"]

T = TypeVar("T")

_COLUMNS = ("id", "lang", "text", "topic", "kind", "twin")
_TEXTS = ("title", "group", "topic")


@dataclass
class Rows(Generic[T]):
    """What a file holds: good rows by id, and the first line of every id that was seen at all."""

    good: dict[str, T] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


class _Line:
    """One line of a file, noting its problems."""

    def __init__(self, problems: Problems, file: str, number: int) -> None:
        self.number = number
        self.ok = True
        self._problems = problems
        self._file = file

    def bad(self, message: str) -> None:
        self.ok = False
        self._problems.add(self._file, self.number, message)

    def identifier(self, value: Any, rows: Rows[Any]) -> str:
        """Check an id; remember it even where the rest of its line is broken."""
        if not isinstance(value, str) or not value:
            self.bad("id is missing or not a string")
            return ""
        if any(character.isspace() for character in value):
            self.bad(f"id {value!r} contains white space, which TREC files can't carry")
        if value in rows.lines:
            self.bad(f"id {value!r} was used before in line {rows.lines[value]}")
        else:
            rows.lines[value] = self.number
        return value

    def language(self, value: Any) -> str:
        if not isinstance(value, str) or not value:
            self.bad("lang is missing or not a string")
            return ""
        try:
            return canonical(value)
        except ConfigurationError:
            self.bad(f"unknown language {value!r}")
            return ""


def read_corpus(path: Path, problems: Problems) -> Rows[Document]:
    """Read JSON lines with ``id``, ``lang``, ``text`` and optional ``title, group, topic, …``."""
    rows: Rows[Document] = Rows()
    for number, text in lines(path, problems):
        line = _Line(problems, path.name, number)
        try:
            value = json.loads(text)
        except ValueError as error:
            line.bad(f"is not JSON: {error}")
            continue
        if not isinstance(value, dict):
            line.bad("is not a JSON object")
            continue
        if not _is_text(text, value):
            line.bad("holds half of a surrogate pair, which is no character")
            continue
        document = _document(value, line, rows)
        if line.ok:
            rows.good[document.id] = document
    if not rows.lines:
        problems.add(path.name, 0, "holds no documents")
    return rows


def _is_text(line: str, value: dict[str, Any]) -> bool:
    """Tell whether a JSON line can be written again as UTF-8; only escapes can break that."""
    if "\\u" not in line:
        return True
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _document(value: dict[str, Any], line: _Line, rows: Rows[Document]) -> Document:
    identifier = line.identifier(value.pop("id", None), rows)
    tag = value.pop("lang", None)
    text = value.pop("text", None)
    if not isinstance(text, str):
        line.bad("text is missing or not a string")
        text = ""
    optional = {name: value.pop(name, None) for name in _TEXTS}
    for name, found in optional.items():
        if found is not None and not isinstance(found, str):
            line.bad(f"{name} is not a string")
    return Document(
        id=identifier,
        lang=line.language(tag),
        text=text,
        title=optional["title"] or "",
        group=optional["group"] or None,
        topic=optional["topic"] or None,
        tag=str(tag),
        fields=value,
    )


def read_queries(path: Path, problems: Problems) -> Rows[Query]:
    """Read tab-separated ``id, lang, text`` and optionally ``topic, kind, twin``.

    A first line that begins with ``id`` and ``lang`` names the columns, in any order.
    """
    rows: Rows[Query] = Rows()
    columns: tuple[str, ...] = _COLUMNS
    for index, (number, text) in enumerate(lines(path, problems)):
        line = _Line(problems, path.name, number)
        cells = text.split("\t")
        if index == 0 and cells[:2] == ["id", "lang"]:
            columns = tuple(cells)
            _check_columns(columns, line)
            continue
        if not 3 <= len(cells) <= len(columns):
            line.bad(f"has {len(cells)} columns instead of 3 to {len(columns)} ({_COLUMNS[:3]} …)")
            continue
        query = _query(dict(zip(columns, cells, strict=False)), line, rows)
        if line.ok:
            rows.good[query.id] = query
    if not rows.lines:
        problems.add(path.name, 0, "holds no queries")
    return rows


def _check_columns(columns: tuple[str, ...], line: _Line) -> None:
    unknown = [column for column in columns if column not in _COLUMNS]
    if unknown or len(set(columns)) < len(columns) or "text" not in columns:
        line.bad(f"header {columns} is not made of {_COLUMNS}")


def _query(cells: dict[str, str], line: _Line, rows: Rows[Query]) -> Query:
    identifier = line.identifier(cells["id"], rows)
    text = cells.get("text", "")
    if not text.strip():
        line.bad(f"query {identifier!r} has no text")
    return Query(
        id=identifier,
        lang=line.language(cells["lang"]),
        text=text,
        topic=cells.get("topic") or None,
        kind=cells.get("kind", ""),
        twin=cells.get("twin") or None,
        tag=cells["lang"],
    )


def read_qrels(path: Path, problems: Problems) -> Rows[dict[str, tuple[int, int]]]:
    """Read TREC judgments as query id -> document id -> (line, grade); below 0 counts as 0."""
    rows: Rows[dict[str, tuple[int, int]]] = Rows()
    for line, query, doc, grade in _judgments(path, problems):
        rows.lines.setdefault(query, line.number)
        if grade is None:
            continue
        judged = rows.good.setdefault(query, {})
        if doc in judged:
            line.bad(f"{query!r}, {doc!r} was judged before in line {judged[doc][0]}")
        else:
            judged[doc] = (line.number, max(grade, 0))
    return rows


def _judgments(path: Path, problems: Problems) -> Iterator[tuple[_Line, str, str, int | None]]:
    for number, text in lines(path, problems):
        line = _Line(problems, path.name, number)
        cells = text.split()
        if len(cells) != 4:
            line.bad(f"has {len(cells)} columns instead of 4 (query, 0, document, grade)")
            # The first cell still counts as judged: one broken line is one problem.
            yield line, cells[0], "", None
            continue
        try:
            grade = int(cells[3])
        except ValueError:
            line.bad(f"grade {cells[3]!r} is not a whole number")
            yield line, cells[0], "", None
            continue
        yield line, cells[0], cells[2], grade
