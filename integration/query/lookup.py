"""Statistics of a query's words, however much the caller may read."""

from __future__ import annotations

import logging
import threading

from opensearchpy import OpenSearch

from opensearch_clir.errors import ClusterAuthError
from opensearch_clir.query.counted import counted
from opensearch_clir.query.routings import Routings
from opensearch_clir.query.statistics import FieldStatistics
from opensearch_clir.query.term_cache import TermCache
from opensearch_clir.query.term_vectors import Texts, fetch

__all__ = ["COUNTED", "TermLookup"]

logger = logging.getLogger(__name__)

#: Said in explanations where term vectors could not be read.
COUNTED = (
    "term statistics are counted by searches, as this user may not read term vectors: bounds of "
    "words are approximate; grant indices:data/read/mtv* and indices:admin/shards/search_shards"
)


class TermLookup:
    """Reads term statistics of one index; falls back to counting, for good, where refused.

    Attributes:
        restricted: whether the caller may not read term vectors, as far as known.
    """

    def __init__(self, client: OpenSearch, index: str) -> None:
        self.client = client
        self.index = index
        self.restricted = False
        self._routings = Routings(client)
        self._cache = TermCache()
        self._lock = threading.Lock()

    def read(self, texts: Texts, routing: str | None = None) -> dict[str, FieldStatistics]:
        """Return the statistics by field path, over all shards that a search asks.

        Args:
            texts: as `term_vectors.fetch` takes them.
            routing: that the search is limited to.

        Raises:
            ClusterError: the server refused or did not answer.
        """
        if not self.restricted:
            try:
                shards = self._routings.of(self.index, routing)
                return fetch(self.client, shards, texts, self._cache)
            except ClusterAuthError as error:
                self._restrict(error)
        return counted(self.client, self.index, texts, routing)

    def shards(self) -> int | None:
        """Return the number of shards behind the name; None where the caller may not know it."""
        if self.restricted:
            return None
        try:
            return len(self._routings.of(self.index))
        except ClusterAuthError as error:
            self._restrict(error)
            return None

    def _restrict(self, error: ClusterAuthError) -> None:
        with self._lock:
            if not self.restricted:
                logger.warning("%s: %s (%s)", self.index, COUNTED, error)
            self.restricted = True
