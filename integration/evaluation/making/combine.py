"""The judgments of several judges as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from opensearch_clir.evaluation.making.draft import Candidate
from opensearch_clir.evaluation.making.judgments import Judgments

__all__ = ["combine", "majority"]


def majority(grades: Iterable[int]) -> int:
    """Return the grade given most often; of several, the lowest.

    The lower grade, because a document that half of the judges reject should not be what a system
    is rewarded for.

    Raises:
        ValueError: no grade was given.
    """
    counts = Counter(grades)
    return max(counts, key=lambda grade: (counts[grade], -grade))


def combine(
    judged: Mapping[str, Judgments], order: Iterable[str] = ()
) -> dict[str, dict[str, int]]:
    """Return query id -> document id -> majority grade; skipped candidates are not judged.

    Args:
        judged: judge -> judgments.
        order: query ids in the order wanted; others follow.
    """
    given: dict[Candidate, list[int]] = {}
    for judgments in judged.values():
        for candidate, grade in judgments.items():
            if grade is not None:
                given.setdefault(candidate, []).append(grade)
    by_query: dict[str, dict[str, int]] = {query: {} for query in order}
    for candidate in sorted(given, key=lambda c: (c.query, c.document)):
        by_query.setdefault(candidate.query, {})[candidate.document] = majority(given[candidate])
    return {query: grades for query, grades in by_query.items() if grades}
