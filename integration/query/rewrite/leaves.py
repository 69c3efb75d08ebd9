"""Clauses with free text: what they say, where they look, and their strict form."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from opensearch_clir.query.rewrite.syntax import plain_lucene, plain_simple, says_something

__all__ = ["Leaf", "leaves_of", "read_leaf", "word_count"]

Query = Mapping[str, Any]

#: Clauses with text to be analysed, whether they are understood or not.
_TEXTS = ("match", "match_phrase", "match_phrase_prefix", "match_bool_prefix", "multi_match",
          "combined_fields", "query_string", "simple_query_string")  # fmt: skip

#: A token: a letter where words are not set apart, or else a run of letters and digits.
_TOKEN = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+")

#: Types of ``multi_match`` that look for whole words; the others complete what is being typed.
_TYPES = ("best_fields", "most_fields", "cross_fields", "phrase")


@dataclass(frozen=True)
class Leaf:
    """A clause whose text can be searched by meaning.

    Attributes:
        text: what is looked for.
        original: the clause as it came.
        strict: the clause such that a document must have all of the words.
        boost: of the clause.
        everywhere: whether it looks in all fields there are.
    """

    text: str
    original: Query
    strict: Query
    boost: float = 1.0
    everywhere: bool = False


def read_leaf(
    clause: Query, fields: Sequence[str], own: Sequence[str] | None = None
) -> Leaf | None:
    """Return the free text of a clause; None where it has none that is understood.

    Args:
        clause: as a user sends it, or with all defaults filled in, as a server passes it on.
        fields: names of the source fields that are searched by meaning.
        own: fields to look in where the clause looks in all; None: all.
    """
    if len(clause) != 1:
        return None
    kind, body = next(iter(clause.items()))
    reader = _READERS.get(kind)
    if reader is None or not isinstance(body, Mapping):
        return None
    if own and reader is not _single and _named(body) == ["*"]:
        # As a server does for all fields: text is not looked for in numbers, instead of refused.
        rest = {k: v for k, v in body.items() if k != "default_field"}
        body = {**rest, "fields": list(own), "lenient": True}
    found = reader(kind, body, fields)
    if found is None or not isinstance(found.text, str) or not says_something(found.text):
        return None
    return found if isinstance(found.boost, (int, float)) and found.boost > 0 else None


def _single(kind: str, body: Query, fields: Sequence[str]) -> Leaf | None:
    """Read ``match`` and ``match_phrase``."""
    if len(body) != 1:
        return None
    field, options = next(iter(body.items()))
    if not isinstance(options, Mapping):
        options = {"query": options}
    if field not in fields:
        return None
    strict = options if kind == "match_phrase" else _all_words(options, "operator")
    return _leaf(kind, body, options, {field: strict})


def _several(kind: str, body: Query, fields: Sequence[str]) -> Leaf | None:
    """Read ``multi_match`` and ``combined_fields``."""
    if body.get("type", "best_fields") not in _TYPES or not _covers(body, fields):
        return None
    strict = body if body.get("type") == "phrase" else _all_words(body, "operator")
    return _leaf(kind, body, body, strict)


def _lucene(kind: str, body: Query, fields: Sequence[str]) -> Leaf | None:
    """Read ``query_string``."""
    text, kept = body.get("query"), body.get("type", "best_fields") in _TYPES
    if not isinstance(text, str) or not kept or not _covers(body, fields):
        return None
    if body.get("escape") is not True and not plain_lucene(text):
        return None
    return _leaf(kind, body, body, _all_words(body, "default_operator"))


def _simple(kind: str, body: Query, fields: Sequence[str]) -> Leaf | None:
    """Read ``simple_query_string``."""
    text = body.get("query")
    if not isinstance(text, str) or not _covers(body, fields) or not plain_simple(text):
        return None
    return _leaf(kind, body, body, _all_words(body, "default_operator"))


_READERS: Mapping[str, Callable[[str, Query, Sequence[str]], Leaf | None]] = {
    "match": _single,
    "match_phrase": _single,
    "multi_match": _several,
    "combined_fields": _several,
    "query_string": _lucene,
    "simple_query_string": _simple,
}


def _leaf(kind: str, body: Query, options: Query, strict: Query) -> Leaf:
    text: Any = options.get("query")
    boost: Any = options.get("boost", 1.0)
    named = [] if kind in ("match", "match_phrase") else _named(body)
    return Leaf(
        text,
        {kind: body},
        {kind: strict},
        boost,
        everywhere=named == ["*"],
    )


def _all_words(options: Query, operator: str) -> Query:
    """Return the options such that all words count, unless the user said how many must."""
    if options.get("minimum_should_match") is not None:
        return options
    return {**options, operator: "and"}


def _covers(body: Query, fields: Sequence[str]) -> bool:
    """Whether a clause looks in all fields, or in one that is searched by meaning."""
    return any(fnmatchcase(field, pattern) for pattern in _named(body) for field in fields)


def _named(body: Query) -> list[str]:
    named = body.get("fields") or body.get("default_field") or ["*"]
    listed = [named] if isinstance(named, str) else named
    return [str(name).partition("^")[0] for name in listed]


def word_count(text: str) -> int:
    """Return how many tokens an analyzer makes of a text, at most."""
    return len(_TOKEN.findall(text))


def leaves_of(query: Any, everywhere: int) -> int:
    """Return how many leaf clauses a query has at most: one for each word in each field.

    Args:
        query: any part of one.
        everywhere: fields that are looked in where none is named.
    """
    if isinstance(query, list):
        return sum(leaves_of(part, everywhere) for part in query)
    if not isinstance(query, Mapping):
        return 0
    found = 0
    for kind, body in query.items():
        if kind in _TEXTS and isinstance(body, Mapping):
            found += _text_leaves(kind, body, everywhere)
        elif isinstance(body, (Mapping, list)):
            found += max(1, leaves_of(body, everywhere))
    return found


def _text_leaves(kind: str, body: Query, everywhere: int) -> int:
    named = _named(body)
    width = everywhere if named == ["*"] else len(named)
    options: Any = body
    if kind.startswith("match"):
        width, options = 1, next(iter(body.values()), "")
    text = options.get("query") if isinstance(options, Mapping) else options
    return max(1, word_count(str(text))) * width
