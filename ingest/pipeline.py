"""The write path: what happens to a document before it is indexed, top to bottom.

::

    read the source fields, the tag      processors/text, processors/language
    detect the language                  processors/language
    embed                                processors/vector
    lay out our object                   processors/draft, processors/tags
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from opensearch_clir.debias.encoder import check_debias
from opensearch_clir.encoders.base import Encoder
from opensearch_clir.errors import EncoderError, GenerationMismatchError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.ingest.processors.draft import Draft
from opensearch_clir.ingest.processors.language import detect_missing
from opensearch_clir.ingest.processors.pieces import add_pieces
from opensearch_clir.ingest.processors.text import UnusableDocument
from opensearch_clir.ingest.processors.updates import enrichable_parts, marked_stale, replacing
from opensearch_clir.ingest.processors.vector import embed
from opensearch_clir.ingest.records import Record, read_action, read_document
from opensearch_clir.ingest.rejected import DeadLetters, Rejected
from opensearch_clir.language.base import Detector

__all__ = ["Enriched", "Enricher"]

#: Characters of source text at which a batch is closed early, so that huge documents don't add up.
BATCH_CHARACTERS = 8_000_000


@dataclass(frozen=True)
class Enriched:
    """A document ready to be indexed.

    Attributes:
        document: the user's fields and our object.
        id, line: of the input, where they are known.
    """

    document: dict[str, Any]
    id: str | None = None
    line: int | None = None


@dataclass
class _Entry:
    """One input of a batch: a record with its drafts, or something that only passes through."""

    record: Record | Rejected
    drafts: dict[str, Draft]


class Enricher:
    """Adds language, per-language text and vector to documents.

    Attributes:
        schema: of the index that the documents are for.
        seconds: spent so far, by stage (``text``, ``language``, ``vector``, ``pieces``,
            ``layout``).
    """

    def __init__(
        self, schema: IndexSchema, encoder: Encoder, detector: Detector, batch_size: int = 256
    ) -> None:
        """Prepare; nothing is loaded or sent.

        Raises:
            GenerationMismatchError: the encoder, or the debiasing that it carries, is not the one
                of the index's active vectors.
            ValueError: the batch size is not positive.
        """
        generation = schema.generation
        if encoder.fingerprint != generation.fingerprint:
            raise GenerationMismatchError(
                f"encoder {encoder.name!r} is not the one that made the index's active vectors "
                f"({generation.encoder!r}, generation {generation.id}): use that one, or move the "
                "index to the new one with `clir setup` and index its documents again"
            )
        check_debias(generation, encoder)
        if batch_size < 1:
            raise ValueError(f"batch_size must be positive, not {batch_size}")
        self.schema = schema
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._encoder = encoder
        self._detector = detector
        self._batch_size = batch_size

    def enrich(self, documents: Iterable[Mapping[str, Any]]) -> Iterator[Enriched | Rejected]:
        """Enrich whole documents, lazily, in their order, a batch at a time.

        The documents given are not changed. Re-enriching replaces our object.

        Yields:
            The enriched document, or why it can't be enriched: no text, a source field that is an
            object, a field of the user's in our place, NaN, invalid Unicode, or a text that the
            encoder fails on.

        Raises:
            EncoderError: the encoder fails on everything.
        """
        for result in self.enrich_records(map(read_document, documents)):
            if isinstance(result, Rejected):
                yield result
            else:
                yield Enriched(dict(result.source or {}), result.id, result.line)

    def enrich_actions(
        self, actions: Iterable[Mapping[str, Any] | str], indices: Collection[str] | None = None
    ) -> Iterator[dict[str, Any] | Rejected]:
        """Enrich actions for opensearch-py's bulk helpers.

        ``index`` and ``create`` are enriched; ``delete`` and scripts pass. An ``update`` with
        every source field in its ``doc`` is enriched; with none of them it passes. With some, the
        rest of the text is unknown here: it passes with ``hash: stale``, so that a backfill finds
        the document and enriches it from what the server holds. ``upsert`` documents are enriched.

        Args:
            actions: with ``_source`` or inline fields; a string is a document as JSON.
            indices: enrich only actions for these (and those that name none); all by default.

        Yields:
            The action, or why its document was refused.

        Raises:
            EncoderError: the encoder fails on everything.
        """
        for result in self.enrich_records(map(read_action, actions), indices):
            yield result.to_action() if isinstance(result, Record) else result

    def actions_only(
        self,
        actions: Iterable[Mapping[str, Any] | str],
        indices: Collection[str] | None = None,
        on_rejected: Callable[[Rejected], None] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Like `enrich_actions`, for ``helpers.bulk(client, enricher.actions_only(actions))``.

        Args:
            actions: as there.
            indices: as there.
            on_rejected: gets each refused document; a `DeadLetters` writes them to a file.
                Without it the refused are counted and logged as one warning at the end.
        """
        letters = DeadLetters()
        reject = on_rejected or letters
        try:
            for result in self.enrich_actions(actions, indices):
                if isinstance(result, Rejected):
                    reject(result)
                else:
                    yield result
        finally:
            letters.log()

    def enrich_records(
        self, records: Iterable[Record | Rejected], indices: Collection[str] | None = None
    ) -> Iterator[Record | Rejected]:
        """Enrich records; what was rejected earlier passes through in its place."""
        batch: list[_Entry] = []
        drafts = characters = 0
        for record in records:
            entry = self._read(record, indices)
            batch.append(entry)
            drafts += len(entry.drafts)
            characters += sum(len(d.texts.joined) for d in entry.drafts.values())
            # What passes through unchanged must not wait for ever, nor pile up.
            full = drafts >= self._batch_size or len(batch) >= 4 * self._batch_size
            if full or characters >= BATCH_CHARACTERS:
                yield from self._finish(batch)
                batch, drafts, characters = [], 0, 0
        yield from self._finish(batch)

    def _read(self, record: Record | Rejected, indices: Collection[str] | None) -> _Entry:
        if isinstance(record, Rejected) or record.source is None:
            return _Entry(record, {})
        target = record.meta.get("_index")
        if indices is not None and target is not None and target not in indices:
            return _Entry(record, {})
        with self._timed("text"):
            try:
                return self._drafted(record, record.source)
            except UnusableDocument as error:
                return _Entry(_refused(record, "enrich", str(error)), {})

    def _drafted(self, record: Record, source: Mapping[str, Any]) -> _Entry:
        if record.op != "update":
            return _Entry(record, {"": Draft(source, self.schema)})
        parts = enrichable_parts(source, self.schema)
        if "doc" not in parts:
            source = marked_stale(source, self.schema)
        marked = replace(record, source=source, original=record.source)
        return _Entry(marked, {part: Draft(source[part], self.schema) for part in parts})

    def _finish(self, batch: list[_Entry]) -> Iterator[Record | Rejected]:
        drafts = [draft for entry in batch for draft in entry.drafts.values()]
        texts = [draft.texts.embedded for draft in drafts]
        with self._timed("language"):
            whole = [draft.texts.joined if draft.posterior is None else "" for draft in drafts]
            posteriors = detect_missing([d.posterior for d in drafts], whole, self._detector)
        with self._timed("vector"):
            vectors = embed(self._encoder, texts, posteriors)
        with self._timed("pieces"):
            add_pieces(drafts, self.schema)
        failed: dict[int, EncoderError] = {}
        for draft, posterior, vector in zip(drafts, posteriors, vectors, strict=True):
            draft.posterior = posterior
            if isinstance(vector, EncoderError):
                failed[id(draft)] = vector
            else:
                draft.vector = vector
        for entry in batch:
            with self._timed("layout"):
                result = self._laid_out(entry, failed)
            yield result

    def _laid_out(self, entry: _Entry, failed: Mapping[int, EncoderError]) -> Record | Rejected:
        record = entry.record
        if isinstance(record, Rejected) or not entry.drafts:
            return record
        for draft in entry.drafts.values():
            if id(draft) in failed:
                return _refused(record, "encode", str(failed[id(draft)]))
        done = {part: draft.enriched(self.schema) for part, draft in entry.drafts.items()}
        if record.op != "update":
            return replace(record, source=done[""], original=record.source)
        if "doc" in done:
            done["doc"] = replacing(done["doc"], self.schema)
        return replace(record, source={**(record.source or {}), **done})

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - started


def _refused(record: Record, stage: str, reason: str) -> Rejected:
    return Rejected(record.id, stage, reason, record.line, record.refeed)
