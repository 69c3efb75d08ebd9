"""Setting up on a real server: new indices, existing ones, and what must not be lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opensearchpy import OpenSearch

from opensearch_clir.errors import (
    ClusterReadOnlyError,
    IndexClosedError,
    IndexMissingError,
    IndexStateError,
    NamespaceTakenError,
    NotManagedError,
)
from opensearch_clir.setup import read_schema, write_index
from setup_support import TinyEncoder, changing, mapping, plan_for, recorded, run

KNN = {"index.knn": True}


def create(client: OpenSearch, name: str, settings: Any = None, **mappings: Any) -> None:
    client.indices.create(index=name, body={"settings": settings or {}, "mappings": mappings})


def test_new_index_has_everything(client: OpenSearch, index_name: str) -> None:
    plan = plan_for(client, index_name)
    assert plan.case == "new"
    assert run(client, index_name) == read_schema(client, index_name)
    schema = read_schema(client, index_name)
    assert schema.bm25_constant == pytest.approx(2.2, abs=0.001)
    assert schema.analyzers == {"en": "english", "de": "german", "und": "standard"}
    ours = mapping(client, index_name)["properties"]["clir"]
    assert ours["dynamic"] == "strict"
    assert ours["properties"]["text"]["properties"]["any"]["analyzer"] == "cjk"
    assert ours["properties"]["v"]["properties"][schema.active]["method"]["engine"] == "lucene"
    settings = client.indices.get_settings(index=index_name, params={"flat_settings": "true"})
    flat = settings[index_name]["settings"]
    assert flat["index.knn"] == flat["index.knn.derived_source.enabled"] == "true"


def test_second_run_sends_nothing(client: OpenSearch, index_name: str) -> None:
    first = run(client, index_name)
    with recorded(client) as sent:
        assert run(client, index_name) == first
    assert plan_for(client, index_name).case == "current"
    assert changing(sent) == []


def test_planning_changes_nothing(client: OpenSearch, index_name: str) -> None:
    with recorded(client) as sent:
        plan_for(client, index_name)
    assert changing(sent) == []
    assert not client.indices.exists(index=index_name)


def test_extending_keeps_what_is_the_users(client: OpenSearch, index_name: str) -> None:
    before: dict[str, Any] = {
        "dynamic": "strict",
        "_meta": {"owner": "search team", "nested": {"a": 1}},
        "dynamic_templates": [{"all": {"match": "*", "mapping": {"type": "keyword"}}}],
        "properties": {"title": {"type": "text"}},
    }
    create(client, index_name, KNN, **before)
    assert plan_for(client, index_name).case == "extend"
    run(client, index_name)
    after = mapping(client, index_name)
    after["properties"].pop("clir")
    after["_meta"].pop("clir")
    assert after == before
    client.index(
        index=index_name, id="1", body={"title": "a", "clir": {"lang": "en", "text": {"en": "a"}}}
    )
    assert plan_for(client, index_name).case == "current"


@pytest.mark.parametrize("dynamic", [False, "strict", True])
def test_dynamic_roots(client: OpenSearch, index_name: str, dynamic: Any) -> None:
    create(client, index_name, KNN, dynamic=dynamic, properties={"title": {"type": "text"}})
    run(client, index_name)
    assert plan_for(client, index_name).case == "current"


@pytest.mark.parametrize(
    "mappings",
    [
        {"properties": {"clir": {"type": "keyword"}}},
        {"properties": {"clir": {"properties": {"lang": {"type": "keyword"}}}}},
        {"properties": {"a": {"type": "text"}, "clir": {"type": "alias", "path": "a"}}},
        {"dynamic_templates": [{"x": {"path_match": "clir.*", "mapping": {"type": "text"}}}]},
        {"dynamic_templates": [{"x": {"match": "clir", "mapping": {"type": "text"}}}]},
    ],
)
def test_taken_name_is_refused(client: OpenSearch, index_name: str, mappings: Any) -> None:
    create(client, index_name, KNN, **mappings)
    before = mapping(client, index_name)
    with pytest.raises(NamespaceTakenError, match="--namespace"):
        run(client, index_name)
    assert mapping(client, index_name) == before
    schema = run(client, index_name, namespace="xl")
    assert schema.vector_field == f"xl.v.{schema.active}"
    assert mapping(client, index_name)["properties"]["xl"]["dynamic"] == "strict"


def test_without_knn_a_choice_is_needed(client: OpenSearch, index_name: str) -> None:
    create(client, index_name)
    with pytest.raises(IndexStateError, match=r"--migrate.*--exact"):
        run(client, index_name)
    schema = run(client, index_name, exact=True)
    assert not schema.generation.indexed
    assert plan_for(client, index_name).case == "current"
    assert plan_for(client, index_name, exact=True).case == "current"


def test_exact_vectors_can_be_scored(client: OpenSearch, index_name: str) -> None:
    schema = run(client, index_name, exact=True)
    vectors = {"1": [1.0, 0.0, 0.0], "2": [0.6, 0.8, 0.0]}
    for name, vector in vectors.items():
        body = {"clir": {"v": {schema.active: vector}}}
        client.index(index=index_name, id=name, body=body, params={"refresh": "true"})
    source = "1 + cosineSimilarity(params.q, doc[params.f])"
    script = {"source": source, "params": {"q": vectors["1"], "f": schema.vector_field}}
    exists = {"exists": {"field": schema.vector_field}}
    query = {"query": {"script_score": {"query": exists, "script": script}}}
    hits = client.search(index=index_name, body=query)["hits"]["hits"]
    assert [(h["_id"], round(h["_score"], 3)) for h in hits] == [("1", 2.0), ("2", 1.6)]


def test_users_index_template_is_honoured(client: OpenSearch, index_name: str) -> None:
    pipeline = f"{index_name}-p"
    client.ingest.put_pipeline(
        id=pipeline, body={"processors": [{"set": {"field": "stamp", "value": "s"}}]}
    )
    template = {
        "index_patterns": [f"{index_name}*"],
        "template": {
            "settings": {"index.default_pipeline": pipeline, "index.number_of_shards": 2},
            "aliases": {f"{index_name}-all": {}},
            "mappings": {"_meta": {"k": 1}, "properties": {"stamp": {"type": "keyword"}}},
        },
    }
    client.indices.put_index_template(name=f"{index_name}-t", body=template)
    run(client, index_name)
    made = client.indices.get(index=index_name)[index_name]
    assert made["mappings"]["_meta"]["k"] == 1
    assert made["mappings"]["properties"]["stamp"] == {"type": "keyword"}
    assert made["settings"]["index"]["number_of_shards"] == "2"
    assert list(made["aliases"]) == [f"{index_name}-all"]
    client.index(index=index_name, id="1", body={"title": "x"}, params={"refresh": "true"})
    assert client.get(index=index_name, id="1")["_source"]["stamp"] == "s"
    assert plan_for(client, index_name).case == "current"


def test_template_that_takes_the_name(client: OpenSearch, index_name: str) -> None:
    taken = {"mappings": {"properties": {"clir": {"type": "text"}}}}
    body = {"index_patterns": [f"{index_name}*"], "template": taken}
    client.indices.put_index_template(name=f"{index_name}-t", body=body)
    with pytest.raises(NamespaceTakenError):
        run(client, index_name)
    assert not client.indices.exists(index=index_name)


def test_field_limit(client: OpenSearch, index_name: str) -> None:
    settings = {**KNN, "index.mapping.total_fields.limit": 19}
    create(client, index_name, settings, properties={"title": {"type": "text"}})
    with pytest.raises(IndexStateError, match="fewer languages"):
        run(client, index_name)
    client.indices.put_settings(index=index_name, body={"index.mapping.total_fields.limit": 20})
    run(client, index_name, languages="en,de")


def test_the_counted_limit_is_the_servers(client: OpenSearch, index_name: str) -> None:
    """19 fields of ours with two languages, and one of the user's: 20 are just enough."""
    settings = {**KNN, "index.mapping.total_fields.limit": 20}
    create(client, index_name, settings, properties={"title": {"type": "text"}})
    run(client, index_name)
    with pytest.raises(IndexStateError, match="has 20 fields and would get 1 more"):
        run(client, index_name, languages="en,de,fr")


