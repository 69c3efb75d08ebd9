"""What judges see and do, without HTTP: tasks in their languages, decisions, progress."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.evaluation.making.draft import Candidate, Draft
from opensearch_clir.evaluation.making.judgments import GRADES, JudgmentFile, judge_name
from opensearch_clir.evaluation.report.markup import direction
from opensearch_clir.languages import LANGUAGES

__all__ = ["Desk"]


class Desk:
    """The pool of a set and its judges; safe to share between threads.

    A judge sees neither systems nor scores, nor what other judges decided.
    """

    def __init__(self, draft: Draft, judge: str | None = None) -> None:
        """Open the desk.

        Args:
            draft: with a pool.
            judge: the only one admitted; None lets everyone give a name.

        Raises:
            ConfigurationError: the set has no pool, or the name can't be used.
        """
        if not draft.pool:
            raise ConfigurationError(
                f"{draft.folder} has no candidates: run `clir evalset pool {draft.folder} INDEX`"
            )
        self.draft = draft
        self.only = judge_name(judge) if judge is not None else None
        self._lock = threading.Lock()
        self._files: dict[str, JudgmentFile] = {}
        self._known = frozenset(draft.pool)

    def start(self) -> dict[str, Any]:
        """Return what the page needs first: languages with their numbers of candidates."""
        queries = Counter(self.draft.queries[c.query].lang for c in self.draft.pool)
        documents = Counter(self.draft.documents[c.document].lang for c in self.draft.pool)
        return {
            "set": self.draft.folder.resolve().name,
            "judge": self.only,
            "grades": [{"grade": grade, "name": name} for grade, name in GRADES.items()],
            "languages": [
                {
                    "code": code,
                    "name": _language_name(code),
                    "queries": queries[code],
                    "documents": documents[code],
                }
                for code in sorted(queries.keys() | documents.keys())
            ],
        }

    def progress(self, judge: str, languages: Sequence[str]) -> dict[str, Any]:
        """Return the state of each task in pool order: ``open``, ``skipped`` or the grade.

        Raises:
            ConfigurationError: the judge's name can't be used or is not admitted.
            DataError: the judge's file is malformed.
        """
        judged = self._file(judge).judgments
        return {"tasks": [_state(judged, task) for task in self._tasks(languages)]}

    def task(self, languages: Sequence[str], at: int) -> dict[str, Any]:
        """Return the query and the document of one task.

        Raises:
            ConfigurationError: there is no task of this number.
        """
        tasks = self._tasks(languages)
        if not 0 <= at < len(tasks):
            raise ConfigurationError(f"there is no task {at} of {len(tasks)}")
        candidate = tasks[at]
        query = self.draft.queries[candidate.query]
        document = self.draft.documents[candidate.document]
        return {
            "query": {"id": query.id, "text": query.text, **_in(query.lang)},
            "document": {
                "id": document.id,
                "title": document.title,
                "text": document.text,
                **_in(document.lang),
            },
        }

    def decide(self, judge: str, query: str, document: str, grade: int | None) -> None:
        """Record a decision; None skips.

        Raises:
            ConfigurationError: not a candidate, not a grade, or the judge is not admitted.
            DataError: it can't be written.
        """
        candidate = Candidate(query, document)
        if candidate not in self._known:
            raise ConfigurationError("this document is no candidate for this query")
        if isinstance(grade, bool) or (grade is not None and grade not in GRADES):
            raise ConfigurationError(f"grade {grade!r} is none of {', '.join(map(str, GRADES))}")
        self._file(judge).add([(candidate, grade)])

    def _file(self, judge: str) -> JudgmentFile:
        judge = judge_name(judge)
        if self.only is not None and judge != self.only:
            raise ConfigurationError(f"this page was opened for {self.only} only")
        with self._lock:
            if judge not in self._files:
                self._files[judge] = JudgmentFile(self.draft.folder, judge)
            return self._files[judge]

    def _tasks(self, languages: Sequence[str]) -> list[Candidate]:
        """Return the candidates whose query and document are both in these languages, or all."""
        read = frozenset(languages)
        return [
            c
            for c in self.draft.pool
            if not read
            or {self.draft.queries[c.query].lang, self.draft.documents[c.document].lang} <= read
        ]


def _state(judged: Mapping[Candidate, int | None], task: Candidate) -> int | str:
    if task not in judged:
        return "open"
    grade = judged[task]
    return "skipped" if grade is None else grade


def _language_name(code: str) -> str:
    return LANGUAGES[code].name if code in LANGUAGES else "unknown language"


def _in(code: str) -> dict[str, str]:
    return {"lang": code, "language": _language_name(code), "dir": direction(code)}
