"""The facade: one object per index that sets up, enriches, searches and explains."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.calibration.active import Active
from opensearch_clir.calibration.methods import CalibrationMethods
from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.encoders import load_encoder
from opensearch_clir.encoders.base import Encoder
from opensearch_clir.errors import GenerationMismatchError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.ingest.bulk import Report, write
from opensearch_clir.ingest.duplicates import first_of_each_id
from opensearch_clir.ingest.pipeline import Enricher
from opensearch_clir.ingest.records import read_document
from opensearch_clir.ingest.rejected import Rejected
from opensearch_clir.language.base import QUERY_DETECTOR, Detector
from opensearch_clir.language.registry import load_detector
from opensearch_clir.query.prepare import Preparer
from opensearch_clir.searching import SearchMethods
from opensearch_clir.setup.inspect import lookup
from opensearch_clir.setup.read import read_schema, write_index

__all__ = ["Clir", "open_encoder"]

#: Seconds after which the set-up stored in the index is read again.
SCHEMA_TTL = 60.0


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


class Clir(SearchMethods, CalibrationMethods):
    """Cross-lingual search in one index of an existing cluster.

    Safe to share between threads. Nothing is sent when it is made.

    Args:
        client: the user's own opensearch-py client.
        index: name of an index or alias.
        encoder: in place of the one named in the index's set-up (its fingerprint must agree).
        detector: of query languages, in place of `query_detector`.
        query_detector: name of the detector of query languages.
        parameters: of the fusion, in place of the index's bundle or the built-in ones.
    """

    def __init__(
        self,
        client: OpenSearch,
        index: str,
        *,
        encoder: Encoder | None = None,
        detector: Detector | None = None,
        query_detector: str = QUERY_DETECTOR,
        parameters: Parameters | None = None,
    ) -> None:
        self.client = client
        self.index_name = index
        self._encoder = encoder
        self._detector = detector
        self._query_detector = query_detector
        self._preparer: Preparer | None = None
        self._active = Active(client, index, given=parameters)
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

    def _ready(self) -> Preparer:
        with self._lock:
            now = time.monotonic()
            if self._preparer is not None and now - self._read_at < SCHEMA_TTL:
                return self._preparer
            schema = read_schema(self.client, self.index_name)
            self._read_at = now
            parameters = self._active.parameters(schema)
            if self._preparer is None or self._preparer.schema != schema:
                self._preparer = self._prepare(schema, parameters)
            self._preparer.parameters = parameters
            return self._preparer

    def _prepare(self, schema: IndexSchema, parameters: Parameters) -> Preparer:
        if self._encoder is not None:
            check_generation(schema, self._encoder, self.index_name)
        encoder = self._encoder or open_encoder(schema, self.index_name)
        detector = self._detector or load_detector(self._query_detector, schema.languages)
        return Preparer(self.client, self.index_name, schema, encoder, detector, parameters)

    def _forget(self) -> None:
        with self._lock:
            self._read_at = -SCHEMA_TTL
