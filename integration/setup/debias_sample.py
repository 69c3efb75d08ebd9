"""Texts of known languages that a debiasing is fitted on, from the index or from a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from opensearchpy import OpenSearch

from opensearch_clir.cluster import guarded
from opensearch_clir.encoders.base import Encoder, Vectors, encode
from opensearch_clir.index_templates.schema import IndexSchema, SourceField
from opensearch_clir.ingest.processors.language import (
    detect_missing,
    given_tags,
    tagged_posterior,
)
from opensearch_clir.ingest.processors.text import FieldTexts, UnusableDocument, extract
from opensearch_clir.ingest.readers import read
from opensearch_clir.ingest.records import Record
from opensearch_clir.language.base import Detector, LanguagePosterior
from opensearch_clir.languages import UND

__all__ = ["of_file", "of_index", "vectors_by_language"]

#: Documents asked of an index; the server gives no more in one answer.
FROM_INDEX = 10_000

#: Lines read of a file.
FROM_FILE = 100_000

#: Texts of one language that are used; a mean moves little after that.
PER_LANGUAGE = 1_000

#: A text in two languages says little about either.
CERTAIN = 0.8

#: Texts whose languages are detected, and that are encoded, at once.
BATCH = 512

Document = Mapping[str, Any]


def of_index(client: OpenSearch, index: str, schema: IndexSchema) -> list[Document]:
    """Return up to `FROM_INDEX` documents drawn at random, an equal share for each language.

    Documents that have no language of ours yet are drawn from as one kind.

    Raises:
        ClusterError: the index can't be read.
    """
    lang = schema.names.lang
    aggregation = {"terms": {"field": lang, "size": 200, "missing": UND}}
    with guarded(f"reading the languages of {index!r}"):
        answer = client.search(index=index, body={"size": 0, "aggs": {"langs": aggregation}})
    codes = [bucket["key"] for bucket in answer["aggregations"]["langs"]["buckets"]]
    found: list[Document] = []
    for code in codes:
        body = _draw(schema, code, min(FROM_INDEX, FROM_INDEX // len(codes) + 1))
        with guarded(f"drawing documents of {index!r}"):
            hits = client.search(index=index, body=body)["hits"]["hits"]
        found += [hit["_source"] for hit in hits]
    return found


def of_file(path: Path) -> Iterator[Document]:
    """Yield the documents of a corpus file, at most `FROM_FILE`; lines that can't be used not.

    Raises:
        DataError: the file can't be read.
    """
    for record in islice(read(path, make_ids=False), FROM_FILE):
        if isinstance(record, Record) and record.source is not None:
            yield record.source


def vectors_by_language(
    documents: Iterable[Document], schema: IndexSchema, detector: Detector, encoder: Encoder
) -> dict[str, Vectors]:
    """Return language -> unit or all-zero float32 rows of shape (n, dimension), plain passages.

    A language tag is taken from the schema's field or else from ``lang``. Texts whose language is
    not certain are left out, and of each language the first `PER_LANGUAGE` are used.

    Raises:
        EncoderError: the encoder fails.
    """
    texts: dict[str, list[str]] = {}
    for batch in _batches(_readable(documents, schema)):
        wholes = [text.joined if known is None else "" for text, known in batch]
        found = detect_missing([known for _, known in batch], wholes, detector)
        for (text, _), posterior in zip(batch, found, strict=True):
            code = posterior.primary
            kept = texts.setdefault(code, [])
            if posterior.confidence >= CERTAIN and len(kept) < PER_LANGUAGE:
                kept.append(text.embedded)
    return {
        code: np.concatenate(
            [
                encode(encoder, kept[start : start + BATCH], "passage")
                for start in range(0, len(kept), BATCH)
            ]
        )
        for code, kept in sorted(texts.items())
        if kept
    }


def _draw(schema: IndexSchema, code: str, size: int) -> dict[str, Any]:
    lang = schema.names.lang
    of: dict[str, Any] = (
        {"bool": {"must_not": [{"exists": {"field": lang}}]}}
        if code == UND
        else {"term": {lang: code}}
    )
    if code == UND:
        of = {"bool": {"should": [of, {"term": {lang: UND}}]}}
    # The same draw each time, so that a repeated set-up finds the same debiasing.
    drawn = {"random_score": {"seed": 0, "field": "_seq_no"}, "boost_mode": "replace"}
    wanted = [field.name for field in schema.fields]
    if schema.lang_field is not None:
        wanted.append(schema.lang_field)
    return {
        "size": size,
        "track_total_hits": False,
        "_source": wanted,
        "query": {"function_score": {"query": of, **drawn}},
    }


def _readable(
    documents: Iterable[Document], schema: IndexSchema
) -> Iterator[tuple[FieldTexts, LanguagePosterior | None]]:
    usual = (SourceField("title"), SourceField("text"))
    for document in documents:
        try:
            texts = extract(document, schema.fields)
        except UnusableDocument:
            # A corpus file need not have the fields of the index.
            try:
                texts = extract(document, usual)
            except UnusableDocument:
                continue
        tags = given_tags(document, schema)
        if not tags and isinstance(document.get("lang"), str) and document["lang"].strip():
            tags = (document["lang"].strip(),)
        yield texts, tagged_posterior(tags, schema.languages) if tags else None


def _batches(
    items: Iterator[tuple[FieldTexts, LanguagePosterior | None]],
) -> Iterator[list[tuple[FieldTexts, LanguagePosterior | None]]]:
    while batch := list(islice(items, BATCH)):
        yield batch
