"""Documents drawn from an index, as many of each language, as the beginning of a set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opensearch_clir.clir import Clir
from opensearch_clir.cluster import guarded
from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.evaluation.files import write_text
from opensearch_clir.evaluation.making.source import from_hit, index_languages
from opensearch_clir.evaluation.sets import Document
from opensearch_clir.query.request import MAX_WINDOW

__all__ = ["COLUMNS", "Sample", "document_line", "draw", "write_sample"]

#: First line of ``queries.tsv``.
COLUMNS = "id\tlang\ttext\ttopic\tkind\ttwin\n"


@dataclass(frozen=True)
class Sample:
    """Documents by language, in drawn order.

    Attributes:
        refused: ids with white space, which TREC files can't carry.
    """

    documents: dict[str, tuple[Document, ...]]
    refused: tuple[str, ...]


def draw(
    clir: Clir, per_language: int, seed: int, languages: Sequence[str] | None = None
) -> Sample:
    """Draw documents without replacement; the same index state and seed give the same ones.

    Args:
        per_language: documents of each language; all, where it has fewer.
        languages: codes; default: every language of the index, ``und`` too.

    Raises:
        ConfigurationError: a number out of range, or a language the index has no documents in.
        ClusterError: the index can't be read.
    """
    if not 1 <= per_language <= MAX_WINDOW:
        raise ConfigurationError(
            f"{per_language} documents per language: give a number from 1 to {MAX_WINDOW:,}"
        )
    counts = index_languages(clir.client, clir.index_name, clir.schema)
    chosen = list(counts) if languages is None else list(languages)
    missing = [code for code in chosen if code not in counts]
    if missing or not chosen:
        raise ConfigurationError(
            f"{clir.index_name!r} has no documents in {', '.join(missing) or 'any language'}: "
            f"it has {', '.join(counts) or 'none'}"
        )
    documents, refused = {}, []
    for code in sorted(chosen):
        hits = _draw(clir, code, per_language, seed)
        made = [from_hit(hit, clir.schema, code) for hit in hits]
        documents[code] = tuple(document for document in made if document is not None)
        refused += [hit["_id"] for hit, it in zip(hits, made, strict=True) if it is None]
    return Sample(documents, tuple(refused))


def write_sample(sample: Sample, folder: Path) -> None:
    """Write ``corpus.jsonl`` and a ``queries.tsv`` with its first line only.

    Raises:
        DataError: the folder is not empty, or can't be written.
    """
    rows = [document for found in sample.documents.values() for document in found]
    corpus = "".join(document_line(document) for document in rows)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DataError(f"{folder} is not empty: name a new folder")
        write_text(folder / "corpus.jsonl", corpus)
        write_text(folder / "queries.tsv", COLUMNS)
    except OSError as error:
        raise DataError(f"the sample can't be written to {folder}: {error}") from error


def document_line(document: Document) -> str:
    """Return a document as a line of ``corpus.jsonl``."""
    row = {"id": document.id, "lang": document.lang, "title": document.title, "text": document.text}
    if document.group is not None:
        row["group"] = document.group
    return json.dumps(row, ensure_ascii=False) + "\n"


def _draw(clir: Clir, language: str, size: int, seed: int) -> list[dict[str, Any]]:
    schema = clir.schema
    random = {"seed": seed, "field": "_seq_no"}
    body = {
        "query": {
            "function_score": {
                "query": {"term": {schema.names.lang: language}},
                "random_score": random,
                "boost_mode": "replace",
            }
        },
        "size": size,
        "_source": {"excludes": [schema.namespace, f"{schema.namespace}.*"]},
    }
    with guarded(f"drawing documents of {clir.index_name!r} in {language}"):
        answer = clir.client.search(index=clir.index_name, body=body)
    hits: list[dict[str, Any]] = answer["hits"]["hits"]
    return hits
