"""Candidates to judge: what several systems find, in every document language, in no system's order.

Pooling by language is what makes the judgments fair to documents in languages that no system ranks
high in one list over all.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from opensearch_clir.clir import Clir
from opensearch_clir.cluster import guarded
from opensearch_clir.errors import ClusterError, ConfigurationError
from opensearch_clir.evaluation.files import lines
from opensearch_clir.evaluation.making.candidates import bodies
from opensearch_clir.evaluation.making.draft import Candidate, Draft, replace_text, write_pool
from opensearch_clir.evaluation.making.sample import document_line
from opensearch_clir.evaluation.making.source import from_hit, index_languages
from opensearch_clir.evaluation.problems import Problems
from opensearch_clir.evaluation.sets import Document

__all__ = ["Pool", "extend", "make_pool"]

#: Searches in one request.
_BATCH = 40

_MOST_DEPTH = 1_000


@dataclass(frozen=True)
class Pool:
    """Candidates, the documents behind them, and how many each system brought.

    Attributes:
        candidates: without repetition; queries shuffled, and the candidates of each query.
        documents: by id.
        found_by: system -> candidates it found; a candidate may count for several.
        only_by: system -> candidates that no other found: what a pool without it would lack.
    """

    candidates: tuple[Candidate, ...]
    documents: dict[str, Document]
    found_by: dict[str, int]
    only_by: dict[str, int]


def make_pool(clir: Clir, draft: Draft, depth: int, seed: int = 0) -> Pool:
    """Ask every system for every query and every document language of the index.

    Args:
        depth: hits of each system in each language, 1 to 1,000.
        seed: of the order in which candidates are judged.

    Raises:
        ConfigurationError: `depth` is out of range.
        ClusterError: a search failed.
        QueryError: a query can't be run.
    """
    if not 1 <= depth <= _MOST_DEPTH:
        raise ConfigurationError(f"depth {depth}: give a number from 1 to {_MOST_DEPTH:,}")
    targets = index_languages(clir.client, clir.index_name, clir.schema)
    found: dict[str, dict[str, set[str]]] = {}
    documents: dict[str, Document] = {}
    for query in draft.queries.values():
        asked = bodies(clir, query.text, query.lang, targets, depth)
        of_query = found.setdefault(query.id, {})
        for system, target, hits in _search(clir, asked):
            for hit in hits:
                document = draft.documents.get(hit["_id"]) or from_hit(hit, clir.schema, target)
                if document is not None:
                    documents[document.id] = document
                    of_query.setdefault(document.id, set()).add(system)
    systems = [names for of_query in found.values() for names in of_query.values()]
    return Pool(
        candidates=tuple(_shuffled(found, seed)),
        documents=documents,
        found_by=dict(Counter(name for names in systems for name in sorted(names))),
        only_by=dict(Counter(next(iter(names)) for names in systems if len(names) == 1)),
    )


def extend(draft: Draft, pool: Pool) -> tuple[int, int]:
    """Add candidates to ``pool.jsonl`` and documents that are new to the corpus.

    What was there stays, in its order, so judgments are kept when queries are added later.

    Returns:
        New candidates and new documents.

    Raises:
        DataError: the folder can't be written.
    """
    known = set(draft.pool)
    candidates = [candidate for candidate in pool.candidates if candidate not in known]
    fresh = [doc for doc in pool.documents.values() if doc.id not in draft.documents]
    if fresh:
        # The corpus first: a pool that names documents it lacks would be a broken set.
        _append_documents(draft, fresh)
    write_pool(draft.folder, [*draft.pool, *candidates])
    return len(candidates), len(fresh)


def _append_documents(draft: Draft, documents: Iterable[Document]) -> None:
    problems = Problems(str(draft.corpus))
    before = "".join(f"{text}\n" for _, text in lines(draft.corpus, problems))
    problems.raise_if_any()
    replace_text(draft.corpus, before + "".join(document_line(doc) for doc in documents))


def _search(
    clir: Clir, asked: Iterable[tuple[str, str, dict[str, Any]]]
) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    waiting = list(asked)
    for start in range(0, len(waiting), _BATCH):
        batch = waiting[start : start + _BATCH]
        request: list[dict[str, Any]] = []
        for _, _, body in batch:
            request += [{"index": clir.index_name}, body]
        with guarded(f"searching {clir.index_name!r}"):
            answers = clir.client.msearch(
                body=request, params={"search_type": "dfs_query_then_fetch"}
            )["responses"]
        for (system, target, _), answer in zip(batch, answers, strict=True):
            if "error" in answer:
                reason = answer["error"].get("reason") or answer["error"].get("type")
                raise ClusterError(f"{system} in {target}: the server answered {reason}")
            yield system, target, answer["hits"]["hits"]


def _shuffled(found: dict[str, dict[str, set[str]]], seed: int) -> Iterator[Candidate]:
    """Yield candidates query by query: a judge stays with one question at a time."""
    order = random.Random(seed)  # noqa: S311 - an order that can be repeated, not a secret
    queries = sorted(found)
    order.shuffle(queries)
    for query in queries:
        documents = sorted(found[query])
        order.shuffle(documents)
        yield from (Candidate(query, document) for document in documents)
