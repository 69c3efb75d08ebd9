"""Readers of the training corpora: plain text files in, typed rows out.

A data folder holds four rooms, each optional::

    parallel/<source>.<lang>.tsv.gz   English TAB other language
    dict/<source>.tsv.gz              language, word, language, word
    multi/<source>.jsonl.gz           one object per meaning: {lang: text or list of texts}
    docs/<source>.jsonl.gz            pages: id, lang, group, title, text (descr, tasks)

Nothing is cleaned or filtered here beyond what a format demands.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opensearch_clir.errors import DataError

__all__ = ["Bitext", "Page", "bitexts", "meanings", "pages", "word_pairs"]

#: Keys of a meaning that are bookkeeping, not languages.
_BOOKKEEPING = frozenset({"_id", "split", "domain"})


@dataclass(frozen=True)
class Bitext:
    """One file of sentence pairs, in file order (neighbouring rows come from one text)."""

    source: str
    lang: str
    english: list[str]
    other: list[str]


@dataclass(frozen=True)
class Page:
    """One page; pages of one `group` are translations of each other."""

    source: str
    lang: str
    group: str
    title: str
    text: str
    descr: str = ""
    tasks: tuple[str, ...] = field(default=())


def bitexts(folder: Path) -> Iterator[Bitext]:
    """Yield every file of ``folder/parallel``, by name.

    Raises:
        DataError: a row is not two columns.
    """
    for path in sorted((folder / "parallel").glob("*.tsv.gz")):
        source, lang = path.name.removesuffix(".tsv.gz").rsplit(".", 1)
        rows = [_columns(path, number, line, 2) for number, line in _lines(path)]
        yield Bitext(source, lang, [row[0] for row in rows], [row[1] for row in rows])


def word_pairs(folder: Path) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield (source, language, word, language, word) of every file of ``folder/dict``.

    Raises:
        DataError: a row is not four columns.
    """
    for path in sorted((folder / "dict").glob("*.tsv.gz")):
        source = path.name.removesuffix(".tsv.gz")
        for number, line in _lines(path):
            lang1, word1, lang2, word2 = _columns(path, number, line, 4)
            if word1 and word2:
                yield source, lang1, word1, lang2, word2


def meanings(folder: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield (source, {language: texts}) of every row of ``folder/multi``.

    A row that marks its split is yielded only when that is ``train``.

    Raises:
        DataError: a row is not a JSON object.
    """
    for path in sorted((folder / "multi").glob("*.jsonl.gz")):
        source = path.name.removesuffix(".jsonl.gz")
        for number, line in _lines(path):
            row = _object(path, number, line)
            if row.get("split", "train") != "train":
                continue
            yield (
                source,
                {
                    lang: [value] if isinstance(value, str) else [str(item) for item in value]
                    for lang, value in row.items()
                    if lang not in _BOOKKEEPING and isinstance(value, (str, list)) and value
                },
            )


def pages(folder: Path) -> Iterator[Page]:
    """Yield every page of ``folder/docs``.

    Raises:
        DataError: a row is not a JSON object with lang, group and text.
    """
    for path in sorted((folder / "docs").glob("*.jsonl.gz")):
        source = path.name.removesuffix(".jsonl.gz")
        for number, line in _lines(path):
            row = _object(path, number, line)
            if not {"lang", "group", "text"} <= row.keys():
                raise DataError(f"{path}, line {number}: a page needs lang, group and text")
            yield Page(
                source,
                str(row["lang"]),
                f"{source}/{row['group']}",
                str(row.get("title", "")),
                str(row["text"]),
                str(row.get("descr", "")),
                tuple(str(task) for task in row.get("tasks") or ()),
            )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield number, line.rstrip("\n")


def _columns(path: Path, number: int, line: str, count: int) -> list[str]:
    columns = line.split("\t")
    if len(columns) != count:
        raise DataError(f"{path}, line {number}: {len(columns)} columns, {count} expected")
    return columns


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"{path}, line {number}: not JSON ({error})") from error
    if not isinstance(row, dict):
        raise DataError(f"{path}, line {number}: not a JSON object")
    return row
