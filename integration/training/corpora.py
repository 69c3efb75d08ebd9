"""Readers of the training corpora: plain text files in, typed rows out.

A data folder holds five rooms, each optional::

    parallel/<source>.<lang>.tsv.gz   English TAB other language
    dict/<source>.tsv.gz              language, word, language, word
    multi/<source>.jsonl.gz           one object per meaning: {lang: text or list of texts}
    docs/<source>.jsonl.gz            pages: id, lang, group, title, text (descr, tasks)
    questions/<source>.jsonl.gz       query_lang, query, lang, passage (group); plain .jsonl, too

Lines without text are skipped and lone surrogates replaced; nothing else is cleaned or filtered
beyond what a format demands.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opensearch_clir.encoders.texts import well_formed
from opensearch_clir.errors import ConfigurationError, DataError

__all__ = [
    "Bitext",
    "Page",
    "Question",
    "bitexts",
    "check",
    "meanings",
    "pages",
    "questions",
    "word_pairs",
]

#: The files of the rooms.
QUESTIONS = ("questions/*.jsonl.gz", "questions/*.jsonl")
ROOMS = ("parallel/*.tsv.gz", "dict/*.tsv.gz", "multi/*.jsonl.gz", "docs/*.jsonl.gz", *QUESTIONS)

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


@dataclass(frozen=True)
class Question:
    """A question, or what else one may search for, and a passage that answers it.

    Passages of one `group` are about the same thing; without a group it is empty.
    """

    source: str
    lang: str
    text: str
    passage_lang: str
    passage: str
    group: str = ""


def check(folder: Path, rooms: tuple[str, ...] = ROOMS) -> None:
    """Check that there is something to train on.

    Raises:
        ConfigurationError: there is no such folder.
        DataError: it holds no corpus file.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"no such folder of training data: {folder}")
    if not any(_matching(folder, rooms)):
        raise DataError(f"{folder} holds no training data: expected {', '.join(rooms)}")


def bitexts(folder: Path) -> Iterator[Bitext]:
    """Yield every file of ``folder/parallel``, by name.

    Raises:
        DataError: a file can't be read, its name has no language, or a row is not two columns.
    """
    for path in sorted((folder / "parallel").glob("*.tsv.gz")):
        source, _, lang = path.name.removesuffix(".tsv.gz").rpartition(".")
        if not (source and lang):
            raise DataError(f"{path}: the name must be <source>.<lang>.tsv.gz")
        rows = [_columns(path, number, line, 2) for number, line in _lines(path)]
        yield Bitext(source, lang, [row[0] for row in rows], [row[1] for row in rows])


def word_pairs(folder: Path) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield (source, language, word, language, word) of every file of ``folder/dict``.

    Raises:
        DataError: a file can't be read, or a row is not four columns.
    """
    for path in sorted((folder / "dict").glob("*.tsv.gz")):
        source = path.name.removesuffix(".tsv.gz")
        for number, line in _lines(path):
            lang1, word1, lang2, word2 = _columns(path, number, line, 4)
            if word1 and word2:
                yield source, lang1, word1, lang2, word2


def meanings(folder: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield (source, {language: texts}) of every row of ``folder/multi``.

    A row that marks its split is yielded only when that is ``train``. Open Multilingual Wordnet
    (sources ``omw…``) writes ``+`` between the words of a phrase; here that is a space.

    Raises:
        DataError: a file can't be read, or a row is not a JSON object of texts and lists of texts.
    """
    for path in sorted((folder / "multi").glob("*.jsonl.gz")):
        source = path.name.removesuffix(".jsonl.gz")
        for number, line in _lines(path):
            row = _object(path, number, line)
            if row.get("split", "train") != "train":
                continue
            texts = {
                lang: _texts(path, number, value)
                for lang, value in row.items()
                if lang not in _BOOKKEEPING and isinstance(value, (str, list)) and value
            }
            if source.startswith("omw"):
                texts = {
                    lang: [text.replace("+", " ") for text in found]
                    for lang, found in texts.items()
                }
            yield source, texts


def pages(folder: Path) -> Iterator[Page]:
    """Yield every page of ``folder/docs``.

    Raises:
        DataError: a file can't be read, or a row is not a JSON object with lang, group and text.
    """
    for path in sorted((folder / "docs").glob("*.jsonl.gz")):
        source = path.name.removesuffix(".jsonl.gz")
        for number, line in _lines(path):
            row = _object(path, number, line)
            if not all(isinstance(row.get(key), str) for key in ("lang", "text", "group")):
                raise DataError(f"{path}, line {number}: a page needs lang, group and text")
            yield Page(
                source,
                row["lang"],
                f"{source}/{row['group']}",
                str(row.get("title") or ""),
                row["text"],
                str(row.get("descr") or ""),
                tuple(_texts(path, number, row.get("tasks") or [])),
            )


def questions(folder: Path, *more: Path) -> Iterator[Question]:
    """Yield every question of ``folder/questions`` and of that room of the folders `more`.

    Raises:
        ConfigurationError: one of `more` is missing.
        DataError: one of `more` has no such room; a file can't be read, or a row is not a JSON
            object with query_lang, query, lang and passage.
    """
    needed = ("query_lang", "query", "lang", "passage")
    for extra in more:
        check(extra, QUESTIONS)
    for path in sorted(path for place in (folder, *more) for path in _matching(place, QUESTIONS)):
        source = path.name.removesuffix(".gz").removesuffix(".jsonl")
        for number, line in _lines(path):
            row = _object(path, number, line)
            if not all(isinstance(row.get(key), str) and row[key].strip() for key in needed):
                raise DataError(
                    f"{path}, line {number}: a question needs {', '.join(needed[:-1])} and passage"
                )
            group = f"{source}/{row['group']}" if row.get("group") else ""
            query_lang, query, lang, passage = (row[key] for key in needed)
            yield Question(source, query_lang, query, lang, passage, group)


def _matching(folder: Path, rooms: tuple[str, ...]) -> Iterator[Path]:
    return (path for room in rooms for path in folder.glob(room))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line numbers from 1 and lines, without line ends; blank lines are left out."""
    number = 0
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", newline="\n") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}, after line {number}: not UTF-8 ({error.reason})") from error
    except (OSError, EOFError, zlib.error) as error:
        how = " as gzip" if path.suffix == ".gz" else ""
        raise DataError(f"{path}, after line {number}: can't be read{how} ({error})") from error


def _columns(path: Path, number: int, line: str, count: int) -> list[str]:
    columns = line.split("\t")
    if len(columns) != count:
        raise DataError(f"{path}, line {number}: {len(columns)} columns, {count} expected")
    return columns


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
        if "\\ud" in line.lower():  # a surrogate, perhaps alone; tokenizers refuse those
            row = json.loads(well_formed([json.dumps(row, ensure_ascii=False)])[0])
    except ValueError as error:
        raise DataError(f"{path}, line {number}: not JSON ({error})") from error
    if not isinstance(row, dict):
        raise DataError(f"{path}, line {number}: not a JSON object")
    return row


def _texts(path: Path, number: int, value: object) -> list[str]:
    """Return the text or texts of a JSON value."""
    texts = [value] if isinstance(value, str) else value
    if not (isinstance(texts, list) and all(isinstance(text, str) for text in texts)):
        raise DataError(f"{path}, line {number}: expected a text or a list of texts")
    return texts
