"""Stock OpenSearch: BM25 with one analyzer or one per language, k-NN, hybrid, RRF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opensearch_clir.evaluation.systems.base import Question
from opensearch_clir.query.dsl import Query

__all__ = ["COMBINATIONS", "Bm25", "Hybrid", "HybridConfig", "Knn", "Rrf"]

COMBINATIONS = ("arithmetic_mean", "harmonic_mean", "geometric_mean")


@dataclass(frozen=True)
class Bm25:
    """BM25 over some fields, their scores added up.

    Over the users' own fields that is one analyzer for all languages; over the field of each
    language of the documents, each its own.
    """

    fields: tuple[str, ...]
    name: str = "bm25"
    same_scores: bool = True

    def query(self, question: Question) -> Query:
        """Return the words as a query."""
        fields = list(self.fields)
        return {"multi_match": {"query": question.text, "fields": fields, "type": "most_fields"}}

    def body(self, question: Question, size: int, filters: Sequence[Query] = ()) -> dict[str, Any]:
        return _body(_filtered(self.query(question), filters), size)


@dataclass(frozen=True)
class Knn:
    """Nearest neighbours alone."""

    name: str = "knn"
    same_scores: bool = True

    def query(self, question: Question, size: int, filters: Sequence[Query] = ()) -> Query:
        """Return the neighbours as a query; nothing where the model knows no token."""
        if question.vector is None:
            return {"match_none": {}}
        nearest: Query = {"vector": question.vector.tolist(), "k": size}
        if filters:
            nearest["filter"] = {"bool": {"filter": list(filters)}}
        return {"knn": {question.preparer.schema.vector_field: nearest}}

    def body(self, question: Question, size: int, filters: Sequence[Query] = ()) -> dict[str, Any]:
        return _body(self.query(question, size, filters), size)


@dataclass(frozen=True, order=True)
class HybridConfig:
    """One setting of the normalisation processor.

    Attributes:
        lexical: which BM25 leg.
        weight: of the dense leg, 0 to 1; the lexical one has the rest.
        normalisation: ``min_max`` or ``l2``.
        combination: one of `COMBINATIONS`.
    """

    lexical: Literal["bm25", "bm25-lang"]
    weight: float
    normalisation: str
    combination: str

    def __str__(self) -> str:
        return f"{self.lexical} + {self.weight:.1f} knn, {self.normalisation}, {self.combination}"

    def pipeline(self) -> dict[str, Any]:
        """Return the search pipeline."""
        weights = [round(1 - self.weight, 2), round(self.weight, 2)]
        processor = {
            "normalization": {"technique": self.normalisation},
            "combination": {
                "technique": self.combination,
                "parameters": {"weights": weights},
            },
        }
        return {"phase_results_processors": [{"normalization-processor": processor}]}


@dataclass(frozen=True)
class Hybrid:
    """The stock ``hybrid`` query of a lexical and a dense leg."""

    config: HybridConfig
    lexical: Bm25
    name: str = "hybrid"
    same_scores: bool = False

    def body(self, question: Question, size: int, filters: Sequence[Query] = ()) -> dict[str, Any]:
        return _legs(self.lexical, question, size, filters, self.config.pipeline())


@dataclass(frozen=True)
class Rrf:
    """The stock ``hybrid`` query with reciprocal rank fusion (Cormack et al. 2009)."""

    constant: int
    lexical: Bm25
    name: str = "rrf"
    same_scores: bool = False

    def body(self, question: Question, size: int, filters: Sequence[Query] = ()) -> dict[str, Any]:
        # Outside of "parameters", 2.19 ignores the constant without a word.
        parameters = {"rank_constant": self.constant}
        combination = {"technique": "rrf", "parameters": parameters}
        ranker = {"score-ranker-processor": {"combination": combination}}
        pipeline = {"phase_results_processors": [ranker]}
        return _legs(self.lexical, question, size, filters, pipeline)


def _legs(
    lexical: Bm25,
    question: Question,
    size: int,
    filters: Sequence[Query],
    pipeline: dict[str, Any],
) -> dict[str, Any]:
    queries = [
        _filtered(lexical.query(question), filters),
        Knn().query(question, size, filters),
    ]
    return {**_body({"hybrid": {"queries": queries}}, size), "search_pipeline": pipeline}


def _filtered(query: Query, filters: Sequence[Query]) -> Query:
    return {"bool": {"must": [query], "filter": list(filters)}} if filters else query


def _body(query: Query, size: int) -> dict[str, Any]:
    return {"query": query, "size": size, "_source": False}
