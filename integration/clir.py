"""The facade: one object per index that sets up, enriches, searches and explains."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.calibration.parameters import Parameters, builtin
from opensearch_clir.cluster import guarded
from opensearch_clir.encoders import load_encoder
from opensearch_clir.encoders.base import Encoder
from opensearch_clir.errors import GenerationMismatchError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.ingest.bulk import Report, write
from opensearch_clir.ingest.duplicates import first_of_each_id
from opensearch_clir.ingest.pipeline import Enricher
from opensearch_clir.ingest.records import read_document
from opensearch_clir.ingest.rejected import Rejected
from opensearch_clir.language.base import Detector
from opensearch_clir.language.registry import load_detector
from opensearch_clir.query.arguments import clauses, language_hint, probability, whole_number
from opensearch_clir.query.explain import Explanation, explain
from opensearch_clir.query.plan import QueryPlan
from opensearch_clir.query.prepare import Preparer
from opensearch_clir.query.request import check_page, neighbours, search_body
from opensearch_clir.setup.inspect import lookup
from opensearch_clir.setup.read import read_schema, write_index

__all__ = ["Clir", "open_encoder"]

#: Seconds after which the set-up stored in the index is read again.
SCHEMA_TTL = 60.0

Filter = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


def open_encoder(schema: IndexSchema, index: str) -> Encoder:
    """Load the encoder of the active generation and check that it is the same one.

    Raises:
        GenerationMismatchError: the model on this machine is not the one the index was made with.
        EncoderError: it can't be loaded.
    """
    generation = schema.generation
    encoder = load_encoder(
        generation.encoder,
        query_prompt=generation.query_prompt,
        passage_prompt=generation.passage_prompt,
    )
    check_generation(schema, encoder, index)
    return encoder


def check_generation(schema: IndexSchema, encoder: Encoder, index: str) -> None:
    """Refuse an encoder whose vectors are not those of the index.

    Raises:
        GenerationMismatchError: with the remedy.
    """
    generation = schema.generation
    if encoder.fingerprint != generation.fingerprint:
        raise GenerationMismatchError(
            f"index {index!r} has vectors of {generation.encoder!r} "
            f"({generation.fingerprint[:12]}), but the encoder here is {encoder.name!r} "
            f"({encoder.fingerprint[:12]}): use the model the index was made with, or make new "
            f"vectors: `clir setup {index} --encoder … --activate`, and index the documents again"
        )


class Clir:
    """Cross-lingual search in one index of an existing cluster.

    Safe to share between threads. Nothing is sent when it is made.

    Args:
        client: the user's own opensearch-py client.
        index: name of an index or alias.
        encoder: in place of the one named in the index's set-up (its fingerprint must agree).
        detector: of query languages, in place of the one named in the set-up.
        parameters: of the fusion, in place of the built-in ones.
    """

    def __init__(
        self,
        client: OpenSearch,
        index: str,
        *,
        encoder: Encoder | None = None,
        detector: Detector | None = None,
        parameters: Parameters | None = None,
    ) -> None:
        self.client = client
        self.index_name = index
        self._encoder = encoder
        self._detector = detector
        self._parameters = parameters
        self._preparer: Preparer | None = None
        self._read_at = 0.0
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Clir(index={self.index_name!r})"

    @property
    def schema(self) -> IndexSchema:
        """The index's set-up, read from the cluster and kept for `SCHEMA_TTL` seconds.

        Raises:
            IndexMissingError, NotManagedError, IndexStateError: it can't be used as it is.
            ClusterError: no answer, or refused.
        """
        return self._ready().schema

    def setup(self, **settings: Any) -> IndexSchema:
        """Prepare the index, or create it; see `opensearch_clir.settings.Settings` for names.

        Repeating it changes nothing. Cases that need a decision are refused with the remedy.
        """
        from opensearch_clir.settings import load_settings
        from opensearch_clir.setup import set_up

        result = set_up(
            self.client, self.index_name, load_settings(None, **settings), encoder=self._encoder
        )
        with self._lock:
            self._preparer = None
        return result

    def enrich(
        self,
        actions: Iterable[Mapping[str, Any]],
        *,
        on_rejected: Callable[[Rejected], None] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Add language tags and vectors to opensearch-py bulk actions on their way.

        Args:
            actions: as `opensearchpy.helpers.bulk` takes them. One whose ``_index`` is neither
                this object's name nor an index behind it passes as it is.
            on_rejected: called for each action that can't be enriched; without it they are
                logged as warnings with their reasons.

        Returns:
            A lazy iterator of actions in the same order, less the rejected ones.
        """
        _, behind = lookup(self.client, self.index_name)
        ours = {self.index_name, *behind}
        return self.enricher().actions_only(actions, ours, on_rejected=on_rejected)

    def index(
        self,
        documents: Iterable[Mapping[str, Any]],
        *,
        id_field: str = "id",
        on_rejected: Callable[[Rejected], None] | None = None,
    ) -> Report:
        """Enrich documents and write them to the index.

        Args:
            documents: the user's documents; not changed.
            id_field: field whose value becomes the ``_id``; without it the server makes one up.
            on_rejected: called for each document that is refused, with its reason; without it
                they are counted in the report and logged.

        Raises:
            IndexStateError: an alias over several indices without a write index.
            ClusterError: the cluster refused or did not answer; running again is safe where
                documents have ids.
        """
        write_index(self.client, self.index_name)
        records = (read_document(document, id_field) for document in documents)
        enriched = self.enricher().enrich_records(first_of_each_id(records))
        return write(self.client, enriched, index=self.index_name, on_rejected=on_rejected)

    def enricher(self) -> Enricher:
        """Return the enrichment of this index, for jobs that want rejected documents in line."""
        ready = self._ready()
        return Enricher(
            ready.schema,
            ready.encoder,
            load_detector(ready.schema.detector, ready.schema.languages),
        )

    def search(
        self,
        text: str,
        *,
        size: int = 10,
        from_: int = 0,
        filter: Filter = None,  # noqa: A002 - the name OpenSearch users expect
        min_score: float | None = None,
        languages: str | Mapping[str, float] | None = None,
        **body: Any,
    ) -> dict[str, Any]:
        """Search with a question in any language.

        Args:
            text: the question.
            size, from_: the page; their sum is at most 10,000.
            filter: conditions as query clauses, one or a list.
            min_score: least probability of relevance, in [0, 1].
            languages: the question's language, or a mapping to probabilities, if known.
            body: other keys of an OpenSearch search body: ``aggs``, ``sort``, ``highlight``,
                ``collapse``, ``_source``, ``search_after`` …

        Returns:
            The server's response; each hit's ``_score`` is its probability of relevance.

        Raises:
            QueryError: empty or too long a question, too deep a page, or an argument of a type
                or value that has no meaning.
            GenerationMismatchError: the index's vectors are of another model.
            ClusterError: the cluster refused or did not answer.
        """
        request = self.request(
            text,
            size=size,
            from_=from_,
            filter=filter,
            min_score=min_score,
            languages=languages,
            **body,
        )
        params = {"search_type": self._search_type()}
        with guarded(f"searching {self.index_name!r}"):
            response: dict[str, Any] = self.client.search(
                index=self.index_name, body=request, params=params
            )
        return response

    def request(
        self,
        text: str,
        *,
        size: int = 10,
        from_: int = 0,
        filter: Filter = None,  # noqa: A002
        min_score: float | None = None,
        languages: str | Mapping[str, float] | None = None,
        **body: Any,
    ) -> dict[str, Any]:
        """Return the search body that `search` sends, for ``_msearch`` or other clients."""
        size, from_ = whole_number("size", size), whole_number("from_", from_)
        check_page(size, from_)
        least, filters = probability("min_score", min_score), clauses(filter)
        plan = self.plan(text, languages=languages, k=neighbours(size, from_))
        return search_body(
            plan,
            namespace=self.schema.namespace,
            size=size,
            from_=from_,
            filters=filters,
            min_score=least,
            extra=body,
        )

    def plan(
        self, text: str, *, languages: str | Mapping[str, float] | None = None, k: int | None = None
    ) -> QueryPlan:
        """Return which evidence a question counts, and how much."""
        hint = language_hint(languages)
        return self._ready().plan(text, k=k or neighbours(10, 0), languages=hint)

    def explain(
        self, text: str, document: str, *, languages: str | Mapping[str, float] | None = None
    ) -> Explanation:
        """Return why a document has its score for a question.

        Raises:
            QueryError: the index has no document with this id.
        """
        plan = self.plan(text, languages=languages)
        return explain(self.client, self.index_name, plan, document, self._search_type())

    def _search_type(self) -> str:
        # Term statistics of all shards: else a score would depend on where a document lives.
        return "dfs_query_then_fetch" if self._ready().shard_count > 1 else "query_then_fetch"

    def _ready(self) -> Preparer:
        with self._lock:
            now = time.monotonic()
            if self._preparer is not None and now - self._read_at < SCHEMA_TTL:
                return self._preparer
            schema = read_schema(self.client, self.index_name)
            self._read_at = now
            if self._preparer is None or self._preparer.schema != schema:
                self._preparer = self._prepare(schema)
            return self._preparer

    def _prepare(self, schema: IndexSchema) -> Preparer:
        if self._encoder is not None:
            check_generation(schema, self._encoder, self.index_name)
        encoder = self._encoder or open_encoder(schema, self.index_name)
        detector = self._detector or load_detector(schema.detector, schema.languages)
        parameters = self._parameters or builtin()
        return Preparer(self.client, self.index_name, schema, encoder, detector, parameters)
