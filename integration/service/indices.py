"""The indices that a service works for, opened when they are first asked for."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.clir import Clir
from opensearch_clir.errors import IndexMissingError
from opensearch_clir.ingest.pipeline import Enricher
from opensearch_clir.ingest.processors.text import has_text
from opensearch_clir.ingest.records import Record
from opensearch_clir.ingest.rejected import Rejected
from opensearch_clir.query.rewrite import OwnFields, free_text, rewrite
from opensearch_clir.rerank.base import Reranker
from opensearch_clir.rerank.hits import rescored_hits
from opensearch_clir.settings import Settings
from opensearch_clir.setup.inspect import check_name

__all__ = ["Indices", "Served"]

#: What the server adds to a document when it hands it on as a whole.
_METADATA = frozenset(
    {"_index", "_id", "_routing", "_version", "_version_type", "_if_seq_no", "_if_primary_term"}
)


class Served:
    """One index: its planner, and its enrichment, made anew when its set-up changes."""

    def __init__(self, clir: Clir) -> None:
        """Nothing is read before it is needed."""
        self.clir = clir
        self._own = OwnFields(clir.client, clir.index_name)
        self._enricher: Enricher | None = None

    def rewrite(self, query: Any, least: float) -> Any:
        """Return a query as `opensearch_clir.query.rewrite.rewrite` does, and raise as it does."""
        own = self._own.read(self.clir.schema.namespace)
        return rewrite(query, self.clir, least=least, own_fields=own)

    def rerank(
        self,
        query: Any,
        documents: Sequence[Mapping[str, Any]],
        scores: Sequence[float],
        reranker: Reranker,
        seconds: float,
    ) -> list[float] | None:
        """Return new scores of a search's hits, in their order; None without a question.

        Args:
            query: of the search, with free text in it.
            documents: the hits.
            scores: their probabilities in the first stage.
            reranker: that reads them.
            seconds: for it; hits that it does not get to keep their scores.

        Raises:
            IndexStateError, ClusterError: the set-up can't be read.
            RerankerError, EncoderError: the reranker failed.
        """
        schema = self.clir.schema
        text = free_text(query, [field.name for field in schema.fields])
        if text is None:
            return None
        return rescored_hits(self.clir, text, documents, scores, reranker, seconds)

    def enrich(self, documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | Rejected]:
        """Return our object for each document, or why there is none; called by one thread.

        A document without any of the source fields, such as a part of an update, gets an empty
        object: whatever it is merged into stays as it is.

        Raises:
            IndexStateError, ClusterError: the set-up can't be read.
            EncoderError: the encoder fails on everything.
        """
        schema = self.clir.schema
        if self._enricher is None or self._enricher.schema != schema:
            self._enricher = self.clir.enricher()
        names = [field.name for field in schema.fields]
        plain = [{k: v for k, v in d.items() if k not in _METADATA} for d in documents]
        wanted = [has_text(document, names) for document in plain]
        records = (Record(d) for d, asked in zip(plain, wanted, strict=True) if asked)
        done = self._enricher.enrich_records(records)
        results: list[dict[str, Any] | Rejected] = []
        for asked in wanted:
            result = next(done) if asked else None
            if isinstance(result, Rejected):
                results.append(result)
            else:
                results.append((result.source or {})[schema.namespace] if result else {})
        return results


class Indices:
    """Opens indices by name.

    Args:
        client: connected client.
        settings: of the connection, with the detector of queries.
        allowed: names that may be asked for; empty: all that are set up.
    """

    def __init__(
        self, client: OpenSearch, settings: Settings, allowed: Collection[str] = ()
    ) -> None:
        """Nothing is sent."""
        self.client = client
        self._settings = settings
        self._allowed = frozenset(allowed)
        self._open: dict[str, Served] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Served:
        """Return an index; whether it exists shows when it is used.

        Raises:
            IndexMissingError: it is not served here.
            IndexStateError: no index can have this name.
        """
        check_name(name)
        if self._allowed and name not in self._allowed:
            raise IndexMissingError(f"index {name!r} is not served here: start with --index {name}")
        with self._lock:
            if name not in self._open:
                detector = self._settings.query_detector
                self._open[name] = Served(Clir(self.client, name, query_detector=detector))
            return self._open[name]

    def forget(self, name: str) -> None:
        """Drop what is known of an index that turned out not to be one."""
        with self._lock:
            self._open.pop(name, None)
