"""Runs: what a system returned for each query, in memory and as TREC files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from opensearch_clir.errors import DataError
from opensearch_clir.evaluation.files import lines, write_text
from opensearch_clir.evaluation.problems import Problems

__all__ = ["Run", "ranking", "read_run", "restrict", "write_run"]

#: Query id -> document id -> score (higher is better, finite).
Run = Mapping[str, Mapping[str, float]]


def ranking(scores: Mapping[str, float], depth: int | None = None) -> list[str]:
    """Return document ids by falling score; ties by falling id, as trec_eval breaks them."""
    ordered = sorted(scores, key=lambda doc: (scores[doc], doc), reverse=True)
    return ordered[:depth]


def restrict(run: Run, documents: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return a run without the documents that are not among `documents`."""
    kept = set(documents)
    return {
        query: {doc: score for doc, score in scores.items() if doc in kept}
        for query, scores in run.items()
    }


def write_run(run: Run, path: Path, tag: str = "clir") -> None:
    """Write ``query Q0 document rank score tag`` lines; `read_run` gets the same scores back.

    Raises:
        DataError: the file can't be written, or an id or the tag has white space.
    """
    rows = []
    for query, scores in run.items():
        for rank, doc in enumerate(ranking(scores), start=1):
            row = f"{query} Q0 {doc} {rank} {float(scores[doc])!r} {tag}"
            if len(row.split()) != 6:
                raise DataError(f"white space in query {query!r}, document {doc!r} or tag {tag!r}")
            rows.append(row + "\n")
    try:
        write_text(path, "".join(rows))
    except OSError as error:
        raise DataError(f"run {path} can't be written: {error}") from error


def read_run(path: Path) -> dict[str, dict[str, float]]:
    """Read a TREC run, plain or ``.gz``; the rank column is ignored, as trec_eval does.

    Raises:
        DataError: lists every malformed line.
    """
    run: dict[str, dict[str, float]] = {}
    problems = Problems(f"run {path}")
    for number, text in lines(path, problems):
        cells = text.split()
        if len(cells) != 6:
            problems.add(path.name, number, f"has {len(cells)} columns instead of 6")
            continue
        query, _, doc, _, score, _ = cells
        value = _number(score)
        if value is None:
            problems.add(path.name, number, f"score {score!r} is not a finite number")
        elif doc in run.setdefault(query, {}):
            problems.add(path.name, number, f"{doc!r} was returned before for {query!r}")
        else:
            run[query][doc] = value
    problems.raise_if_any()
    return run


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