def test_changes_to_a_managed_index(client: OpenSearch, index_name: str) -> None:
    run(client, index_name, fields="title^2", lang_field="lang")
    more = run(client, index_name, fields="title^2", languages="en,de,ja")
    assert more.languages == ("en", "de", "ja")
    assert more.analyzers["ja"] == "cjk"
    assert more.lang_field == "lang"
    with pytest.raises(IndexStateError, match="uninstall"):
        run(client, index_name, namespace="other")


def test_new_generation_waits_for_documents(client: OpenSearch, index_name: str) -> None:
    old = run(client, index_name)
    other = TinyEncoder("other", "f2", 4)
    doc = {"clir": {"v": {old.active: [1.0, 0.0, 0.0]}}}
    client.index(index=index_name, id="1", body=doc, params={"refresh": "true"})
    plan = plan_for(client, index_name, encoder=other)
    assert any("--activate" in note for note in plan.notes)
    waiting = run(client, index_name, encoder=other)
    assert waiting.active == old.active
    assert len(waiting.generations) == 2
    assert plan_for(client, index_name, encoder=other).case == "current"
    switched = run(client, index_name, encoder=other, activate=True)
    assert switched.generation.encoder == "other"
    assert switched.generation.dimension == 4


def test_new_generation_of_an_empty_index(client: OpenSearch, index_name: str) -> None:
    run(client, index_name)
    switched = run(client, index_name, encoder=TinyEncoder("other", "f2", 4))
    assert switched.generation.encoder == "other"


