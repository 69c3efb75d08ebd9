"""Judgments out to other tools and in from them: TREC qrels and Quepid's CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from opensearch_clir.errors import DataError
from opensearch_clir.evaluation.making.draft import Candidate, Draft
from opensearch_clir.evaluation.problems import Problems
from opensearch_clir.evaluation.read_parts import read_qrels
from opensearch_clir.evaluation.sets import Qrels

__all__ = ["FORMATS", "as_quepid", "as_trec", "from_quepid", "from_trec"]

#: Names of the formats.
FORMATS = ("trec", "quepid")

_HEADER = ("query", "docid", "rating")


def as_trec(qrels: Qrels) -> str:
    """Return ``query 0 document grade`` lines, separated by tabs."""
    return "".join(
        f"{query}\t0\t{document}\t{grade}\n"
        for query, grades in qrels.items()
        for document, grade in grades.items()
    )


def as_quepid(qrels: Qrels, draft: Draft) -> str:
    """Return ``query,docid,rating``, with the text of the query, as Quepid imports ratings.

    Raises:
        DataError: a judged query is not in the set any more.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_HEADER)
    for query, grades in qrels.items():
        if query not in draft.queries:
            raise DataError(f"query {query!r} has judgments but is not in queries.tsv: put it back")
        text = draft.queries[query].text
        writer.writerows((text, document, grade) for document, grade in grades.items())
    return stream.getvalue()


def from_trec(path: Path, draft: Draft) -> dict[Candidate, int]:
    """Read TREC qrels.

    Raises:
        DataError: lists malformed lines, and queries and documents that the set lacks.
    """
    problems = Problems(f"judgments {path}")
    rows = read_qrels(path, problems)
    found = {}
    for query, grades in rows.good.items():
        for document, (line, grade) in grades.items():
            if query not in draft.queries:
                problems.add(path.name, line, f"query {query!r} is not in queries.tsv")
            if document not in draft.documents:
                problems.add(path.name, line, f"document {document!r} is not in the corpus")
            found[Candidate(query, document)] = grade
    problems.raise_if_any()
    return found


def from_quepid(path: Path, draft: Draft) -> dict[Candidate, int]:
    """Read Quepid's CSV; rows without a rating are left out.

    A text that several queries of the set share is judged for all of them.

    Raises:
        DataError: lists malformed lines, and queries and documents that the set lacks.
    """
    problems = Problems(f"judgments {path}")
    by_text: dict[str, list[str]] = {}
    for query in draft.queries.values():
        by_text.setdefault(query.text.strip(), []).append(query.id)
    found: dict[Candidate, int] = {}
    for line, text, document, rating in _rows(path, problems):
        if document not in draft.documents:
            problems.add(path.name, line, f"document {document!r} is not in the corpus")
        if text not in by_text:
            problems.add(path.name, line, f"no query of queries.tsv has the text {text!r}")
        for query_id in by_text.get(text, ()):
            found[Candidate(query_id, document)] = rating
    problems.raise_if_any()
    return found


def _rows(path: Path, problems: Problems) -> Iterator[tuple[int, str, str, int]]:
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read as UTF-8: {error}") from error
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        header = tuple(cell.strip().lower() for cell in next(reader, []))
        if header[:3] != _HEADER:
            problems.add(path.name, 1, f"the first line is not {','.join(_HEADER)}")
            return
        for cells in reader:
            row = [cell.strip() for cell in cells]
            if len(row) < 3 or not row[2]:
                if len(row) not in (0, 3):
                    problems.add(path.name, reader.line_num, f"has {len(row)} columns, not 3")
                continue
            try:
                grade = int(float(row[2])) if float(row[2]).is_integer() else -1
            except ValueError:
                grade = -1
            if grade < 0:
                problems.add(path.name, reader.line_num, f"rating {row[2]!r} is no whole number")
                continue
            yield reader.line_num, row[0], row[1], grade
    except csv.Error as error:
        problems.add(path.name, reader.line_num, f"is not CSV: {error}")
