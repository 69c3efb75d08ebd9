"""What one query counts as evidence, and how much: a pure function of query, index, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.parameters import DensePair, Parameters
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.query.statistics import FieldStatistics, TermStatistics

__all__ = ["DenseLine", "LexicalEvidence", "QueryPlan", "make_plan", "query_languages"]

#: A query language below this probability gets no clause of its own; its documents then count as
#: foreign, which costs at most this share of their lexical evidence.
MIN_LANGUAGE = 0.10

#: More languages than this in one query only add noise and clauses.
MAX_LANGUAGES = 3

#: Leaf clauses a query may have in all; the server's default limit is 1,024.
MAX_CLAUSES = 900

#: Weights below this log-odds are not worth a clause.
MIN_WEIGHT = 0.05


@dataclass(frozen=True)
class DenseLine:
    """Log-odds of a document as a line in its plain cosine: ``intercept + slope * cosine``."""

    intercept: float
    slope: float
    missing: float

    @classmethod
    def blend(cls, schema: IndexSchema, parameters: Parameters, match: float) -> DenseLine:
        """Return the line for a document language that is the query's with probability `match`."""
        background = schema.generation.background
        parts = (
            (match, parameters.matching, background["matching"]),
            (1 - match, parameters.non_matching, background["non_matching"]),
        )
        lines = [(share, *_in_cosine(pair, *place)) for share, pair, place in parts]
        intercept = sum(share * a for share, a, _ in lines)
        slope = sum(share * b for share, _, b in lines)
        missing = sum(s * (p.intercept + p.slope * parameters.missing_z) for s, p, _ in parts)
        return cls(intercept, slope, missing)


def _in_cosine(pair: DensePair, location: float, scale: float) -> tuple[float, float]:
    return pair.intercept - pair.slope * location / scale, pair.slope / scale


@dataclass(frozen=True)
class LexicalEvidence:
    """One clause of words.

    Attributes:
        kind: ``own`` for a language's own field, ``any`` for the neutral one.
        field: full path of the analysed field.
        text: query text for its analyzer; ``None`` where `terms` stand instead.
        terms: the tokens that tell most, where the query has more than a server accepts.
        weight: log-odds of a full match, > 0; ``any`` can reach four times as much.
        bound: what its score is divided by, > 0.
        only: document languages it is for; empty for all but `besides`.
        besides: document languages it is not for.
    """

    kind: Literal["own", "any"]
    field: str
    text: str | None
    terms: tuple[TermStatistics, ...]
    weight: float
    bound: float
    only: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()

    @property
    def boost(self) -> float:
        """Factor that turns the server's BM25 into log-odds."""
        return self.weight / self.bound


@dataclass(frozen=True)
class QueryPlan:
    """Everything the request needs.

    Attributes:
        text: the query as given.
        posterior: languages of the query.
        vector: float32 array of shape (dimension,), or ``None`` where the model knows no token.
        vector_field: path of the active vectors.
        indexed: whether that field has a k-NN graph.
        lang_field: path of the document language.
        lines: dense line by document language.
        other: dense line of all other languages.
        lexical: clauses of words; may be empty.
        k: nearest neighbours asked of each shard.
    """

    text: str
    posterior: LanguagePosterior
    vector: NDArray[np.float32] | None
    vector_field: str
    indexed: bool
    lang_field: str
    lines: Mapping[str, DenseLine]
    other: DenseLine
    lexical: tuple[LexicalEvidence, ...]
    k: int

    @property
    def empty(self) -> bool:
        """Whether there is no evidence to look for at all."""
        return self.vector is None and not self.lexical


def query_languages(posterior: LanguagePosterior, schema: IndexSchema) -> dict[str, float]:
    """Return the configured languages worth a clause of their own, with their probabilities."""
    likely = posterior.above(MIN_LANGUAGE)[:MAX_LANGUAGES]
    return {c: posterior.probabilities[c] for c in likely if c in schema.languages}


def make_plan(
    text: str,
    posterior: LanguagePosterior,
    vector: NDArray[np.float32] | None,
    statistics: Mapping[str, FieldStatistics],
    any_text: str,
    schema: IndexSchema,
    parameters: Parameters,
    k: int,
) -> QueryPlan:
    """Decide which evidence counts, and how much.

    Args:
        text: the query.
        posterior: its languages.
        vector: its unit vector of shape (dimension,), or ``None``.
        statistics: by field path, for the field of each language of `query_languages` and the
            neutral field.
        any_text: the folded query, for the neutral field.
        schema: of the index.
        parameters: of the fusion.
        k: nearest neighbours per shard.
    """
    languages = query_languages(posterior, schema)
    names = schema.names
    # The neutral field is searched once per query language and once for all the others.
    limit = max(1, MAX_CLAUSES // (2 * len(languages) + 1))
    wanted = [
        _Wanted("own", names.text(code), text, parameters.own * p) for code, p in languages.items()
    ]
    wanted += [
        _Wanted("any", names.any_text, any_text, parameters.any * (1 - p), only=(code,))
        for code, p in languages.items()
    ]
    wanted.append(
        _Wanted("any", names.any_text, any_text, parameters.any, besides=tuple(languages))
    )
    clauses = (
        _evidence(want, statistics.get(want.field), schema.bm25_constant, limit)
        for want in wanted
        if want.weight >= MIN_WEIGHT
    )
    return QueryPlan(
        text=text,
        posterior=posterior,
        vector=vector,
        vector_field=schema.vector_field,
        indexed=schema.generation.indexed,
        lang_field=names.lang,
        lines={c: DenseLine.blend(schema, parameters, p) for c, p in languages.items()},
        other=DenseLine.blend(schema, parameters, 0.0),
        lexical=tuple(clause for clause in clauses if clause is not None),
        k=k,
    )


@dataclass(frozen=True)
class _Wanted:
    """A clause that the plan would like, before it is known whether the index has the words."""

    kind: Literal["own", "any"]
    field: str
    text: str
    weight: float
    only: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()


def _evidence(
    want: _Wanted, field: FieldStatistics | None, constant: float, limit: int
) -> LexicalEvidence | None:
    # Where no document has any of the words there is nothing to find, nor to divide by.
    if field is None or not any(term.documents for term in field.terms):
        return None
    text: str | None = want.text
    terms: tuple[TermStatistics, ...] = ()
    if sum(term.frequency for term in field.terms) > limit:
        text, terms = None, field.rarest(limit)
    bound_of = field.bound if want.kind == "own" else field.survivor_bound
    bound = bound_of(constant, terms or None)
    return LexicalEvidence(
        want.kind, want.field, text, terms, want.weight, bound, want.only, want.besides
    )
