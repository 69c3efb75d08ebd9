"""A set folder on its way: corpus and queries, and a pool of candidates, before judgments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opensearch_clir.errors import DataError
from opensearch_clir.evaluation.files import find, lines, write_text
from opensearch_clir.evaluation.problems import Problems
from opensearch_clir.evaluation.read_parts import Rows, read_corpus, read_queries
from opensearch_clir.evaluation.sets import Document, Query

__all__ = ["POOL", "Candidate", "Draft", "read_draft", "replace_text", "write_pool"]

#: File of the candidates, in the order in which they are judged.
POOL = "pool.jsonl"


@dataclass(frozen=True)
class Candidate:
    """A document to be judged for a query; which system found it is not recorded."""

    query: str
    document: str


@dataclass(frozen=True)
class Draft:
    """What a set folder holds before its judgments.

    Attributes:
        corpus: path of the corpus file.
        pool: empty where none was made.
    """

    folder: Path
    corpus: Path
    documents: Mapping[str, Document]
    queries: Mapping[str, Query]
    pool: tuple[Candidate, ...]


def read_draft(folder: Path) -> Draft:
    """Read ``corpus.jsonl``, ``queries.tsv`` and, if it is there, ``pool.jsonl``.

    Raises:
        DataError: lists every problem of the files with file and line.
    """
    problems = Problems(f"set {folder}", ("corpus.jsonl", "queries.tsv", POOL))
    corpus, asked = (find(folder, name, problems) for name in ("corpus.jsonl", "queries.tsv"))
    documents = read_corpus(corpus, problems) if corpus else Rows[Document]()
    queries = read_queries(asked, problems) if asked else Rows[Query]()
    pool = _read_pool(folder / POOL, documents, queries, problems)
    problems.raise_if_any()
    assert corpus is not None
    return Draft(folder, corpus, documents.good, queries.good, tuple(pool))


def write_pool(folder: Path, candidates: Iterable[Candidate]) -> None:
    """Write ``pool.jsonl``.

    Raises:
        DataError: it can't be written.
    """
    rows = ({"query": c.query, "document": c.document} for c in candidates)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    replace_text(folder / POOL, text)


def replace_text(path: Path, text: str) -> None:
    """Write a file so that whoever reads it sees the old or the new one, never a part.

    Raises:
        DataError: it can't be written.
    """
    partial = path.with_name(f".{path.name}.partial{path.suffix}")
    try:
        write_text(partial, text)
        partial.replace(path)
    except OSError as error:
        raise DataError(f"{path} can't be written: {error}") from error


def _read_pool(
    path: Path, documents: Rows[Document], queries: Rows[Query], problems: Problems
) -> list[Candidate]:
    found: dict[Candidate, None] = {}
    for number, text in lines(path, problems) if path.is_file() else ():
        candidate = _candidate(text)
        if candidate is None:
            problems.add(path.name, number, "is not a JSON object with query and document")
            continue
        if candidate.query not in queries.lines:
            problems.add(path.name, number, f"query {candidate.query!r} is not in queries.tsv")
        if candidate.document not in documents.lines:
            problems.add(path.name, number, f"document {candidate.document!r} is not in the corpus")
        found[candidate] = None
    return list(found)


def _candidate(text: str) -> Candidate | None:
    try:
        value: Any = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    query, document = value.get("query"), value.get("document")
    if not isinstance(query, str) or not isinstance(document, str):
        return None
    return Candidate(query, document)
