"""Rewriting within the server's limit of clauses, and over the users' own fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opensearch_clir.query.evidence import SoughtTerm, TermSetEvidence
from opensearch_clir.query.rewrite import rewrite, user_fields
from opensearch_clir.query.rewrite.build import fitted, leaf_count
from opensearch_clir.query.rewrite.leaves import word_count
from rewrite_cases import FixedPlanner

TEXT = "Drucker geht nicht"


def leaves(query: Any) -> int:
    """Leaf clauses of a query, each word of a text being one."""
    if isinstance(query, list):
        return sum(map(leaves, query))
    if not isinstance(query, dict):
        return 0
    ((kind, body),) = query.items()
    if kind == "match":
        (options,) = body.values()
        return len(str(options["query"] if isinstance(options, dict) else options).split())
    if kind == "bool":
        return sum(leaves(part) for key, part in body.items() if key != "minimum_should_match")
    inner = [body[key] for key in ("query", "filter", "queries") if key in body]
    return sum(map(leaves, inner)) if inner else 1


def test_the_server_limit_of_clauses_is_kept() -> None:
    texts = [" ".join(["wort"] * 60) + f" {letter}" for letter in "abcdefghijkl"]
    query = {"bool": {"must": [{"match": {"text": text}} for text in texts]}}
    clauses = rewrite(query, FixedPlanner(tokens=60))["bool"]["must"]
    assert "script_score" in clauses[0]
    assert leaves(clauses) <= 1024
    # Where its own words exceed it, a query is left to fail as it would.
    much = {"match": {"text": " ".join(["wort"] * 1100)}}
    assert rewrite(much, FixedPlanner()) is much


def test_a_long_text_gives_up_translations_before_it_gives_up_meaning() -> None:
    plan = FixedPlanner().plan(TEXT)
    parts = tuple(SoughtTerm(str(i), 0.01, ((1.0, (str(i),)),)) for i in range(100))
    sets = tuple(
        TermSetEvidence(kind, "f", parts, 1.0) for kind in ("entity", "translated", "head")
    )
    plan = replace(plan, sets=sets)
    assert fitted(plan, 1000) is plan
    for room, kept in ((299, ["entity", "translated"]), (199, ["entity"]), (99, [])):
        smaller = fitted(plan, room)
        assert smaller is not None
        assert [e.kind for e in smaller.sets] == kept
        assert leaf_count(smaller) <= room
    wordless = fitted(plan, 5)
    assert wordless is not None
    assert wordless.clauses == ()
    assert fitted(plan, 1) is None


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("Der BMW i3.", 3), ("東京の天気", 5), ("naïve café", 2)]
)
def test_tokens_are_counted_in_all_scripts(text: str, tokens: int) -> None:
    assert word_count(text) == tokens


def test_all_fields_can_be_the_users_own() -> None:
    properties = {
        "title": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
        "user": {"properties": {"name": {"type": "keyword"}}},
        "text": {"type": "text"},
        "clir": {"properties": {"lang": {"type": "keyword"}}},
    }
    own = user_fields(properties, "clir")
    assert own == ["text", "title", "title.*", "user.*"]
    long = " ".join([TEXT] * 40)
    for more in ({}, {"fields": ["*"]}, {"fields": []}):
        short = {"multi_match": {"query": TEXT, **more}}
        new = rewrite(short, FixedPlanner(), own_fields=own)
        assert new["script_score"]["query"]["bool"]["should"][0]["script_score"]["query"] == short
        new = rewrite({"multi_match": {"query": long, **more}}, FixedPlanner(), own_fields=own)
        kept = new["script_score"]["query"]["bool"]["should"][0]["script_score"]["query"]
        assert kept["multi_match"]["fields"] == own
    # A mapping that was read before the first document.
    early = rewrite({"multi_match": {"query": long}}, FixedPlanner(), own_fields=["id"])
    kept = early["script_score"]["query"]["bool"]["should"][0]["script_score"]["query"]
    assert kept["multi_match"]["fields"] == ["id", "title", "text"]
    named = {"multi_match": {"query": TEXT, "fields": ["text"]}}
    new = rewrite(named, FixedPlanner(), own_fields=own)
    assert new["script_score"]["query"]["bool"]["should"][0]["script_score"]["query"] == named
