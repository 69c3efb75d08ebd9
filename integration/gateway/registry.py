"""What plans queries and enriches documents, one of each for a managed index, kept ready."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from opensearch_clir.clir import Clir
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.ingest.pipeline import Enricher
from opensearch_clir.query.rewrite import LEAST_PROBABILITY, OwnFields

__all__ = ["Registry"]

#: Indices that are kept ready; each holds term statistics, not a model of its own.
KEPT = 256


@dataclass
class _Ready:
    clir: Clir
    schema: IndexSchema
    fields: OwnFields
    enricher: Enricher | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Registry:
    """Shared by all threads.

    Args:
        open_clir: makes the facade of an index; its client has the gateway's own credentials.
        least: probability from which a rewritten query finds a document by meaning alone.
    """

    def __init__(self, open_clir: Callable[[str], Clir], least: float = LEAST_PROBABILITY) -> None:
        self.least = least
        self._open = open_clir
        self._ready: OrderedDict[str, _Ready] = OrderedDict()
        self._lock = threading.Lock()

    def planner(self, name: str, schema: IndexSchema) -> Clir:
        """Return what plans queries for an index, or for an alias of alike ones."""
        return self._get(name, schema).clir

    def own_fields(self, name: str, schema: IndexSchema) -> Sequence[str]:
        """Return patterns for the users' fields of an index, which is all but ours.

        Raises:
            ClusterError: no answer, or reading is not allowed.
        """
        return self._get(name, schema).fields.read(schema.namespace)

    def enricher(self, name: str, schema: IndexSchema) -> Enricher:
        """Return what enriches documents for an index.

        Raises:
            ClusterError: its set-up can't be read.
            EncoderError, GenerationMismatchError: its model can't be used here.
        """
        ready = self._get(name, schema)
        with ready.lock:
            if ready.enricher is None:
                ready.enricher = ready.clir.enricher()
            return ready.enricher

    def warm(self, name: str, schema: IndexSchema) -> None:
        """Load what the first search and the first document would wait for.

        Raises:
            ClusterError, EncoderError, GenerationMismatchError: as the requests would.
        """
        self.planner(name, schema).plan("where is it")
        text = dict.fromkeys((field.name for field in schema.fields), "where it is")
        for _ in self.enricher(name, schema).enrich([text]):
            pass

    def _get(self, name: str, schema: IndexSchema) -> _Ready:
        with self._lock:
            ready = self._ready.get(name)
            if ready is None or ready.schema != schema:
                clir = self._open(name)
                ready = _Ready(clir, schema, OwnFields(clir.client, name))
                self._ready[name] = ready
                while len(self._ready) > KEPT:
                    self._ready.popitem(last=False)
            self._ready.move_to_end(name)
            return ready
