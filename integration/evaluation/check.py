"""What a set can show: topics for each pair of languages, and reasons for caution."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from opensearch_clir.evaluation.parallel import looks_translated
from opensearch_clir.evaluation.sets import EvaluationSet

__all__ = ["ENOUGH_TOPICS", "AskedIn", "Pair", "Report", "Warned", "check"]

#: Topics a pair needs for claims about itself.
ENOUGH_TOPICS = 50

#: Topics a pair needs to count in the averages `same` and `cross`.
SOME_TOPICS = 20

_LISTED = 10


@dataclass(frozen=True)
class Pair:
    """How much evidence there is for one ordered pair.

    Attributes:
        topics: topics with a query in the one and a relevant document in the other language.
        queries: such queries.
        relevant: judgments above 0 over these queries.
    """

    topics: int
    queries: int
    relevant: int


@dataclass(frozen=True)
class AskedIn:
    """The topics of one query language.

    Attributes:
        topics: all.
        same: those with a relevant document in the query's language.
        cross: those with one in another language.
        both: those where a single query has both.
    """

    topics: int
    queries: int
    same: int
    cross: int
    both: int


@dataclass(frozen=True)
class Warned:
    """One reason for caution: a stable code, a sentence, and what it rests on."""

    code: str
    message: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What `check` found; ``pairs`` by (query language, document language)."""

    name: str
    documents: int
    queries: int
    topics: int
    groups_from: str
    document_languages: dict[str, int]
    pairs: dict[tuple[str, str], Pair]
    asked: dict[str, AskedIn]
    warnings: tuple[Warned, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the report with pairs written as ``fr>en``."""
        return {
            **asdict(self),
            "pairs": {f"{q}>{d}": asdict(pair) for (q, d), pair in self.pairs.items()},
        }


def check(evaluation_set: EvaluationSet) -> Report:
    """Count topics for each pair and look for reasons not to trust figures on this set."""
    pairs = _pairs(evaluation_set)
    languages = Counter(document.lang for document in evaluation_set.documents.values())
    warnings = [
        *_small_pairs(pairs),
        *_translated(evaluation_set),
        *_leaks(evaluation_set),
        *_guessed(evaluation_set),
    ]
    return Report(
        name=evaluation_set.name,
        documents=len(evaluation_set.documents),
        queries=len(evaluation_set.queries),
        topics=len(set(evaluation_set.topics.values())),
        groups_from=evaluation_set.groups_from,
        document_languages=dict(sorted(languages.items())),
        pairs=pairs,
        asked=_asked(evaluation_set),
        warnings=tuple(warnings),
    )


def _pairs(evaluation_set: EvaluationSet) -> dict[tuple[str, str], Pair]:
    topics: dict[tuple[str, str], set[str]] = {}
    queries: Counter[tuple[str, str]] = Counter()
    relevant: Counter[tuple[str, str]] = Counter()
    for query in evaluation_set.queries.values():
        found = Counter(evaluation_set.language(d) for d in evaluation_set.relevant(query.id))
        for language, count in found.items():
            pair = (query.lang, language)
            topics.setdefault(pair, set()).add(evaluation_set.topics[query.id])
            queries[pair] += 1
            relevant[pair] += count
    return {pair: Pair(len(topics[pair]), queries[pair], relevant[pair]) for pair in sorted(topics)}


def _asked(evaluation_set: EvaluationSet) -> dict[str, AskedIn]:
    found: dict[str, dict[str, set[str]]] = {}
    queries = Counter(query.lang for query in evaluation_set.queries.values())
    for query in evaluation_set.queries.values():
        languages = {evaluation_set.language(d) for d in evaluation_set.relevant(query.id)}
        same, cross = query.lang in languages, bool(languages - {query.lang})
        sets = found.setdefault(
            query.lang, {"all": set(), "same": set(), "cross": set(), "both": set()}
        )
        topic = evaluation_set.topics[query.id]
        for name, holds in (
            ("all", True),
            ("same", same),
            ("cross", cross),
            ("both", same and cross),
        ):
            if holds:
                sets[name].add(topic)
    return {
        lang: AskedIn(
            len(sets["all"]),
            queries[lang],
            len(sets["same"]),
            len(sets["cross"]),
            len(sets["both"]),
        )
        for lang, sets in sorted(found.items())
    }


def _small_pairs(pairs: dict[tuple[str, str], Pair]) -> list[Warned]:
    small = sorted(
        (pair.topics, f"{q}>{d}") for (q, d), pair in pairs.items() if pair.topics < ENOUGH_TOPICS
    )
    if not small:
        return []
    tiny = sum(topics < SOME_TOPICS for topics, _ in small)
    listed = tuple(f"{name}: {topics} topics" for topics, name in small[:_LISTED])
    more = (f"… and {len(small) - _LISTED} more",) if len(small) > _LISTED else ()
    message = (
        f"{len(small)} of {len(pairs)} language pairs have fewer than {ENOUGH_TOPICS} topics: no "
        f"claim about such a pair alone; the {tiny} with fewer than {SOME_TOPICS} are also left "
        "out of the averages"
    )
    return [Warned("small-pairs", message, listed + more)]


def _translated(evaluation_set: EvaluationSet) -> list[Warned]:
    evidence = looks_translated(evaluation_set)
    if not evidence:
        return []
    message = (
        "this looks like a translated monolingual benchmark: it measures translation and retrieval "
        "at once, and some translation of the right answer is in nearly every language; look at "
        "thinned variants too (clir evalset thin)"
    )
    return [Warned("translated", message, evidence)]


def _leaks(evaluation_set: EvaluationSet) -> list[Warned]:
    """Given topics that share a relevant document would leak from one fold into another."""
    first: dict[str, str] = {}
    shared: dict[tuple[str, str], str] = {}
    for query, topic in evaluation_set.topics.items():
        for doc in evaluation_set.relevant(query):
            other = first.setdefault(evaluation_set.documents[doc].group or doc, topic)
            if other != topic:
                shared.setdefault((other, topic), doc)
    if not shared:
        return []
    listed = tuple(f"{a} and {b}: {doc}" for (a, b), doc in list(shared.items())[:_LISTED])
    message = f"{len(shared)} pairs of given topics share a relevant document or its translation"
    return [Warned("shared-topics", message, listed)]


def _guessed(evaluation_set: EvaluationSet) -> list[Warned]:
    if evaluation_set.groups_from != "id":
        return []
    message = (
        "no document has a `group`, so documents whose ids differ by language alone are taken for "
        "translations of one another; say so in the corpus, or pass --grouping none"
    )
    return [Warned("guessed-groups", message)]
