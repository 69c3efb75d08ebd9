"""Moving an index without k-NN into a new one: nothing is lost, whenever it is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from opensearchpy import OpenSearch, helpers

from opensearch_clir.errors import IndexStateError
from opensearch_clir.setup import migrate, read_schema
from setup_support import mapping, outcome_of, plan_for, run, tiny_enrich, titles

COUNT = 1_203


@pytest.fixture
def old(client: OpenSearch, index_name: str) -> str:
    """An index without k-NN, with documents, routing, own analyzer and own pipelines."""
    pipeline = f"{index_name}-p"
    script = {"source": "ctx.runs = (ctx.runs ?: 0) + 1"}
    client.ingest.put_pipeline(id=pipeline, body={"processors": [{"script": script}]})
    body: dict[str, Any] = {
        "settings": {
            "index.number_of_shards": 2,
            "index.number_of_replicas": 0,
            "index.final_pipeline": pipeline,
            "analysis": {"analyzer": {"mine": {"tokenizer": "whitespace"}}},
        },
        "mappings": {
            "_meta": {"k": 1},
            "properties": {"title": {"type": "text", "analyzer": "mine"}},
        },
    }
    client.indices.create(index=index_name, body=body)
    helpers.bulk(client, documents(index_name, range(COUNT)), refresh=True)
    return index_name


def documents(index: str, numbers: Iterable[int]) -> Iterator[dict[str, Any]]:
    for number in numbers:
        title = "unreadable" if number == 7 else f"document {number}"
        yield {"_index": index, "_id": str(number), "_routing": f"r{number % 5}", "title": title}


def test_concrete_index_stops_before_the_switch(client: OpenSearch, old: str) -> None:
    plan = plan_for(client, old, migrate=True)
    assert plan.case == "migrate"
    assert "1,203 documents" in plan.cost
    result = outcome_of(client, plan)
    assert not result.switched
    assert "--delete-old" in result.remaining
    assert (result.copied.copied, result.copied.plain) == (COUNT, 1)
    assert titles(client, f"{old}-clir") == titles(client, old)
    assert "clir" not in mapping(client, old)["properties"]


def test_repeating_with_delete_old_switches(client: OpenSearch, old: str) -> None:
    outcome_of(client, plan_for(client, old, migrate=True))
    client.index(index=old, id="new", body={"title": "late"}, params={"refresh": "true"})
    client.update(index=old, id="3", body={"doc": {"title": "changed"}}, params={"routing": "r3"})
    client.delete(index=old, id="4", params={"routing": "r4", "refresh": "true"})
    expected = titles(client, old)
    result = outcome_of(client, plan_for(client, old, migrate=True, delete_old=True))
    assert result.switched
    assert result.remaining is None
    assert result.copied.copied == 2
    assert titles(client, old) == expected
    assert list(client.indices.get(index=old)) == [f"{old}-clir"]
    assert plan_for(client, old, migrate=True, delete_old=True).case == "current"
    assert read_schema(client, old) == read_schema(client, f"{old}-clir")


def test_what_was_the_users_comes_along(client: OpenSearch, old: str) -> None:
    client.indices.put_alias(index=old, name=f"{old}-other", body={"routing": "r1"})
    run(client, old, migrate=True, delete_old=True)
    new = client.indices.get(index=f"{old}-clir", params={"flat_settings": "true"})[f"{old}-clir"]
    assert new["mappings"]["_meta"]["k"] == 1
    assert new["mappings"]["properties"]["title"] == {"type": "text", "analyzer": "mine"}
    assert new["settings"]["index.number_of_shards"] == "2"
    assert new["settings"]["index.final_pipeline"] == f"{old}-p"
    assert new["settings"].get("index.default_pipeline") in (None, "_none")
    assert "index.blocks.write" not in new["settings"]
    assert new["aliases"][f"{old}-other"] == {"index_routing": "r1", "search_routing": "r1"}
    copied = client.get(index=old, id="6", params={"routing": "r1"})["_source"]
    assert copied == {"title": "document 6", "runs": 1, "clir": {"lang": "en", "hash": "x"}}
    client.index(index=old, id="n", body={"title": "n"}, params={"refresh": "true"})
    assert client.get(index=old, id="n")["_source"]["runs"] == 1


def test_alias_is_switched_and_the_old_index_kept(client: OpenSearch, old: str) -> None:
    alias = f"{old}-a"
    client.indices.put_alias(index=old, name=alias)
    plan = plan_for(client, alias, migrate=True)
    result = outcome_of(client, plan)
    assert result.switched
    assert old in result.remaining
    assert list(client.indices.get(index=alias)) == [f"{old}-clir"]
    client.index(index=old, id="n", body={"title": "n"})  # not left read-only
    assert plan_for(client, alias).case == "current"


def interrupted(after: int) -> Callable[[Iterable[dict[str, Any]]], Iterator[dict[str, Any]]]:
    seen = 0

    def enrich(actions: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        nonlocal seen
        for action in tiny_enrich(actions):
            seen += 1
            if seen > after:
                raise KeyboardInterrupt
            yield action

    return enrich


def test_interrupted_copy_goes_on(client: OpenSearch, old: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        migrate(client, plan_for(client, old, migrate=True), interrupted(after=700))
    client.indices.refresh(index=f"{old}-clir")
    there = client.count(index=f"{old}-clir")["count"]
    assert 0 < there < COUNT
    result = outcome_of(client, plan_for(client, old, migrate=True))
    assert (result.copied.there, result.copied.copied) == (there, COUNT - there)


def test_writes_during_the_copy_are_brought_over(client: OpenSearch, old: str) -> None:
    written = 0

    def enrich(actions: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        nonlocal written
        written += 1
        if written <= 3:
            title = {"title": f"meanwhile {written}"}
            client.index(index=old, id=f"m{written}", body=title)
        return tiny_enrich(actions)

    result = migrate(client, plan_for(client, old, migrate=True, delete_old=True), enrich)
    assert result.switched
    assert [t for t in titles(client, old) if "mean" in t] == [f"meanwhile {n}" for n in (1, 2, 3)]


def test_target_of_somebody_else(client: OpenSearch, old: str) -> None:
    client.indices.create(index=f"{old}-clir")
    with pytest.raises(IndexStateError, match="--to"):
        plan_for(client, old, migrate=True)
    run(client, old, migrate=True, to=f"{old}-x")
    assert titles(client, f"{old}-x") == titles(client, old)


def test_target_begun_with_other_options(client: OpenSearch, old: str) -> None:
    run(client, old, migrate=True)
    with pytest.raises(IndexStateError, match="other options"):
        plan_for(client, old, migrate=True, languages="fr")


def test_refused_document_stops_before_the_switch(client: OpenSearch, old: str) -> None:
    def enrich(actions: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for action in actions:
            yield {**action, "_source": {**action["_source"], "clir": {"unknown": 1}}}

    with pytest.raises(Exception, match=r"was refused .*unknown"):
        migrate(client, plan_for(client, old, migrate=True, delete_old=True), enrich)
    assert list(client.indices.get(index=old)) == [old]


def test_rebuilding_a_managed_index(client: OpenSearch, index_name: str) -> None:
    run(client, index_name)
    client.index(index=index_name, id="1", body={"title": "a"}, params={"refresh": "true"})
    again = run(client, index_name, migrate=True, to=f"{index_name}-v2", delete_old=True)
    assert list(client.indices.get(index=index_name)) == [f"{index_name}-v2"]
    assert read_schema(client, index_name) == again
    assert titles(client, index_name) == ["a"]


def test_from_exact_to_a_graph(client: OpenSearch, old: str) -> None:
    assert not run(client, old, exact=True).generation.indexed
    schema = run(client, old, migrate=True, delete_old=True)
    assert schema.generation.indexed
    assert len(titles(client, old)) == COUNT
    assert plan_for(client, old).case == "current"
