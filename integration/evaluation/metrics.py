"""Effectiveness for each query, computed by ``ir_measures``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from subprocess import CalledProcessError
from typing import TYPE_CHECKING

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.evaluation.runs import Run, ranking, restrict
from opensearch_clir.evaluation.sets import EvaluationSet, Qrels

if TYPE_CHECKING:
    import ir_measures

__all__ = [
    "MEASURES",
    "PairValues",
    "Values",
    "answer_languages",
    "in_pairs",
    "per_query",
    "pooled",
]

#: What is measured unless asked otherwise, by the names of ``ir_measures``.
MEASURES = ("nDCG@10", "R@100")

#: Query id -> value.
Values = dict[str, float]

#: (query language, document language) -> query id -> value.
PairValues = dict[tuple[str, str], Values]

#: Rankings within one document language, by its code; or one deep ranking of everything.
TargetRuns = Mapping[str, Run] | Callable[[str], Run]


def per_query(qrels: Qrels, run: Run, measures: Sequence[str] = MEASURES) -> dict[str, Values]:
    """Return measure -> query id -> value, for every query of `qrels`.

    A query that the run lacks counts as one with nothing found; queries without judgments are
    ignored. Documents are ordered by score at full precision, ties by falling document id, which is
    the order of trec_eval; trec_eval itself keeps scores in single precision and would merge
    probabilities close to 1.

    Raises:
        ConfigurationError: a measure is unknown, or ``ir_measures`` is not installed.
    """
    parsed = {_parse(name): name for name in measures}
    judged = {query: dict(grades) for query, grades in qrels.items()}
    ranked = {query: _by_rank(run[query]) for query in judged if query in run}
    values: dict[str, Values] = {name: {} for name in measures}
    if judged:
        for measure, query, value in _calculate(list(parsed), judged, ranked):
            values[parsed[measure]][query] = value
    return {name: {query: found[query] for query in judged} for name, found in values.items()}


def pooled(
    evaluation_set: EvaluationSet, run: Run, measures: Sequence[str] = MEASURES
) -> dict[str, Values]:
    """Return measure -> query id -> value over the whole mixed corpus.

    Raises:
        ConfigurationError: see `per_query`.
    """
    return per_query(evaluation_set.qrels, run, measures)


def in_pairs(
    evaluation_set: EvaluationSet,
    runs: Run | Callable[[str], Run],
    measures: Sequence[str] = MEASURES,
    *,
    asked: Mapping[tuple[str, str], Collection[str]] | None = None,
) -> dict[str, PairValues]:
    """Return measure -> (query language, document language) -> query id -> value.

    Both the ranking and the judgments are restricted to documents in the target language, so a
    value says how well that language's documents are ranked among themselves.

    Args:
        runs: one ranking of the whole corpus, deep enough to be restricted; or a function from a
            document language to a ranking made within that language.
        asked: query ids that were run, by pair, where only a sample was; default: every query
            with a relevant document in the target language.

    Raises:
        ConfigurationError: see `per_query`.
    """
    result: dict[str, PairValues] = {name: {} for name in measures}
    for target, judged in _by_target(evaluation_set).items():
        sources = _by_source(evaluation_set, judged, target, asked)
        chosen = {query for queries in sources.values() for query in queries}
        run = runs(target) if callable(runs) else runs
        within = restrict({q: run[q] for q in chosen if q in run}, _of(evaluation_set, target))
        values = per_query(
            {query: judged[query] for query in judged if query in chosen}, within, measures
        )
        for name, found in values.items():
            for source, queries in sources.items():
                result[name][source, target] = {query: found[query] for query in queries}
    return {name: dict(sorted(found.items())) for name, found in result.items()}


def answer_languages(evaluation_set: EvaluationSet) -> dict[str, list[str]]:
    """Return query ids by where their answers are: ``own``, ``foreign`` or ``both``.

    In a thinned set pairs have too few topics for averages; there the pooled values of the
    ``foreign`` queries against those of the ``own`` ones show whether ranking is fair.
    """
    found: dict[str, list[str]] = {"own": [], "foreign": [], "both": []}
    for query in evaluation_set.queries.values():
        languages = {evaluation_set.language(doc) for doc in evaluation_set.relevant(query.id)}
        own = query.lang in languages
        found["both" if own and len(languages) > 1 else "own" if own else "foreign"].append(
            query.id
        )
    return found


def _of(evaluation_set: EvaluationSet, language: str) -> list[str]:
    return [doc.id for doc in evaluation_set.documents.values() if doc.lang == language]


def _by_target(evaluation_set: EvaluationSet) -> dict[str, dict[str, dict[str, int]]]:
    """Return document language -> query id -> judgments there, where any of them is relevant."""
    split: dict[str, dict[str, dict[str, int]]] = {}
    for query, judged in evaluation_set.qrels.items():
        for doc, grade in judged.items():
            target = split.setdefault(evaluation_set.language(doc), {})
            target.setdefault(query, {})[doc] = grade
    return {
        target: {q: grades for q, grades in found.items() if any(g > 0 for g in grades.values())}
        for target, found in split.items()
    }


def _by_source(
    evaluation_set: EvaluationSet,
    judged: Iterable[str],
    target: str,
    asked: Mapping[tuple[str, str], Collection[str]] | None,
) -> dict[str, list[str]]:
    sources: dict[str, list[str]] = {}
    for query in judged:
        source = evaluation_set.queries[query].lang
        if asked is None or query in asked.get((source, target), ()):
            sources.setdefault(source, []).append(query)
    return sources


def _by_rank(scores: Mapping[str, float]) -> dict[str, float]:
    """Return scores that say nothing but the order, and survive single precision."""
    ordered = ranking(scores)
    return {doc: float(len(ordered) - rank) for rank, doc in enumerate(ordered)}


def _calculate(
    measures: list[ir_measures.Measure],
    judged: dict[str, dict[str, int]],
    ranked: dict[str, dict[str, float]],
) -> list[tuple[ir_measures.Measure, str, float]]:
    import ir_measures

    try:
        found = list(ir_measures.iter_calc(measures, judged, ranked))
    except (ValueError, RuntimeError, CalledProcessError) as error:
        # A measure that parses may still need a program or package that is not there.
        raise ConfigurationError(f"{measures} can't be computed here: {error}") from error
    return [(metric.measure, metric.query_id, float(metric.value)) for metric in found]


def _parse(name: str) -> ir_measures.Measure:
    try:
        import ir_measures
    except ImportError as error:
        raise ConfigurationError(
            "metrics need ir_measures: pip install 'opensearch-clir[evaluation]'"
        ) from error
    try:
        return ir_measures.parse_measure(name)
    except (NameError, ValueError, TypeError, SyntaxError) as error:
        raise ConfigurationError(f"unknown measure {name!r}: {error}") from error
