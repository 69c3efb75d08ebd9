"""Everything a plan needs to know about one query: languages, vector, term statistics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from opensearchpy import OpenSearch

from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.cluster import guarded
from opensearch_clir.encoders.base import Encoder, encode
from opensearch_clir.errors import QueryError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.language.base import Detector, LanguagePosterior
from opensearch_clir.language.folding import fold
from opensearch_clir.language.query import query_posterior
from opensearch_clir.languages import canonical
from opensearch_clir.query.plan import QueryPlan, make_plan, query_languages
from opensearch_clir.query.statistics import FieldStatistics, Routings, fetch

__all__ = ["MAX_QUERY_CHARACTERS", "Preparer"]

Vector = NDArray[np.float32]

#: Longer queries are refused: no question is that long, and the server limits its requests.
MAX_QUERY_CHARACTERS = 1_000_000

#: Words are looked for in this much of a pasted text; the vector sees all that the model takes.
MAX_LEXICAL_CHARACTERS = 20_000

#: Seconds for which the corpus language mix is kept.
MIX_TTL = 300.0


@dataclass
class Preparer:
    """Turns query texts into plans for one index.

    Attributes:
        client: connected client.
        index: name or alias that is searched.
        schema: of the index.
        encoder: of the active generation.
        detector: for query languages.
        parameters: of the fusion.
    """

    client: OpenSearch
    index: str
    schema: IndexSchema
    encoder: Encoder
    detector: Detector
    parameters: Parameters
    _routings: Routings = field(init=False)
    _mix: tuple[float, dict[str, float]] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._routings = Routings(self.client)

    def plan(
        self,
        text: str,
        *,
        k: int,
        languages: str | Mapping[str, float] | None = None,
        parameters: Parameters | None = None,
    ) -> QueryPlan:
        """Return the plan of one query.

        Args:
            text: the question, in any language or several.
            k: nearest neighbours asked of each shard.
            languages: the query's language, or languages with their probabilities, where the
                caller knows better than the detector.
            parameters: of the fusion, in place of the index's.

        Raises:
            QueryError: empty, not a string, not valid Unicode, or too long.
            ConfigurationError: an unknown language.
            ClusterError: the index can't be read.
        """
        text = checked(text)
        posterior = self.posterior(text, languages)
        return make_plan(
            text[:MAX_LEXICAL_CHARACTERS],
            posterior,
            self.vector(text),
            self.statistics(text, posterior),
            fold(text[:MAX_LEXICAL_CHARACTERS]),
            self.schema,
            parameters or self.parameters,
            k,
        )

    def vector(self, text: str) -> Vector | None:
        """Return the query's unit vector of shape (dimension,); None if no token is known."""
        vector: Vector = encode(self.encoder, [text], "query")[0]
        return vector if vector.any() else None

    def statistics(self, text: str, posterior: LanguagePosterior) -> dict[str, FieldStatistics]:
        """Return the term statistics of the query's likely languages and the neutral field."""
        words = text[:MAX_LEXICAL_CHARACTERS]
        names = self.schema.names
        texts = {names.text(code): words for code in query_languages(posterior, self.schema)}
        texts[names.any_text] = fold(words)
        return fetch(self.client, self._routings.of(self.index), texts)

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
            self._mix = (now, {b["key"]: b["doc_count"] / total for b in buckets})
        return self._mix[1]

    @property
    def shard_count(self) -> int:
        """Shards behind the name."""
        return len(self._routings.of(self.index))


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
