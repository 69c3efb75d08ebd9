"""What one query counts as evidence, and how much: a pure function of query, index, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.bend import STRAIGHT, Bend
from opensearch_clir.calibration.feedback import Centre
from opensearch_clir.calibration.parameters import PairPlace, Parameters
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.query.evidence import ClauseEvidence, LexicalEvidence, TermSetEvidence
from opensearch_clir.query.feedback import FeedbackPlan, feedback_plan
from opensearch_clir.query.sought import entity_terms, translated_terms
from opensearch_clir.query.statistics import FieldStatistics, TermStatistics
from opensearch_clir.query.words import QueryWords

__all__ = ["DenseLine", "QueryPlan", "make_plan", "query_languages"]

#: A query language below this probability gets no clause of its own; its documents then count as
#: foreign, which costs at most this share of their lexical evidence.
MIN_LANGUAGE = 0.10

#: More languages than this in one query only add noise and clauses.
MAX_LANGUAGES = 3

#: Leaf clauses of one request in all, and those of words among them: the server counts every leaf,
#: at any depth, and refuses more than 1,024 by default.
MAX_LEAVES, MAX_CLAUSES = 1_000, 500

#: Weights below this log-odds are not worth a clause.
MIN_WEIGHT = 0.05


@dataclass(frozen=True)
class DenseLine:
    """Log-odds of a document as a line in its plain cosine: ``intercept + slope * cosine``.

    Attributes:
        intercept, slope: of the line.
        missing: log-odds without a vector.
        bend: what becomes of the sum with all other evidence; at the plan's knot.
    """

    intercept: float
    slope: float
    missing: float
    bend: Bend = STRAIGHT.matching

    @classmethod
    def blend(
        cls,
        schema: IndexSchema,
        parameters: Parameters,
        languages: Mapping[str, float],
        document: str | None,
    ) -> DenseLine:
        """Return the line for documents in a language, over the query's possible languages.

        Args:
            schema, parameters: of the index and the fusion.
            languages: of the query, with probabilities that sum to at most 1; the rest is some
                language that no document of interest is in.
            document: language of the documents; None for all that no line of their own has.
        """
        parts = [(p, *_line(schema, parameters, q, document)) for q, p in languages.items()]
        rest = 1 - sum(languages.values())
        parts.append((rest, *_line(schema, parameters, None, document)))
        intercept, slope, missing = (sum(p[0] * p[i] for p in parts) for i in (1, 2, 3))
        same = languages.get(document, 0.0) if document is not None else 0.0
        bends = parameters.bends
        bend = Bend.mean([(same, bends.matching), (1 - same, bends.non_matching)])
        return cls(intercept, slope, missing, bend)


def _line(
    schema: IndexSchema, parameters: Parameters, query: str | None, document: str | None
) -> tuple[float, float, float]:
    """Return intercept, slope, and log-odds without a vector, for one ordered pair."""
    same = query is not None and query == document
    dense = parameters.matching if same else parameters.non_matching
    location, scale = schema.generation.background["matching" if same else "non_matching"]
    place = parameters.pairs.get(f"{query}>{document}", PairPlace(location, scale))
    slope = dense.slope / place.scale
    intercept = dense.intercept + place.offset
    missing = intercept + dense.slope * parameters.missing_z
    return intercept - slope * place.location, slope, missing


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
        lines: dense line by document language, where it is one of the query's or of a known pair.
        other: dense line of all other languages.
        lexical: clauses of words; may be empty.
        sets: clauses of entities and translated pieces; may be empty.
        k: nearest neighbours asked of each shard.
        knot: log-odds at which the lines' bends are.
        notes: what was not as it should be when the query was read, for explanations.
        feedback: how likeness to the first hits counts; None: it does not.
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
    sets: tuple[TermSetEvidence, ...] = ()
    knot: float = 0.0
    notes: tuple[str, ...] = ()
    feedback: FeedbackPlan | None = None

    @property
    def clauses(self) -> tuple[ClauseEvidence, ...]:
        """All evidence but the dense one."""
        return (*self.lexical, *self.sets)

    @property
    def centre(self) -> Centre | None:
        """What the first hits have in common; None where they don't count or aren't known."""
        return None if self.feedback is None else self.feedback.centre

    @property
    def empty(self) -> bool:
        """Whether there is no evidence to look for at all."""
        return self.vector is None and not self.clauses


def query_languages(posterior: LanguagePosterior, schema: IndexSchema) -> dict[str, float]:
    """Return the configured languages worth a clause of their own, with their probabilities."""
    likely = posterior.above(MIN_LANGUAGE)[:MAX_LANGUAGES]
    return {c: posterior.probabilities[c] for c in likely if c in schema.languages}


def make_plan(
    words: QueryWords,
    posterior: LanguagePosterior,
    vector: NDArray[np.float32] | None,
    statistics: Mapping[str, FieldStatistics],
    schema: IndexSchema,
    parameters: Parameters,
    k: int,
) -> QueryPlan:
    """Decide which evidence counts, and how much.

    Args:
        words: of the query.
        posterior: its languages.
        vector: its unit vector of shape (dimension,), or ``None``.
        statistics: by field path, for the fields of `QueryWords.lookups`.
        schema: of the index.
        parameters: of the fusion.
        k: nearest neighbours per shard.
    """
    languages = query_languages(posterior, schema)
    # Languages whose line may differ from all others': those of the query, and of known pairs.
    known = {pair.partition(">")[2] for pair in parameters.pairs}
    ours = [*languages, *(c for c in schema.languages if c in known and c not in languages)]
    sets = _sets(words, statistics, schema, parameters)
    leaves = sum(len(part.tiers) for evidence in sets for part in evidence.sought)
    room = min(MAX_CLAUSES, MAX_LEAVES - leaves)
    return QueryPlan(
        text=words.text,
        posterior=posterior,
        vector=vector,
        vector_field=schema.vector_field,
        indexed=schema.generation.indexed,
        lang_field=schema.names.lang,
        lines={c: DenseLine.blend(schema, parameters, languages, c) for c in ours},
        other=DenseLine.blend(schema, parameters, languages, None),
        lexical=_lexical(words, languages, statistics, schema, parameters, room),
        k=k,
        sets=sets,
        knot=parameters.bends.knot,
        feedback=feedback_plan(
            parameters.feedback, schema.generation.background["non_matching"], languages, ours
        ),
    )


def _lexical(
    words: QueryWords,
    languages: Mapping[str, float],
    statistics: Mapping[str, FieldStatistics],
    schema: IndexSchema,
    parameters: Parameters,
    room: int,
) -> tuple[LexicalEvidence, ...]:
    names = schema.names
    # The neutral field is searched once per query language and once for all the others.
    limit = max(1, room // (2 * len(languages) + 1))
    wanted = [
        _Wanted("own", names.text(code), words.text_for(code), parameters.own * p)
        for code, p in languages.items()
    ]
    wanted += [
        _Wanted("any", names.any_text, words.neutral, parameters.any * (1 - p), only=(code,))
        for code, p in languages.items()
    ]
    wanted.append(
        _Wanted("any", names.any_text, words.neutral, parameters.any, besides=tuple(languages))
    )
    clauses = (
        _evidence(want, statistics.get(want.field), schema.bm25_constant, limit)
        for want in wanted
        if want.weight >= MIN_WEIGHT
    )
    return tuple(clause for clause in clauses if clause is not None)


def _sets(
    words: QueryWords,
    statistics: Mapping[str, FieldStatistics],
    schema: IndexSchema,
    parameters: Parameters,
) -> tuple[TermSetEvidence, ...]:
    names = schema.names
    nothing = FieldStatistics(0)
    found = []
    if schema.entities:
        sought = entity_terms(words.entities, statistics.get(names.entities, nothing))
        found.append(TermSetEvidence("entity", names.entities, sought, parameters.entity))
    if schema.lexicon is not None:
        # Whatever stands in a heading stands in the whole text, whose statistics serve both.
        body, head = names.pieces(schema.lexicon), names.pieces(schema.lexicon, head=True)
        sought = translated_terms(words.pieces, statistics.get(body, nothing))
        found.append(TermSetEvidence("translated", body, sought, parameters.translated))
        if schema.head_fields:
            found.append(TermSetEvidence("head", head, sought, parameters.head))
    return tuple(e for e in found if e.sought and e.weight >= MIN_WEIGHT)


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
