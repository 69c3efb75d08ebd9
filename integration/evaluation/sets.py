"""An evaluation set: one mixed-language corpus, queries, and judgments of documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from opensearch_clir.errors import DataError
from opensearch_clir.evaluation.files import write_text
from opensearch_clir.evaluation.topics import find_topics

__all__ = ["Document", "EvaluationSet", "Qrels", "Query", "write_set"]

#: Query id -> document id -> grade; above 0 is relevant.
Qrels = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Document:
    """One document.

    Attributes:
        id: unique, without white space (TREC files could not carry it).
        lang: code as `languages.canonical` gives it (``zh`` for ``zh-TW``).
        text: body.
        title: may be empty.
        group: documents of one group are translations of one another; None: of nothing.
        topic: a subject given in the file, for information.
        tag: the language as the file wrote it.
        fields: everything else the file's line had.
    """

    id: str
    lang: str
    text: str
    title: str = ""
    group: str | None = None
    topic: str | None = None
    tag: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Query:
    """One query.

    Attributes:
        id: unique, without white space.
        lang: canonical code of the language it is in (the main one, if code-switched).
        text: the question.
        topic: given topic, or None: then it follows from the judgments.
        kind: free mark such as ``natural``, ``entity``, ``codeswitch``; may be empty.
        twin: id of the query it is a variant of (the monolingual one), or None.
        tag: the language as the file wrote it.
    """

    id: str
    lang: str
    text: str
    topic: str | None = None
    kind: str = ""
    twin: str | None = None
    tag: str = ""


@dataclass(frozen=True)
class EvaluationSet:
    """Documents, queries (both by id, in file order) and judgments that fit together.

    Attributes:
        groups_from: where translation groups come from: ``field``, ``id`` (guessed from the
            document ids, see `groups.assign_groups`) or ``none``.
    """

    name: str
    documents: Mapping[str, Document]
    queries: Mapping[str, Query]
    qrels: Qrels
    groups_from: str = "field"

    @cached_property
    def topics(self) -> Mapping[str, str]:
        """Query id -> topic: the unit of the bootstrap."""
        given = {query.id: query.topic for query in self.queries.values()}
        return find_topics(given, self._answers)

    @cached_property
    def components(self) -> Mapping[str, str]:
        """Query id -> component: topics that share a relevant document, joined; for folds.

        Given topics may share answers. What is learned on one would then have seen the other's.
        """
        links = {
            query: [*found, f"\1{self.topics[query]}"] for query, found in self._answers.items()
        }
        return find_topics(dict.fromkeys(self.queries), links)

    @cached_property
    def _answers(self) -> dict[str, list[str]]:
        return {
            query: [self.documents[doc].group or f"\0{doc}" for doc in self.relevant(query)]
            for query in self.queries
        }

    def relevant(self, query: str) -> list[str]:
        """Return the ids of the documents with a grade above 0 for a query id."""
        return [doc for doc, grade in self.qrels.get(query, {}).items() if grade > 0]

    def language(self, document: str) -> str:
        """Return the language code of a document id.

        Raises:
            DataError: no such document, as in a run made on another corpus.
        """
        found = self.documents.get(document)
        if found is None:
            raise DataError(f"document {document!r} is not in the corpus of set {self.name}")
        return found.lang


def write_set(evaluation_set: EvaluationSet, folder: Path) -> None:
    """Write a set as a folder that `read_set` reads back as it was.

    Raises:
        DataError: the folder exists and is not empty, or can't be written.
    """
    corpus = "".join(
        json.dumps(_document_line(document), ensure_ascii=False) + "\n"
        for document in evaluation_set.documents.values()
    )
    columns = "id\tlang\ttext\ttopic\tkind\ttwin\n"
    queries = columns + "".join(_query_line(query) for query in evaluation_set.queries.values())
    qrels = "".join(
        f"{query}\t0\t{doc}\t{grade}\n"
        for query, judged in evaluation_set.qrels.items()
        for doc, grade in judged.items()
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DataError(f"{folder} is not empty: name a new folder")
        write_text(folder / "corpus.jsonl.gz", corpus)
        write_text(folder / "queries.tsv", queries)
        write_text(folder / "qrels.tsv.gz", qrels)
    except OSError as error:
        raise DataError(f"the set can't be written to {folder}: {error}") from error


def _document_line(document: Document) -> dict[str, Any]:
    optional = {"group": document.group, "topic": document.topic}
    return {
        "id": document.id,
        "lang": document.tag or document.lang,
        "title": document.title,
        "text": document.text,
        **{name: value for name, value in optional.items() if value is not None},
        **document.fields,
    }


def _query_line(query: Query) -> str:
    cells = [query.id, query.tag or query.lang, query.text, query.topic, query.kind, query.twin]
    return "\t".join(cell or "" for cell in cells) + "\n"
