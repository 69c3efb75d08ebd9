"""The one-language-per-group variant of a set: where each text exists in one language only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from opensearch_clir.evaluation.sets import Document, EvaluationSet

__all__ = ["thin"]


def thin(evaluation_set: EvaluationSet, seed: int) -> EvaluationSet:
    """Keep one document of every translation group; documents without a group all stay.

    A full parallel corpus flatters a system that ranks by language: some translation of the right
    document is always in the query's language. In a thinned set most right answers are foreign.

    Groups come in random order; each keeps one of the languages that the fewest groups have kept
    so far, drawn at random among equals. Languages thus come out as even as the set allows.
    Judgments are restricted to what is left, and queries without a relevant document dropped.
    Topics stay those of the full set, so that figures on both are about the same units.
    """
    kept = _choose(evaluation_set.documents, np.random.default_rng(seed))
    documents = {
        doc: document
        for doc, document in evaluation_set.documents.items()
        if document.group is None or doc in kept
    }
    left = {query: _restrict(judged, documents) for query, judged in evaluation_set.qrels.items()}
    qrels = {
        query: judged
        for query, judged in left.items()
        if any(grade > 0 for grade in judged.values())
    }
    topics = evaluation_set.topics
    queries = {
        identifier: replace(
            query,
            topic=topics[identifier],
            twin=query.twin if query.twin in qrels else None,
        )
        for identifier, query in evaluation_set.queries.items()
        if identifier in qrels
    }
    name = f"{evaluation_set.name}-thin{seed}"
    return replace(evaluation_set, name=name, documents=documents, queries=queries, qrels=qrels)


def _restrict(judged: Mapping[str, int], documents: Mapping[str, Document]) -> dict[str, int]:
    return {doc: grade for doc, grade in judged.items() if doc in documents}


def _choose(documents: Mapping[str, Document], rng: np.random.Generator) -> set[str]:
    """Return the ids of the documents that stay, one for each group."""
    groups: dict[str, list[Document]] = {}
    for document in documents.values():
        if document.group is not None:
            groups.setdefault(document.group, []).append(document)
    names = sorted(groups)
    used: Counter[str] = Counter()
    kept = set()
    for index in rng.permutation(len(names)):
        members = sorted(groups[names[index]], key=lambda document: document.id)
        fewest = min(used[document.lang] for document in members)
        rare = [document for document in members if used[document.lang] == fewest]
        chosen = rare[rng.integers(len(rare))]
        used[chosen.lang] += 1
        kept.add(chosen.id)
    return kept
