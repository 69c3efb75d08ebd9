"""Judgments in files, one for each judge, one line for each decision; the last one counts."""

from __future__ import annotations

import json
import os
import re
import threading
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path

from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.evaluation.files import lines
from opensearch_clir.evaluation.making.draft import Candidate
from opensearch_clir.evaluation.problems import Problems

__all__ = ["GRADES", "JudgmentFile", "Judgments", "judge_name", "read_judgments"]

#: Grades a judge can give, and what they mean.
GRADES = {2: "relevant", 1: "partly", 0: "not"}

#: Candidate -> grade, or None where the judge skipped it.
Judgments = Mapping[Candidate, "int | None"]

_LONGEST_NAME = 40
_FILE = re.compile(r"judgments\.([^.]+)\.jsonl")


def judge_name(name: str) -> str:
    """Return a judge's name, normalised, if it can be part of a file name.

    Raises:
        ConfigurationError: it can't.
    """
    name = unicodedata.normalize("NFC", name)
    # Letters of every script, with their marks: ``\w`` would refuse Hindi names.
    kept = all(c in "_-" or unicodedata.category(c)[0] in "LMN" for c in name)
    if not kept or not 1 <= len(name) <= _LONGEST_NAME:
        raise ConfigurationError(
            f"judge {name!r}: use 1 to {_LONGEST_NAME} letters, digits, hyphens and underscores"
        )
    return name


class JudgmentFile:
    """``judgments.<judge>.jsonl`` of a set folder; safe to share between threads."""

    def __init__(self, folder: Path, judge: str) -> None:
        """Read what the judge has decided so far.

        Raises:
            ConfigurationError: the name can't be used.
            DataError: the file is malformed; a last line that was cut off is no error.
        """
        self.judge = judge_name(judge)
        self.path = folder / f"judgments.{self.judge}.jsonl"
        self._lock = threading.Lock()
        self._found = dict(_read(self.path)) if self.path.is_file() else {}

    @property
    def judgments(self) -> dict[Candidate, int | None]:
        """The last decision on each candidate, as a copy."""
        with self._lock:
            return dict(self._found)

    def add(self, decisions: Iterable[tuple[Candidate, int | None]]) -> None:
        """Append decisions in one write and wait until they are on the disk.

        Raises:
            DataError: the file can't be written.
        """
        kept = list(decisions)
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        data = "".join(
            json.dumps(
                {"query": c.query, "document": c.document, "grade": grade, "time": now},
                ensure_ascii=False,
            )
            + "\n"
            for c, grade in kept
        ).encode("utf-8")
        with self._lock:
            try:
                _append(self.path, data)
            except OSError as error:
                raise DataError(f"{self.path} can't be written: {error}") from error
            self._found.update(kept)


def read_judgments(folder: Path) -> dict[str, Judgments]:
    """Return judge -> judgments, of every file in a set folder.

    Raises:
        DataError: lists every malformed line of the first file that has any.
    """
    try:
        found = sorted(path for path in folder.iterdir() if _FILE.fullmatch(path.name))
    except OSError as error:
        raise DataError(f"{folder} can't be read: {error}") from error
    return {path.name.split(".")[1]: _read(path) for path in found}


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as stream:
        size = stream.tell()
        cut = _cut_off(path) if size else 0
        if cut:
            # The line was never acknowledged to the judge, who will be asked again.
            stream.truncate(size - cut)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _cut_off(path: Path) -> int:
    """Return the bytes after the last line end: of a write that the machine did not survive."""
    content = path.read_bytes()
    return len(content) - (content.rfind(b"\n") + 1)


def _read(path: Path) -> dict[Candidate, int | None]:
    problems = Problems(str(path))
    rows = list(lines(path, problems))
    if rows and _cut_off(path):
        rows.pop()
    found: dict[Candidate, int | None] = {}
    for number, text in rows:
        try:
            value = json.loads(text)
            query, document, grade = value["query"], value["document"], value["grade"]
        except (ValueError, KeyError, TypeError):
            problems.add(path.name, number, "is not a JSON object with query, document and grade")
            continue
        whole = grade is None or (isinstance(grade, int) and not isinstance(grade, bool))
        if not whole or not isinstance(query, str) or not isinstance(document, str):
            problems.add(path.name, number, "grade is not a whole number or null, or no ids")
            continue
        found[Candidate(query, document)] = grade
    problems.raise_if_any()
    return found
