"""Every write form of a client that knows nothing of us, through the cluster's ingest pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from opensearchpy import OpenSearch

from drop_in import TOKEN, ServiceProcess
from opensearch_clir import Clir, pipelines
from opensearch_clir.ingest.processors.tags import STALE
from opensearch_clir.pipelines.bodies import Target

WIFI = {"title": "WLAN einrichten", "text": 'So verbinden Sie die Maschine mit dem WLAN "Büro".'}
REFUND = {"title": "Remboursement", "text": "L'argent est remboursé sous dix jours.\n漢字 \\ ok"}

Body = Mapping[str, Any]


@pytest.fixture
def write(client: OpenSearch, dropped_in: str) -> Callable[..., Any]:
    """Send one write as it is, as curl would."""

    def send(method: str, path: str, body: Any = None, **params: str) -> Any:
        options = {"refresh": "true", **params}
        return client.transport.perform_request(
            method, path.replace("INDEX", dropped_in), body=body, params=options
        )

    return send


def stored(client: OpenSearch, index: str, id_: str) -> dict[str, Any]:
    return client.get(index=index, id=id_)["_source"]


def is_right(client: OpenSearch, index: str, id_: str) -> bool:
    """Whether a stored document is enriched as this package would do it now."""
    source = stored(client, index, id_)
    plain = {key: value for key, value in source.items() if key != "clir"}
    (fresh,) = Clir(client, index).enricher().enrich([plain])
    ours, wanted = source["clir"], fresh.document["clir"]  # type: ignore[union-attr]
    assert list(ours.pop("v")) == list(wanted["v"])
    (vector,) = wanted.pop("v").values()
    (kept,) = client.get(index=index, id=id_)["_source"]["clir"]["v"].values()
    return ours == wanted and kept == pytest.approx(vector, abs=1e-6)


def is_stale(client: OpenSearch, index: str, id_: str) -> bool:
    """Whether the digest shows that the enrichment is not of the text."""
    source = stored(client, index, id_)
    plain = {key: value for key, value in source.items() if key != "clir"}
    (fresh,) = Clir(client, index).enricher().enrich([plain])
    return source["clir"]["hash"] != fresh.document["clir"]["hash"]  # type: ignore[union-attr]


def bulk(write: Callable[..., Any], *lines: Any) -> None:
    import json

    answer = write("POST", "/INDEX/_bulk", "".join(json.dumps(line) + "\n" for line in lines))
    assert answer["errors"] is False, answer


FORMS: dict[str, Callable[[Callable[..., Any]], Any]] = {
    "index": lambda w: w("PUT", "/INDEX/_doc/w", WIFI),
    "create": lambda w: w("PUT", "/INDEX/_create/w", WIFI),
    "upsert-new": lambda w: w("POST", "/INDEX/_update/w", {"doc": {"stock": 1}, "upsert": WIFI}),
    "doc-as-upsert-new": lambda w: w(
        "POST", "/INDEX/_update/w", {"doc": WIFI, "doc_as_upsert": True}
    ),
    "scripted-upsert-new": lambda w: w(
        "POST", "/INDEX/_update/w", {"script": "ctx._source.stock = 1", "upsert": WIFI}
    ),
    "bulk-index": lambda w: bulk(w, {"index": {"_id": "w"}}, WIFI),
    "bulk-create": lambda w: bulk(w, {"create": {"_id": "w"}}, WIFI),
    "bulk-upsert-new": lambda w: bulk(
        w, {"update": {"_id": "w"}}, {"doc": {"stock": 1}, "upsert": WIFI}
    ),
    "bulk-doc-as-upsert-new": lambda w: bulk(
        w, {"update": {"_id": "w"}}, {"doc": WIFI, "doc_as_upsert": True}
    ),
    "index-with-a-named-pipeline": lambda w: w("PUT", "/INDEX/_doc/w", WIFI, pipeline="_none"),
}


@pytest.mark.parametrize("form", FORMS)
def test_new_documents_get_tags_and_vectors(
    client: OpenSearch, dropped_in: str, write: Callable[..., Any], form: str
) -> None:
    client.delete(index=dropped_in, id="w", ignore=404)
    FORMS[form](write)
    source = stored(client, dropped_in, "w")
    assert source["clir"]["lang"] == "de"
    assert {k: v for k, v in source.items() if k in WIFI} == WIFI
    assert is_right(client, dropped_in, "w")


CHANGES: dict[str, Callable[[Callable[..., Any]], Any]] = {
    "index-again": lambda w: w("PUT", "/INDEX/_doc/w", REFUND),
    "update": lambda w: w("POST", "/INDEX/_update/w", {"doc": REFUND}),
    "update-of-one-field": lambda w: w(
        "POST", "/INDEX/_update/w", {"doc": {"title": "Le wifi au bureau, comment faire ?"}}
    ),
    "script": lambda w: w(
        "POST",
        "/INDEX/_update/w",
        {"script": {"source": "ctx._source.text = params.t", "params": {"t": REFUND["text"]}}},
    ),
    "update-by-query": lambda w: w(
        "POST",
        "/INDEX/_update_by_query",
        {"query": {"ids": {"values": ["w"]}}, "script": {"source": "ctx._source.text = 'Le vin'"}},
    ),
    "bulk-index-again": lambda w: bulk(w, {"index": {"_id": "w"}}, REFUND),
}


@pytest.mark.parametrize("form", CHANGES)
def test_changed_documents_are_enriched_again(
    client: OpenSearch, dropped_in: str, write: Callable[..., Any], form: str
) -> None:
    write("PUT", "/INDEX/_doc/w", WIFI)
    before = stored(client, dropped_in, "w")["clir"]
    CHANGES[form](write)
    assert stored(client, dropped_in, "w")["clir"]["hash"] != before["hash"]
    assert is_right(client, dropped_in, "w")


BEHIND: dict[str, Callable[[Callable[..., Any]], Any]] = {
    "bulk-update-doc": lambda w: bulk(w, {"update": {"_id": "w"}}, {"doc": {"title": "Anders"}}),
    "bulk-update-script": lambda w: bulk(
        w, {"update": {"_id": "w"}}, {"script": {"source": "ctx._source.title = 'Anders'"}}
    ),
    "bulk-doc-as-upsert-of-a-part": lambda w: bulk(
        w, {"update": {"_id": "w"}}, {"doc": {"title": "Anders"}, "doc_as_upsert": True}
    ),
}


@pytest.mark.parametrize("form", BEHIND)
def test_where_the_server_runs_no_pipeline_the_digest_tells(
    client: OpenSearch, dropped_in: str, write: Callable[..., Any], form: str
) -> None:
    write("PUT", "/INDEX/_doc/w", WIFI)
    assert not is_stale(client, dropped_in, "w")
    BEHIND[form](write)
    assert stored(client, dropped_in, "w")["title"] == "Anders"
    assert is_stale(client, dropped_in, "w")
    # What a backfill does: the document goes through the pipeline as a whole.
    query = {"query": {"ids": {"values": ["w"]}}}
    client.update_by_query(index=dropped_in, body=query, refresh=True)
    assert not is_stale(client, dropped_in, "w")


UNCHANGED: dict[str, Callable[[Callable[..., Any]], Any]] = {
    "update": lambda w: w("POST", "/INDEX/_update/w", {"doc": {"stock": 7}}),
    "bulk-update": lambda w: bulk(w, {"update": {"_id": "w"}}, {"doc": {"stock": 7}}),
    "bulk-doc-as-upsert": lambda w: bulk(
        w, {"update": {"_id": "w"}}, {"doc": {"stock": 7}, "doc_as_upsert": True}
    ),
    "bulk-script": lambda w: bulk(
        w, {"update": {"_id": "w"}}, {"script": {"source": "ctx._source.stock = 7"}}
    ),
    "update-by-query": lambda w: w(
        "POST",
        "/INDEX/_update_by_query",
        {"query": {"ids": {"values": ["w"]}}, "script": {"source": "ctx._source.stock = 7"}},
    ),
}


@pytest.mark.parametrize("form", UNCHANGED)
def test_a_part_without_text_changes_nothing_of_ours(
    client: OpenSearch, dropped_in: str, write: Callable[..., Any], form: str
) -> None:
    write("PUT", "/INDEX/_doc/w", WIFI)
    UNCHANGED[form](write)
    source = stored(client, dropped_in, "w")
    assert source["stock"] == 7
    assert is_right(client, dropped_in, "w")


def test_a_document_whose_text_goes_loses_its_vector(
    client: OpenSearch, dropped_in: str, write: Callable[..., Any]
) -> None:
    write("PUT", "/INDEX/_doc/w", WIFI)
    write("POST", "/INDEX/_update/w", {"doc": {"title": None, "text": " "}})
    assert stored(client, dropped_in, "w")["clir"] == {}
    write("PUT", "/INDEX/_doc/w", {"stock": 3})
    assert stored(client, dropped_in, "w") == {"stock": 3}


def test_a_document_that_can_not_be_enriched_goes_in_marked(
    client: OpenSearch, dropped_in: str, write: Callable[..., Any], index_name: str
) -> None:
    mapped = {"properties": {"title": {"type": "object", "enabled": False}}}
    body = {"mappings": mapped, "settings": {"index.knn": True}}
    client.indices.create(index=index_name, body=body)
    Clir(client, index_name).setup(fields="title,text", languages="de,en")
    client.indices.put_settings(
        index=index_name, body={"index.final_pipeline": f"clir-{dropped_in}"}
    )
    client.index(index=index_name, id="1", body={"title": {"de": "Das geht nicht"}}, refresh=True)
    assert stored(client, index_name, "1")["clir"] == {"hash": STALE}


def test_reindex_brings_vectors_of_the_target(
    client: OpenSearch, dropped_in: str, index_name: str
) -> None:
    client.indices.create(index=index_name, body={"settings": {"number_of_shards": 2}})
    client.index(index=index_name, id="copied", body=WIFI, refresh=True)
    body = {"source": {"index": index_name}, "dest": {"index": dropped_in}}
    client.reindex(body=body, refresh=True)
    assert is_right(client, dropped_in, "copied")
    client.delete(index=dropped_in, id="copied", refresh=True)


def test_a_final_pipeline_of_the_users_runs_first(
    client: OpenSearch, service: ServiceProcess, index_name: str
) -> None:
    theirs = {"processors": [{"set": {"field": "text", "value": "Le vin rouge du pays"}}]}
    client.ingest.put_pipeline(id=f"{index_name}-own", body=theirs)
    settings = {"index.final_pipeline": f"{index_name}-own", "index.knn": True}
    client.indices.create(index=index_name, body={"settings": settings})
    Clir(client, index_name).setup(fields="title,text", languages="de,en,fr")
    pipelines.install(client, index_name, Target(service.url, TOKEN))
    client.index(index=index_name, id="1", body={"title": "x"}, refresh=True)
    assert stored(client, index_name, "1")["clir"]["lang"] == "fr"
    assert (
        pipelines.install(client, index_name, Target(service.url, TOKEN)).to_json()["requests"]
        == []
    )
    pipelines.uninstall(client, index_name)
    found = client.indices.get_settings(index=index_name, flat_settings=True)[index_name]
    assert found["settings"]["index.final_pipeline"] == f"{index_name}-own"
    assert "index.search.default_pipeline" not in found["settings"]