def test_two_at_once(client: OpenSearch, index_name: str) -> None:
    plans = [plan_for(client, index_name) for _ in range(4)]
    from opensearch_clir.setup import apply

    with ThreadPoolExecutor(4) as pool:
        schemas = list(pool.map(lambda plan: apply(client, plan), plans))
    assert all(schema == schemas[0] for schema in schemas)
    assert plan_for(client, index_name).case == "current"


def test_two_at_once_that_disagree(client: OpenSearch, index_name: str) -> None:
    from opensearch_clir.setup import apply

    first, second = plan_for(client, index_name), plan_for(client, index_name, languages="en,fr")
    apply(client, first)
    with pytest.raises(IndexStateError, match="at the same time"):
        apply(client, second)


def test_interrupted_before_templates(client: OpenSearch, index_name: str) -> None:
    from opensearch_clir.setup.apply import _send_once

    plan = plan_for(client, index_name)
    _send_once(client, plan.with_constant(2.2).requests[0], plan)
    rest = plan_for(client, index_name)
    assert [r.path.split("/")[1] for r in rest.requests] == ["_component_template"]
    run(client, index_name)
    assert plan_for(client, index_name).case == "current"


def test_component_templates_make_managed_indices(client: OpenSearch, index_name: str) -> None:
    schema = run(client, index_name)
    template = {
        "index_patterns": [f"{index_name}-logs*"],
        "data_stream": {},
        "composed_of": [f"{index_name}-clir"],
    }
    client.indices.put_index_template(name=f"{index_name}-ds", body=template)
    stream = f"{index_name}-logs"
    client.indices.create_data_stream(name=stream)
    try:
        assert read_schema(client, stream) == schema
        assert write_index(client, stream) == stream
        assert plan_for(client, stream).case == "current"
    finally:
        client.indices.delete_data_stream(name=stream)
        client.indices.delete_index_template(name=f"{index_name}-ds")


def test_drifted_template_is_put_right(client: OpenSearch, index_name: str) -> None:
    run(client, index_name)
    name = f"{index_name}-clir"
    client.cluster.put_component_template(
        name=name, body={"template": {"settings": {"index.knn": False}}}
    )
    (request,) = plan_for(client, index_name).requests
    assert request.path == f"/_component_template/{name}"
    run(client, index_name)
    assert plan_for(client, index_name).case == "current"


def test_aliases(client: OpenSearch, index_name: str) -> None:
    one, two, alias = f"{index_name}-1", f"{index_name}-2", f"{index_name}-a"
    create(client, one, KNN)
    create(client, two, KNN)
    client.indices.put_alias(index=one, name=alias)
    assert write_index(client, alias) == one
    assert run(client, alias) == read_schema(client, one)
    client.indices.put_alias(index=two, name=alias)
    with pytest.raises(NotManagedError, match=two):
        read_schema(client, alias)
    run(client, alias)
    assert read_schema(client, two) == read_schema(client, alias)
    with pytest.raises(IndexStateError, match="is_write_index"):
        write_index(client, alias)
    client.indices.put_alias(index=two, name=alias, body={"is_write_index": True})
    assert write_index(client, alias) == two
    run(client, two, languages="en,de,fr")
    with pytest.raises(IndexStateError, match=two):
        read_schema(client, alias)


def test_errors_of_reading(client: OpenSearch, index_name: str) -> None:
    for call in (read_schema, write_index):
        with pytest.raises(IndexMissingError, match="clir setup"):
            call(client, index_name)
        with pytest.raises(IndexStateError, match="no index name"):
            call(client, f"{index_name}*")
    create(client, index_name, KNN)
    with pytest.raises(NotManagedError, match="clir setup"):
        read_schema(client, index_name)
    client.indices.close(index=index_name)
    for refused in (read_schema, write_index, run):
        with pytest.raises(IndexClosedError, match="open"):
            refused(client, index_name)
    client.indices.open(index=index_name)
    assert write_index(client, index_name) == index_name


def test_read_only_index(client: OpenSearch, index_name: str) -> None:
    create(client, index_name, {**KNN, "index.blocks.read_only": True})
    try:
        with pytest.raises(ClusterReadOnlyError, match=r"index\.blocks"):
            run(client, index_name)
    finally:
        client.indices.put_settings(index=index_name, body={"index.blocks.read_only": False})
