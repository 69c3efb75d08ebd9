"""Everything a plan needs to know about one query: languages, vector, term statistics."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from opensearchpy import OpenSearch

from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.cluster import guarded
from opensearch_clir.debias.encoder import encode_in
from opensearch_clir.debias.store import with_debias
from opensearch_clir.encoders.base import Encoder
from opensearch_clir.entities import entities
from opensearch_clir.errors import QueryError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.language.base import Detector, LanguagePosterior
from opensearch_clir.language.folding import fold
from opensearch_clir.language.query import query_posterior
from opensearch_clir.language.query_spans import QuerySpans, query_spans
from opensearch_clir.languages import canonical
from opensearch_clir.query.lookup import COUNTED, TermLookup
from opensearch_clir.query.plan import QueryPlan, make_plan, query_languages
from opensearch_clir.query.statistics import FieldStatistics
from opensearch_clir.query.words import QueryWords
from opensearch_clir.translation.lexicon import Lexicon, embedded_lexicon

__all__ = ["MAX_QUERY_CHARACTERS", "Preparer", "Reading"]

Vector = NDArray[np.float32]

#: Longer queries are refused: no question is that long, and the server limits its requests.
MAX_QUERY_CHARACTERS = 1_000_000

#: Words are looked for in this much of a pasted text; the vector sees all that the model takes.
MAX_LEXICAL_CHARACTERS = 20_000

#: Seconds for which the corpus language mix is kept.
MIX_TTL = 300.0


@dataclass(frozen=True)
class Reading:
    """What is known of one query in one index, whatever the parameters of the fusion.

    Attributes:
        posterior: its languages.
        vector: its unit vector of shape (dimension,), or None.
        words: of each kind.
        statistics: of the words, by field path.
        notes: what was not as it should be, for explanations.
    """

    posterior: LanguagePosterior
    vector: Vector | None
    words: QueryWords
    statistics: Mapping[str, FieldStatistics]
    notes: tuple[str, ...] = ()

    def plan(self, schema: IndexSchema, parameters: Parameters, k: int) -> QueryPlan:
        """Return the plan under some parameters; a pure function."""
        plan = make_plan(
            self.words, self.posterior, self.vector, self.statistics, schema, parameters, k
        )
        return replace(plan, notes=self.notes) if self.notes else plan


@dataclass
class Preparer:
    """Turns query texts into plans for one index.

    Attributes:
        client: connected client.
        index: name or alias that is searched.
        schema: of the index.
        encoder: of the active generation; its debiasing is read from the cluster.
        detector: for query languages.
        parameters: of the fusion.
    """

    client: OpenSearch
    index: str
    schema: IndexSchema
    encoder: Encoder
    detector: Detector
    parameters: Parameters
    _terms: TermLookup = field(init=False)
    _mix: tuple[float, dict[str, float]] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._terms = TermLookup(self.client, self.index)
        self.encoder = with_debias(self.client, self.schema.generation, self.encoder, self.index)

    def plan(
        self,
        text: str,
        *,
        k: int,
        languages: str | Mapping[str, float] | None = None,
        parameters: Parameters | None = None,
        routing: str | None = None,
    ) -> QueryPlan:
        """Return the plan of one query.

        Args:
            text: the question, in any language or several.
            k: nearest neighbours asked of each shard.
            languages: the query's language, or languages with their probabilities, where the
                caller knows better than the detector.
            parameters: of the fusion, in place of the index's.
            routing: values that the search is limited to, separated by commas.

        Raises:
            QueryError: empty, not a string, not valid Unicode, or too long.
            ConfigurationError: an unknown language.
            ClusterError: the index can't be read.
        """
        reading = self.read(text, languages, routing)
        return reading.plan(self.schema, parameters or self.parameters, k)

    def read(
        self,
        text: str,
        languages: str | Mapping[str, float] | None = None,
        routing: str | None = None,
    ) -> Reading:
        """Return all that is known of a query, before anything is weighed.

        Raises:
            QueryError: empty, not a string, not valid Unicode, or too long.
            ConfigurationError: an unknown language.
            ClusterError: the index can't be read.
        """
        text = checked(text)
        posterior = self.posterior(text, languages)
        spans = query_spans(text[:MAX_LEXICAL_CHARACTERS], posterior, self.schema.languages)
        if languages is None:
            posterior = spans.posterior
        # The model and the analyzers know native script only.
        restored = spans.restored() + text[MAX_LEXICAL_CHARACTERS:]
        words = self.words(spans, restored, query_languages(posterior, self.schema))
        vector = self.vector(restored, posterior)
        statistics = self.statistics(words, posterior, routing)
        notes = (COUNTED,) if self._terms.restricted else ()
        return Reading(posterior, vector, words, statistics, notes)

    def vector(self, text: str, posterior: LanguagePosterior | None = None) -> Vector | None:
        """Return the query's unit vector of shape (dimension,); None if no token is known.

        Args:
            text: the query.
            posterior: its languages, which a debiasing goes by; detected if not given.
        """
        if posterior is None:
            debiased = self.schema.generation.debias is not None
            posterior = self.posterior(text) if debiased else LanguagePosterior.unknown()
        vector: Vector = encode_in(self.encoder, [text], "query", [posterior])[0]
        return vector if vector.any() else None

    def words(self, spans: QuerySpans, restored: str, languages: Iterable[str]) -> QueryWords:
        """Return the words of a query, for each kind of evidence."""
        pieces = self.lexicon.translate(restored) if self.lexicon is not None else ()
        return QueryWords(
            spans.text,
            fold(spans.content_text()),
            {code: spans.text_for(code) for code in languages},
            pieces=pieces,
            entities=entities(spans.text, "query") if self.schema.entities else (),
        )

    @property
    def lexicon(self) -> Lexicon | None:
        """The dictionary that the index's pieces are of; None where it has none, or another's."""
        if self.schema.lexicon is None:
            return None
        lexicon = embedded_lexicon()
        return lexicon if lexicon.id == self.schema.lexicon else None

    def statistics(
        self, words: QueryWords, posterior: LanguagePosterior, routing: str | None = None
    ) -> dict[str, FieldStatistics]:
        """Return the term statistics of the query's words in the fields they are looked for."""
        languages = list(query_languages(posterior, self.schema))
        wanted = words.lookups(languages, self.schema)
        return self._terms.read(wanted, routing)

    def posterior(
        self, text: str, languages: str | Mapping[str, float] | None = None
    ) -> LanguagePosterior:
        """Return the languages of a query: as given, or as detected with the corpus as a prior."""
        if languages is None:
            return query_posterior(text, self.detector, self.language_mix())
        if isinstance(languages, str):
            return LanguagePosterior.certain(canonical(languages))
        total = sum(languages.values())
        if total <= 0 or min(languages.values()) < 0:
            raise QueryError(f"language probabilities must be positive, got {dict(languages)}")
        return LanguagePosterior({canonical(c): p / total for c, p in languages.items() if p > 0})

    def language_mix(self) -> dict[str, float]:
        """Return the share of each language among the documents, kept for `MIX_TTL` seconds."""
        now = time.monotonic()
        if self._mix is None or now - self._mix[0] > MIX_TTL:
            body = {
                "size": 0,
                "track_total_hits": False,
                "aggs": {"langs": {"terms": {"field": self.schema.names.lang, "size": 200}}},
            }
            with guarded(f"reading the languages of {self.index!r}"):
                answer = self.client.search(index=self.index, body=body)
            buckets = answer["aggregations"]["langs"]["buckets"]
            total = sum(bucket["doc_count"] for bucket in buckets) or 1
            mix = {b["key"]: b["doc_count"] / total for b in buckets}
            if not mix:  # of an index that is just being filled
                return {}
            self._mix = (now, mix)
        return self._mix[1]

    @property
    def shard_count(self) -> int | None:
        """Shards behind the name; None where the caller may not know it."""
        return self._terms.shards()


def checked(text: str) -> str:
    """Return a query as it is searched.

    Raises:
        QueryError: empty, not a string, not valid Unicode, or too long.
    """
    if not isinstance(text, str):
        raise QueryError(f"the query must be a string, got {type(text).__name__}")
    if not text.strip():
        raise QueryError("the query is empty: give at least one word")
    if len(text) > MAX_QUERY_CHARACTERS:
        raise QueryError(
            f"the query has {len(text):,} characters, more than {MAX_QUERY_CHARACTERS:,}: "
            "search with a part of it"
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise QueryError(
            f"the query is not valid Unicode (lone surrogate at character {error.start + 1})"
        ) from error
    return text.replace("\x00", " ")
