"""Documents drawn from the index, some of each language, with their vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.cluster import deepest_cause, guarded
from opensearch_clir.errors import ClusterError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.ingest.processors.tags import is_alone
from opensearch_clir.ingest.processors.text import FieldTexts, UnusableDocument, extract
from opensearch_clir.languages import UND
from opensearch_clir.query.prepare import Preparer

__all__ = ["PER_LANGUAGE", "Sampled", "document_ids", "draw"]

#: Documents drawn of each language, at most.
PER_LANGUAGE = 200

#: Ids read in one request.
PAGE = 5_000


@dataclass(frozen=True)
class Sampled:
    """One document.

    Attributes:
        id, lang: of the document.
        heading: text of its heading fields; may be empty.
        body: text of the others.
        vector: the active generation's, shape (dimension,).
        group: its translation group, or None.
    """

    id: str
    lang: str
    heading: str
    body: str
    vector: NDArray[np.float64]
    group: str | None


def draw(preparer: Preparer, *, seed: int = 0) -> list[Sampled]:
    """Return up to `PER_LANGUAGE` documents of each language, drawn at random.

    Documents without a language, a vector or text are passed over.

    Raises:
        ClusterError: the server refused or did not answer.
    """
    schema = preparer.schema
    names = schema.names
    wanted = [f.name for f in schema.fields] + [schema.vector_field, names.group]
    languages = sorted(code for code in preparer.language_mix() if code != UND)
    lines: list[dict[str, Any]] = []
    for code in languages:
        chosen = [{"term": {names.lang: code}}, {"exists": {"field": schema.vector_field}}]
        query = {
            "function_score": {
                "query": {"bool": {"filter": chosen}},
                "random_score": {"seed": seed, "field": "_seq_no"},
                "boost_mode": "replace",
            }
        }
        lines.append({"index": preparer.index})
        lines.append({"query": query, "size": PER_LANGUAGE, "_source": wanted})
    if not lines:
        return []
    with guarded(f"sampling documents of {preparer.index!r}"):
        answers = preparer.client.msearch(body=lines, params={"request_timeout": 120})["responses"]
    found = []
    for code, answer in zip(languages, answers, strict=True):
        if "error" in answer:
            raise ClusterError(
                f"sampling documents of {preparer.index!r}: {deepest_cause(answer['error'])[1]}"
            )
        for hit in answer["hits"]["hits"]:
            sampled = _sampled(hit, code, schema)
            if sampled is not None:
                found.append(sampled)
    return found


def document_ids(preparer: Preparer, limit: int, *, seed: int = 0) -> tuple[list[str], int]:
    """Return ids of documents, all of them or a random sample of `limit`, and how many there are.

    Raises:
        ClusterError: the server refused or did not answer.
    """
    drawn = {
        "function_score": {
            "query": {"match_all": {}},
            "random_score": {"seed": seed, "field": "_seq_no"},
            "boost_mode": "replace",
        }
    }
    body = {"query": drawn, "size": limit, "_source": False, "track_total_hits": True}
    with guarded(f"listing documents of {preparer.index!r}"):
        hits = preparer.client.search(index=preparer.index, body=body)["hits"]
    return [hit["_id"] for hit in hits["hits"]], int(hits["total"]["value"])


def _sampled(hit: Mapping[str, Any], code: str, schema: IndexSchema) -> Sampled | None:
    source = hit["_source"]
    vector = _at(source, schema.vector_field.split("."))
    try:
        texts = extract(source, schema.fields)
    except UnusableDocument:
        return None
    if vector is None:
        return None
    group = _at(source, schema.names.group.split("."))
    heads = set(schema.head_fields)
    return Sampled(
        id=hit["_id"],
        lang=code,
        heading=_joined(texts, heads, inside=True),
        body=_joined(texts, heads, inside=False),
        vector=np.array(vector, dtype=np.float64),
        group=None if group is None or is_alone(group) else group,
    )


def _joined(texts: FieldTexts, heads: set[str], *, inside: bool) -> str:
    return "\n".join(text for field, text in texts.fields if (field.name in heads) == inside)


def _at(source: Any, path: Sequence[str]) -> Any:
    for key in path:
        source = source.get(key) if isinstance(source, Mapping) else None
    return source
