"""What the service does, without HTTP: its indices, batches, encoder and detector."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from opensearchpy import OpenSearch

from opensearch_clir.encoders.base import Encoder, Role, Vectors, encode
from opensearch_clir.encoders.registry import EMBEDDED, load_encoder
from opensearch_clir.entities import entities
from opensearch_clir.errors import ClirError, IndexMissingError, NotManagedError
from opensearch_clir.ingest.rejected import Rejected
from opensearch_clir.language.base import DOCUMENT_DETECTOR, Detector, LanguagePosterior
from opensearch_clir.language.query_spans import query_spans
from opensearch_clir.language.registry import load_detector
from opensearch_clir.languages import LANGUAGES
from opensearch_clir.rerank.base import Candidate, Evidence, Reranker, scored
from opensearch_clir.rerank.registry import load_reranker
from opensearch_clir.service.batching import Batcher
from opensearch_clir.service.indices import Indices
from opensearch_clir.service.metrics import Metrics
from opensearch_clir.service.options import ServeOptions
from opensearch_clir.settings import Settings
from opensearch_clir.translation.lexicon import embedded_lexicon

__all__ = ["Document", "Enrichment", "Work"]

Document = Mapping[str, Any]
Enrichment = dict[str, Any] | Rejected
T = TypeVar("T")

#: Share of a request's time that the reranker may take: the rest is for the way there and back.
RERANK_SHARE = 0.5

_log = logging.getLogger(__name__)


class Work:
    """One worker's state; made when the worker starts, closed when it ends."""

    def __init__(self, client: OpenSearch, settings: Settings, options: ServeOptions) -> None:
        """Nothing is sent or loaded yet."""
        self.options = options
        self.metrics = Metrics()
        self.client = client
        self.indices = Indices(client, settings, options.indices)
        self._batchers: dict[str, Batcher[Document, Enrichment]] = {}
        self._threads = ThreadPoolExecutor(options.limits.threads, "clir-query")
        self._lock = threading.Lock()
        self._encoder: Encoder | None = None
        self._detector: Detector | None = None

    async def enrich(self, index: str, documents: Sequence[Document]) -> list[Enrichment]:
        """Return our object for each document, or why there is none.

        Raises:
            IndexStateError, ClusterError, EncoderError: none can be enriched.
        """
        served = self.indices[index]
        if index not in self._batchers:
            size, observed = self.options.limits.batch, self.metrics.batch.observe
            self._batchers[index] = Batcher(served.enrich, size, observed)
        batcher = self._batchers[index]
        results = await asyncio.gather(*(batcher.submit(document) for document in documents))
        for result in results:
            kind = "enriched" if result else "without_text"
            kind = "refused" if isinstance(result, Rejected) else kind
            self.metrics.documents.labels(kind).inc()
        return list(results)

    async def rewrite(self, index: str, query: Any, least: float | None = None) -> Any:
        """Return a query in which free text finds by meaning, too.

        An index that is missing or not set up has nothing to find by: the query comes back.

        Raises:
            QueryError: `least` is no probability.
            ClusterError, EncoderError: it can't be planned.
        """
        wanted = self.options.least if least is None else least
        served = self.indices[index]
        try:
            new = await self.in_thread(lambda: served.rewrite(query, wanted))
        except (IndexMissingError, NotManagedError):
            self.indices.forget(index)
            new = query
        self.metrics.rewritten.labels("echoed" if new is query else "rewritten").inc()
        return new

    async def score(self, query: str, candidates: Sequence[Candidate]) -> Evidence:
        """Return the reranker's scores, NaN where it has none.

        Raises:
            RerankerError, EncoderError: it can't be loaded, or failed.
        """
        seconds = self.options.limits.seconds * RERANK_SHARE
        return await self.in_thread(lambda: scored(self.reranker, query, candidates, seconds))

    async def rerank(
        self, index: str, query: Any, documents: Sequence[Document], scores: Sequence[float]
    ) -> list[float] | None:
        """Return new scores of hits; None where the query has no free text.

        Raises:
            IndexStateError, ClusterError: the set-up can't be read.
            RerankerError, EncoderError: the reranker can't be loaded, or failed.
        """
        served = self.indices[index]
        seconds = self.options.limits.seconds * RERANK_SHARE
        return await self.in_thread(
            lambda: served.rerank(query, documents, scores, self.reranker, seconds)
        )

    async def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        """Return plain vectors of the embedded model, of shape (n, dimension)."""
        return await self.in_thread(lambda: encode(self.encoder, texts, role))

    async def detect(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """Return the languages of each text with their probabilities, the likeliest first."""
        found = await self.in_thread(lambda: self.detector.posteriors(texts))
        ranked = (sorted(p.probabilities.items(), key=lambda i: (-i[1], i[0])) for p in found)
        return [{code: round(share, 4) for code, share in r if share >= 0.01} for r in ranked]

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run something that waits or computes beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @property
    def encoder(self) -> Encoder:
        """The embedded model, loaded when first used."""
        with self._lock:
            if self._encoder is None:
                self._encoder = load_encoder(EMBEDDED)
            return self._encoder

    @property
    def reranker(self) -> Reranker:
        """The reranker, loaded when first used."""
        return load_reranker(self.options.reranker)

    @property
    def detector(self) -> Detector:
        """The detector of documents' languages, loaded when first used."""
        with self._lock:
            if self._detector is None:
                self._detector = load_detector(DOCUMENT_DETECTOR, tuple(LANGUAGES))
            return self._detector

    def warm(self) -> None:
        """Load what the first request would wait for; an index that can't be read is left out."""
        text = "warm up"
        self.encoder.encode([text], "query")
        self.detector.posteriors([text])
        embedded_lexicon().translate(text)
        query_spans(text, LanguagePosterior.unknown(), tuple(LANGUAGES))
        entities(text, "query")
        self.reranker.score(text, [text], self.options.limits.seconds)
        for name in self.options.indices:
            self._warm(name, text)

    def _warm(self, name: str, text: str) -> None:
        try:
            self.indices[name].clir.plan(text)
        except ClirError as error:
            _log.warning("index %r is not ready: %s", name, error)

    def close(self) -> None:
        """End the threads and the connections."""
        for batcher in self._batchers.values():
            batcher.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.client.close()
