"""What each of several systems finds for a query among the documents of one language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opensearch_clir.clir import Clir
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.language.folding import fold
from opensearch_clir.query.plan import QueryPlan
from opensearch_clir.query.prepare import MAX_LEXICAL_CHARACTERS
from opensearch_clir.query.request import neighbours, search_body
from opensearch_clir.query.scripts import cosines

__all__ = ["SYSTEMS", "bodies"]

Body = dict[str, Any]

#: Names of the systems that are asked.
SYSTEMS = ("bm25", "bm25-lang", "knn", "clir")


def bodies(
    clir: Clir, text: str, query_language: str, targets: Mapping[str, int] | list[str], depth: int
) -> Iterator[tuple[str, str, Body]]:
    """Yield ``(system, document language, search body)`` for one query.

    Args:
        text: the query.
        query_language: its code.
        targets: document languages.
        depth: hits of each body.

    Raises:
        QueryError, ClusterError: see `Clir.plan`.
    """
    schema = clir.schema
    plan = clir.plan(text, languages=query_language, k=neighbours(depth, 0))
    # A pasted page would have more words than a server accepts in one query.
    words = text[:MAX_LEXICAL_CHARACTERS]
    source = {"excludes": [schema.namespace, f"{schema.namespace}.*"]}
    for target in targets:
        within = {"term": {schema.names.lang: target}}
        queries = {
            "bm25": _words(schema.names.any_text, fold(words), within),
            "bm25-lang": _words(schema.names.text(_field_language(schema, target)), words, within),
        }
        if plan.vector is not None:
            queries["knn"] = _nearest(plan, within)
        for system, query in queries.items():
            yield system, target, {"query": query, "size": depth, "_source": source}
        yield (
            "clir",
            target,
            search_body(plan, namespace=schema.namespace, size=depth, filters=[within]),
        )


def _field_language(schema: IndexSchema, language: str) -> str:
    return language if language in schema.languages else "und"


def _words(field: str, text: str, within: Body) -> Body:
    return {"bool": {"must": [{"match": {field: {"query": text}}}], "filter": [within]}}


def _nearest(plan: QueryPlan, within: Body) -> Body:
    assert plan.vector is not None
    if plan.indexed:
        nearest = {"vector": plan.vector.tolist(), "k": plan.k, "filter": within}
        return {"knn": {plan.vector_field: nearest}}
    having = [within, {"exists": {"field": plan.vector_field}}]
    return cosines(plan, plan.vector, {"bool": {"filter": having}})
