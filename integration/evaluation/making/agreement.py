"""How far judges agree beyond chance: Cohen's kappa of two, Krippendorff's alpha of any number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, permutations
from typing import Any

from opensearch_clir.evaluation.making.judgments import Judgments

__all__ = ["Agreement", "agreement", "cohen_kappa", "krippendorff_alpha"]


@dataclass(frozen=True)
class Agreement:
    """Figures over candidates that two or more judges graded; skipped ones don't count.

    Attributes:
        candidates: how many.
        kappa: ``ana, ben`` -> Cohen's kappa of the two, -1 to 1; None where it is not defined.
        alpha: Krippendorff's alpha of all judges for ordered grades, at most 1; None likewise.
        equal: share of these candidates on which all their judges gave one grade.
    """

    candidates: int
    kappa: dict[str, float | None]
    alpha: float | None
    equal: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return asdict(self)


def agreement(
    judged: Mapping[str, Judgments], languages: Mapping[str, str]
) -> dict[str, Agreement]:
    """Return the figures of all candidates as ``all``, and of each document language.

    Args:
        judged: judge -> judgments.
        languages: document id -> language code.
    """
    grades: dict[str, dict[Any, dict[str, int]]] = {"all": {}}
    for judge, judgments in judged.items():
        for candidate, grade in judgments.items():
            if grade is not None:
                language = languages.get(candidate.document, "und")
                for part in ("all", language):
                    grades.setdefault(part, {}).setdefault(candidate, {})[judge] = grade
    return {part: _figures(units) for part, units in sorted(grades.items())}


def cohen_kappa(pairs: Sequence[tuple[int, int]]) -> float | None:
    """Return Cohen's (1960) unweighted kappa of two judges, None if chance alone explains all.

    Args:
        pairs: the two grades of each candidate that both graded.
    """
    if not pairs:
        return None
    observed = sum(a == b for a, b in pairs) / len(pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum(first[grade] * second[grade] for grade in first) / len(pairs) ** 2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def krippendorff_alpha(units: Iterable[Sequence[int]], *, ordered: bool = True) -> float | None:
    """Return Krippendorff's alpha, None if all grades are one and the same or no unit has two.

    Args:
        units: the grades of each candidate, any number of judges; those with one don't count.
        ordered: whether 0 and 2 differ more than 0 and 1 (ordinal), or not (nominal).
    """
    weights: dict[tuple[int, int], float] = {}
    for grades in units:
        if len(grades) > 1:
            for pair in permutations(grades, 2):
                weights[pair] = weights.get(pair, 0.0) + 1 / (len(grades) - 1)
    totals: dict[int, float] = {}
    for (grade, _), weight in weights.items():
        totals[grade] = totals.get(grade, 0.0) + weight
    n = sum(totals.values())
    distance = {pair: _distance(totals, *pair, ordered=ordered) for pair in _pairs(totals)}
    expected = sum(totals[a] * totals[b] * d for (a, b), d in distance.items())
    if expected == 0:
        return None
    observed = sum(weights.get(pair, 0.0) * d for pair, d in distance.items())
    return 1 - (n - 1) * observed / expected


def _pairs(totals: Mapping[int, float]) -> list[tuple[int, int]]:
    return [(a, b) for a in totals for b in totals if a != b]


def _distance(totals: Mapping[int, float], a: int, b: int, *, ordered: bool) -> float:
    """Squared distance; the ordinal one is how many grades were given from the one to the other."""
    if not ordered:
        return 1.0
    low, high = min(a, b), max(a, b)
    between = sum(count for grade, count in totals.items() if low <= grade <= high)
    return (between - (totals[a] + totals[b]) / 2) ** 2


def _figures(units: Mapping[Any, Mapping[str, int]]) -> Agreement:
    shared = [unit for unit in units.values() if len(unit) > 1]
    judges = sorted({judge for unit in shared for judge in unit})
    kappa = {
        f"{a}, {b}": cohen_kappa([(u[a], u[b]) for u in shared if a in u and b in u])
        for a, b in combinations(judges, 2)
    }
    equal = sum(len(set(unit.values())) == 1 for unit in shared) / len(shared) if shared else None
    alpha = krippendorff_alpha([list(unit.values()) for unit in shared])
    return Agreement(len(shared), kappa, alpha, equal)
