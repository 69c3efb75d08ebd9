"""Pipelines of several indices, beside those of the user, and what stops an installation."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from opensearchpy import OpenSearch

from dashboards import QUERIES, TEXT
from drop_in import TOKEN, ServiceProcess
from opensearch_clir import Clir, pipelines
from opensearch_clir.errors import ClusterUnreachableError, IndexStateError
from opensearch_clir.pipelines.bodies import Target


def ids(response: dict[str, Any]) -> list[str]:
    return [hit["_id"] for hit in response["hits"]["hits"]]


@pytest.fixture
def unmanaged(client: OpenSearch) -> Iterator[str]:
    name = f"t-{uuid.uuid4().hex[:12]}"
    client.index(index=name, id="plain.fr", body={"text": "la machine du wifi"}, refresh=True)
    yield name
    client.indices.delete(index=name)


def test_patterns_over_managed_and_unmanaged_indices(
    client: OpenSearch, dropped_in: str, unmanaged: str
) -> None:
    for query in QUERIES.values():
        body = {"query": query, "size": 500}
        found = client.search(index=f"{dropped_in},{unmanaged}", body=body)
        assert found["_shards"]["failed"] == 0
        alone = client.search(index=unmanaged, body=body)
        assert found["hits"]["total"]["value"] >= alone["hits"]["total"]["value"]
    match = {"query": {"match": {"text": TEXT}}, "size": 500}
    both = ids(client.search(index=f"{dropped_in},{unmanaged}", body=match))
    assert "plain.fr" in both
    assert "wifi-pairing.en" in both


def test_two_managed_indices_share_pipelines_and_are_searched_together(
    client: OpenSearch, dropped_in: str, service: ServiceProcess, index_name: str
) -> None:
    client.indices.create(index=index_name, body={"settings": {"index.knn": True}})
    options = {"fields": "title^2,text", "languages": "ar,de,en,es,fr,hi,ja,ko,ru,zh"}
    Clir(client, index_name).setup(**options)
    target = Target(service.url, TOKEN)
    pipelines.install(client, index_name, target, bundle=dropped_in)
    other = {"title": "Le wifi", "text": "Connecter la machine au wifi du bureau"}
    client.index(index=index_name, id="second", body=other, refresh=True)
    found = client.search(
        index=f"{dropped_in},{index_name}", body={"query": QUERIES["dev-tools-match"], "size": 500}
    )
    assert {"second", "wifi-pairing.ja"} <= set(ids(found))
    pipelines.uninstall(client, index_name)
    # The other index goes on.
    assert "wifi-pairing.ja" in ids(
        client.search(index=dropped_in, body={"query": QUERIES["dql"], "size": 500})
    )
    different = f"{index_name}-b"
    client.indices.create(index=different, body={"settings": {"index.knn": True}})
    Clir(client, different).setup(fields="text", languages="de,en")
    with pytest.raises(IndexStateError, match="in another way"):
        pipelines.install(client, different, target, bundle=dropped_in)


def test_a_search_pipeline_of_the_users_is_not_replaced(
    client: OpenSearch, service: ServiceProcess, index_name: str
) -> None:
    client.transport.perform_request(
        "PUT", f"/_search/pipeline/{index_name}-own", body={"request_processors": []}
    )
    settings = {"index.knn": True, "index.search.default_pipeline": f"{index_name}-own"}
    client.indices.create(index=index_name, body={"settings": settings})
    Clir(client, index_name).setup(fields="text", languages="de,en")
    target = Target(service.url, TOKEN)
    with pytest.raises(IndexStateError, match="add this to its request_processors"):
        pipelines.install(client, index_name, target)
    pipelines.install(client, index_name, target, jobs=("enrich",))
    found = client.indices.get_settings(index=index_name, flat_settings=True)[index_name]
    assert found["settings"]["index.search.default_pipeline"] == f"{index_name}-own"
    pipelines.uninstall(client, index_name)


def test_a_service_that_can_not_be_reached_changes_nothing(
    client: OpenSearch, index_name: str
) -> None:
    client.indices.create(index=index_name, body={"settings": {"index.knn": True}})
    Clir(client, index_name).setup(fields="text", languages="de,en")
    before = client.indices.get(index=index_name)
    with pytest.raises(ClusterUnreachableError, match="nothing was changed in the index"):
        pipelines.install(client, index_name, Target("http://127.0.0.1:9", TOKEN))
    assert client.indices.get(index=index_name) == before


def test_what_a_dry_run_shows_holds_no_token(
    client: OpenSearch, dropped_in: str, service: ServiceProcess
) -> None:
    target = Target(service.url, "another-token-of-this-length")
    shown = pipelines.install(client, dropped_in, target, dry_run=True).to_json()
    assert "another-token" not in json.dumps(shown)
    assert [r["path"] for r in shown["requests"]][:2] == [
        "/_plugins/_ml/connectors/_create",
        "/_plugins/_ml/models/_register?deploy=true",
    ]
