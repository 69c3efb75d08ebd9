"""What Dashboards sends, through the gateway, with the embedded model and a stock client's bulk."""

from __future__ import annotations

from typing import Any

from opensearchpy import OpenSearch, helpers

from dashboards import QUERIES, REQUESTS, TEXT
from drop_in import HELPDESK
from gateway_support import gateway, through
from opensearch_clir import Clir
from opensearch_clir.local import Instance
from opensearch_clir.query.rewrite import LEAST_PROBABILITY

LANGUAGE = {article["id"]: article["lang"] for article in HELPDESK}


def ids(answer: dict[str, Any]) -> set[str]:
    return {hit["_id"] for hit in answer["hits"]["hits"]}


def test_dashboards_requests_find_foreign_documents_and_keep_their_shape(
    client: OpenSearch, server: Instance, index_name: str
) -> None:
    topic = {"properties": {"topic": {"type": "keyword"}, "lang": {"type": "keyword"}}}
    body = {"settings": {"index.knn": True}, "mappings": topic}
    client.indices.create(index=index_name, body=body)
    clir = Clir(client, index_name)
    clir.setup(fields="title^2,text", languages="ar,de,en,es,fr,hi,ja,ko,ru,zh")
    actions = [{"_index": index_name, "_id": d["id"], "_source": d} for d in HELPDESK]
    with (
        gateway(client, server.url, open_clir=lambda name: Clir(client, name)) as listening,
        through(listening.port) as stock,
    ):
        assert helpers.bulk(stock, actions, refresh=True) == (len(HELPDESK), [])
        for place, around in REQUESTS.items():
            for name, query in QUERIES.items():
                _check(stock, client, index_name, place, name, {**around, "query": query})
        # Scores are those of the package's own search; nothing that was found is lost.
        ours = {
            h["_id"]: h["_score"]
            for h in clir.search(TEXT, size=500, feedback=False)["hits"]["hits"]
        }
        for name in ("lucene", "dev-tools-match", "dev-tools-bool", "dev-tools-simple"):
            body = {"size": 500, "query": QUERIES[name]}
            hits = stock.search(index=index_name, body=body)["hits"]["hits"]
            assert all(abs(h["_score"] - ours[h["_id"]]) < 1e-5 for h in hits), name
            original = ids(client.search(index=index_name, body=body))
            likely = {id_ for id_, p in ours.items() if p >= LEAST_PROBABILITY}
            assert {h["_id"] for h in hits} == original | likely, name


def _check(
    stock: OpenSearch, client: OpenSearch, index: str, place: str, name: str, body: dict[str, Any]
) -> None:
    found, plain = stock.search(index=index, body=body), client.search(index=index, body=body)
    what = f"{place}, {name}"
    assert found["hits"]["total"]["value"] > 0, what
    assert set(found) == set(plain), what
    if place == "visualize":
        topics = {b["key"] for b in found["aggregations"]["2"]["buckets"]}
        assert "wifi-pairing" in topics, what
        return
    languages = {LANGUAGE[id_] for id_ in ids(found)}
    assert languages == {"en"} if name == "dql-and-field" else len(languages - {"fr"}) >= 2, what
    assert all("clir" not in hit["_source"] for hit in found["hits"]["hits"]), what
    if place == "discover":
        times = [hit["sort"][0] for hit in found["hits"]["hits"]]
        assert times == sorted(times, reverse=True), what
        buckets = found["aggregations"]["2"]["buckets"]
        assert sum(b["doc_count"] for b in buckets) == found["hits"]["total"]["value"], what
