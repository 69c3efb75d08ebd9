"""A throw-away index with the documents of a set, and many searches on it."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.calibration.parameters import builtin
from opensearch_clir.clir import Clir, open_encoder
from opensearch_clir.cluster import deepest_cause, guarded
from opensearch_clir.encoders.base import Encoder
from opensearch_clir.errors import ClusterError, DataError
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.systems.base import Question, System
from opensearch_clir.language.registry import load_detector
from opensearch_clir.progress import Progress, silent
from opensearch_clir.query.dsl import Query
from opensearch_clir.query.prepare import Preparer
from opensearch_clir.settings import Settings
from opensearch_clir.setup.read import read_schema

__all__ = ["Workbench", "workbench"]

#: Searches in one ``_msearch``.
BATCH = 25

#: Fields of the documents, and what their words count in BM25.
FIELDS = ("title^2", "text")


@dataclass
class Workbench:
    """The index and what is needed to search it.

    Attributes:
        client: connected client.
        index: name.
        set: whose documents are in it.
        preparer: of its queries.
        questions: by query id.
    """

    client: OpenSearch
    index: str
    set: EvaluationSet
    preparer: Preparer
    questions: dict[str, Question]

    def fresh(self, query: str) -> Question:
        """Return a question with nothing prepared, for timing."""
        return Question(self.preparer, query, self.set.queries[query].text)

    def run(
        self,
        system_of: Callable[[str], System],
        queries: Iterable[str],
        size: int,
        filters: Sequence[Query] = (),
    ) -> dict[str, dict[str, float]]:
        """Return query id -> document id -> score.

        Args:
            system_of: the system for a query id; tuned ones differ by fold.
            queries: ids.
            size: hits per query.
            filters: conditions on the documents.

        Raises:
            ClusterError: a search failed.
        """
        found: dict[str, dict[str, float]] = {}
        for batch in _batches(queries, BATCH):
            bodies = [system_of(q).body(self.questions[q], size, filters) for q in batch]
            for query, hits in zip(batch, self._search(bodies), strict=True):
                found[query] = {hit["_id"]: hit["_score"] for hit in hits}
        return found

    def _search(self, bodies: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
        lines = [line for body in bodies for line in ({"index": self.index}, body)]
        with guarded(f"evaluating on {self.index!r}"):
            answers = self.client.msearch(body=lines, request_timeout=300)["responses"]
        for answer in answers:
            if "error" in answer:
                raise ClusterError(
                    f"evaluating on {self.index!r}: {deepest_cause(answer['error'])[1]}"
                )
            yield answer["hits"]["hits"]


@contextmanager
def workbench(
    client: OpenSearch,
    evaluation_set: EvaluationSet,
    settings: Settings,
    *,
    encoder: Encoder | None = None,
    progress: Progress = silent,
) -> Iterator[Workbench]:
    """Make the index, fill it, and remove it at the end, come what may.

    Args:
        client: connected client.
        evaluation_set: whose documents go in, with their own language tags.
        settings: encoder and detector; the rest is fixed here.
        encoder: in place of the one that the settings name.
        progress: told of documents.

    Raises:
        ClusterError: the server refused or did not answer.
        DataError: a document could not be indexed.
    """
    stem = re.sub(r"[^a-z0-9]+", "-", evaluation_set.name.lower()).strip("-")[:40]
    digest = hashlib.sha256(uuid.uuid4().bytes).hexdigest()[:8]
    index = f"clir-eval-{stem}-{digest}"
    try:
        yield _fill(client, index, evaluation_set, settings, encoder, progress)
    finally:
        client.indices.delete(index=index, ignore_unavailable=True)
        client.transport.perform_request(
            "DELETE", f"/_component_template/{index}-clir", params={"ignore": 404}
        )


def _fill(
    client: OpenSearch,
    index: str,
    evaluation_set: EvaluationSet,
    settings: Settings,
    encoder: Encoder | None,
    progress: Progress,
) -> Workbench:
    text = {"type": "text", "analyzer": "standard"}
    mapping = {"properties": {"title": text, "text": text, "lang": {"type": "keyword"}}}
    body = {
        "mappings": {"dynamic": False, **mapping},
        # One shard: the stock hybrid normalises per shard, and must not be hurt by that.
        "settings": {"index.knn": True, "number_of_shards": 1, "number_of_replicas": 0},
    }
    with guarded(f"making the index {index!r}"):
        client.indices.create(index=index, body=body)
    clir = Clir(client, index, encoder=encoder)
    clir.setup(
        fields=FIELDS, lang_field="lang", encoder=settings.encoder, detector=settings.detector
    )
    documents = (
        {"id": d.id, "title": d.title, "text": d.text, "lang": d.lang}
        for d in evaluation_set.documents.values()
    )
    refused: list[str] = []
    report = clir.index(
        progress(documents, label="documents", total=len(evaluation_set.documents)),
        on_rejected=lambda r: refused.append(f"{r.id}: {r.reason}"),
    )
    if refused:
        raise DataError(f"{len(refused)} documents can't be indexed: {'; '.join(refused[:5])}")
    if report.indexed != len(evaluation_set.documents):
        raise DataError(f"only {report.indexed} documents were indexed")
    with guarded(f"merging {index!r}"):
        # One segment: latencies then don't depend on how the bulk requests fell.
        client.indices.forcemerge(index=index, params={"max_num_segments": 1}, request_timeout=600)
        # Else the merged graph comes into view in the middle of a run, and neighbours change.
        client.indices.refresh(index=index)
    schema = read_schema(client, index)
    preparer = Preparer(
        client,
        index,
        schema,
        encoder or open_encoder(schema, index),
        load_detector(settings.query_detector, schema.languages),
        builtin(),
    )
    questions = {q.id: Question(preparer, q.id, q.text) for q in evaluation_set.queries.values()}
    return Workbench(client, index, evaluation_set, preparer, questions)


def _batches(items: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
