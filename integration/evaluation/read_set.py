"""Reads an evaluation set from a folder; whatever is wrong with it comes as one error."""

from __future__ import annotations

from pathlib import Path

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.evaluation.files import find
from opensearch_clir.evaluation.groups import GROUPINGS, assign_groups
from opensearch_clir.evaluation.problems import Problems
from opensearch_clir.evaluation.read_parts import Rows, read_corpus, read_qrels, read_queries
from opensearch_clir.evaluation.sets import Document, EvaluationSet, Qrels, Query

__all__ = ["read_set"]

_FILES = ("corpus.jsonl", "queries.tsv", "qrels.tsv")
_ENDS = ("", ".gz")


def read_set(folder: Path | str, *, grouping: str = "auto") -> EvaluationSet:
    """Read ``corpus.jsonl``, ``queries.tsv`` and ``qrels.tsv`` (each plain or ``.gz``).

    Args:
        grouping: what tells translations, one of `groups.GROUPINGS`.

    Raises:
        DataError: lists every problem of the three files with file and line.
        ConfigurationError: `grouping` is unknown.
    """
    if grouping not in GROUPINGS:
        raise ConfigurationError(f"unknown grouping {grouping!r}: use {', '.join(GROUPINGS)}")
    folder = Path(folder)
    problems = Problems(f"set {folder}", tuple(f"{name}{end}" for name in _FILES for end in _ENDS))
    if not folder.is_dir():
        problems.add(str(folder), 0, "no such folder")
        problems.raise_if_any()
    corpus, queries, qrels = (find(folder, name, problems) for name in _FILES)
    documents = read_corpus(corpus, problems) if corpus else Rows[Document]()
    asked = read_queries(queries, problems) if queries else Rows[Query]()
    judged = read_qrels(qrels, problems) if qrels else Rows[dict[str, tuple[int, int]]]()
    if corpus and queries and qrels:
        _cross_check(documents, asked, judged, (queries.name, qrels.name), problems)
    problems.raise_if_any()
    grouped, source = assign_groups(documents.good.values(), grouping)
    return EvaluationSet(
        name=folder.resolve().name,
        documents={document.id: document for document in grouped},
        queries=asked.good,
        qrels=_in_query_order(asked, judged),
        groups_from=source,
    )


def _in_query_order(asked: Rows[Query], judged: Rows[dict[str, tuple[int, int]]]) -> Qrels:
    return {
        query: {doc: grade for doc, (_, grade) in judged.good[query].items()}
        for query in asked.good
    }


def _cross_check(
    documents: Rows[Document],
    asked: Rows[Query],
    judged: Rows[dict[str, tuple[int, int]]],
    files: tuple[str, str],
    problems: Problems,
) -> None:
    """Note what doesn't fit together; rows noted as broken already don't cause a second report."""
    queries_file, qrels_file = files
    for asking, grades in judged.good.items():
        for doc, (line, _) in grades.items():
            if asking not in asked.lines:
                problems.add(qrels_file, line, f"query {asking!r} is not in {queries_file}")
            if doc not in documents.lines:
                problems.add(qrels_file, line, f"document {doc!r} is not in the corpus")
    for identifier, query in asked.good.items():
        line = asked.lines[identifier]
        given = judged.good.get(identifier)
        if given is None and identifier not in judged.lines:
            problems.add(queries_file, line, f"query {identifier!r} has no judgments")
        elif given is not None and not any(grade > 0 for _, grade in given.values()):
            problems.add(queries_file, line, f"query {identifier!r} has no relevant document")
        if query.twin is not None and query.twin not in asked.lines:
            problems.add(queries_file, line, f"twin {query.twin!r} is not a query of the set")
