"""Snippets: the question's words, and their translations, marked in the text of each hit.

A search looks in our fields and in indexed pieces, so the server by itself would mark nothing in
the user's fields, and in foreign documents nothing at all. Each highlighted field gets a query of
its own instead: the question and the translations that were looked for, analysed as the field is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opensearch_clir.errors import QueryError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.languages import UND
from opensearch_clir.query.plan import QueryPlan

__all__ = ["highlighting", "snippets", "translations"]

#: Words marked at most: the question's, their translations, and those that may be stems.
MAX_WORDS, MAX_TRANSLATIONS, MAX_STEMS = 100, 100, 50

#: Letters of a translation that stands for all words that begin with it.
STEM = 5

#: Letters of a translation at least, in scripts with spaces and without.
SHORTEST, SHORTEST_UNSPACED = 3, 2

#: Translations less similar to the question's piece than this are not marked.
LEAST_STRENGTH = 0.5

#: Characters of a snippet.
SNIPPET = 160

#: Of scripts that are written without spaces, pieces inside a text are words, too.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


def highlighting(
    value: Any, plan: QueryPlan, schema: IndexSchema, languages: Iterable[str]
) -> Mapping[str, Any] | None:
    """Return the ``highlight`` of a search body.

    Args:
        value: True for one snippet of the text in the document's language; else an OpenSearch
            ``highlight``, whose fields that are source fields of the index, and have no
            ``highlight_query`` of their own, get one. None, False: nothing.
        plan: of the question.
        schema: of the index.
        languages: of its documents.

    Raises:
        QueryError: neither.
    """
    if value is None or value is False:
        return None
    if value is True:
        codes = [*dict.fromkeys(c for c in languages if c in schema.analyzers), UND]
        fields = {schema.names.text(code): _marked(schema.names.text(code), plan) for code in codes}
        each = {"number_of_fragments": 1, "fragment_size": SNIPPET, "no_match_size": SNIPPET}
        return {**each, "fields": fields}
    if not isinstance(value, Mapping):
        raise QueryError(f"highlight must be True or an OpenSearch highlight, got {value!r}")
    if "highlight_query" in value:
        return value
    sources = {field.name for field in schema.fields}
    wanted = value.get("fields", {})
    if isinstance(wanted, Mapping):
        return {**value, "fields": _filled(wanted, plan, sources)}
    # The server takes a list of objects, too, where order matters.
    return {**value, "fields": [_filled(entry, plan, sources) for entry in wanted]}


def _filled(fields: Mapping[str, Any], plan: QueryPlan, sources: Iterable[str]) -> dict[str, Any]:
    return {
        name: {**_marked(name, plan), **options} if name in sources else options
        for name, options in fields.items()
    }


def _marked(field: str, plan: QueryPlan) -> dict[str, Any]:
    found = translations(plan)
    words = [*plan.text.split()[:MAX_WORDS], *found]
    stems = [word for word in found if len(word) >= STEM and not _UNSPACED.search(word)]
    clauses: list[dict[str, Any]] = [{"match": {field: {"query": " ".join(words)}}}]
    clauses += [{"prefix": {field: {"value": stem}}} for stem in stems[:MAX_STEMS]]
    return {"highlight_query": {"bool": {"should": clauses}}}


def translations(plan: QueryPlan) -> list[str]:
    """Return the words, or stems, that the question's pieces were looked for by, nearest first."""
    found: dict[str, float] = {}
    for evidence in plan.sets:
        if evidence.kind != "translated":
            continue
        for part in evidence.sought:
            for strength, terms in part.tiers:
                for term in terms:
                    if strength >= LEAST_STRENGTH and (word := _word(term)):
                        found[word] = max(strength, found.get(word, 0.0))
    return sorted(found, key=lambda word: (-found[word], word))[:MAX_TRANSLATIONS]


def _word(piece: str) -> str | None:
    """Return the word or stem that a piece of the vocabulary is, or None for a fragment."""
    word = piece.strip("\u2581")
    shortest = SHORTEST_UNSPACED if _UNSPACED.search(word) else SHORTEST
    return word if len(word) >= shortest else None


def snippets(hit: Mapping[str, Any]) -> list[str]:
    """Return the snippets of a hit, those with a marked word first."""
    marked: Sequence[str] = [s for part in hit.get("highlight", {}).values() for s in part]
    return sorted(dict.fromkeys(marked), key=lambda text: "<em>" not in text)
