"""Requests of clients that know nothing of us, through the cluster's search pipeline."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opensearchpy import OpenSearch

from dashboards import QUERIES, REQUESTS, TEXT, TIME
from drop_in import HELPDESK, TOKEN, ServiceProcess
from opensearch_clir import Clir, pipelines
from opensearch_clir.pipelines.bodies import Target
from opensearch_clir.query.rewrite import LEAST_PROBABILITY

LANGUAGE = {article["id"]: article["lang"] for article in HELPDESK}

#: Leaves the request as it is, whatever pipeline the index has.
UNTOUCHED = {"search_pipeline": "_none"}


def ids(response: dict[str, Any]) -> list[str]:
    return [hit["_id"] for hit in response["hits"]["hits"]]


def scores(response: dict[str, Any]) -> dict[str, float]:
    return {hit["_id"]: hit["_score"] for hit in response["hits"]["hits"]}


@pytest.fixture
def probability(client: OpenSearch, dropped_in: str) -> dict[str, float]:
    """Probability of every document by id, for `TEXT`."""
    # Not through a pipeline, which the next test is about.
    request = Clir(client, dropped_in).request(TEXT, size=500, feedback=False)
    return scores(client.search(index=dropped_in, body=request, params=UNTOUCHED))


@pytest.mark.parametrize("place", REQUESTS)
@pytest.mark.parametrize("query", QUERIES)
def test_dashboards_requests_find_foreign_documents_and_keep_their_shape(
    client: OpenSearch, dropped_in: str, place: str, query: str
) -> None:
    body = {**REQUESTS[place], "query": QUERIES[query]}
    plain = client.search(index=dropped_in, body=body, params=UNTOUCHED)
    found = client.search(index=dropped_in, body=body)
    assert found["hits"]["total"]["value"] > 0
    assert found["hits"]["total"]["relation"] == "eq"
    assert set(found) == set(plain)
    assert set(found.get("aggregations", {})) == set(plain.get("aggregations", {}))
    if place == "visualize":
        topics = {b["key"] for b in found["aggregations"]["2"]["buckets"]}
        assert "wifi-pairing" in topics
        return
    languages = {LANGUAGE[i] for i in ids(found)}
    if query == "dql-and-field":
        assert languages == {"en"}
    else:
        assert len(languages - {"fr"}) >= 2
    for hit in found["hits"]["hits"]:
        assert "clir" not in hit["_source"]
    if place == "discover":
        times = [hit["sort"][0] for hit in found["hits"]["hits"]]
        assert times == sorted(times, reverse=True)
        histogram = found["aggregations"]["2"]["buckets"]
        assert sum(b["doc_count"] for b in histogram) == found["hits"]["total"]["value"]


def test_a_scored_list_has_the_scores_of_our_own_search(
    client: OpenSearch, dropped_in: str, probability: dict[str, float]
) -> None:
    for query in ("lucene", "dev-tools-match", "dev-tools-bool", "dev-tools-simple"):
        body = {"size": 500, "query": QUERIES[query]}
        found = scores(client.search(index=dropped_in, body=body))
        assert found == pytest.approx({i: probability[i] for i in found}, abs=1e-5), query
        original = set(ids(client.search(index=dropped_in, body=body, params=UNTOUCHED)))
        likely = {i for i, p in probability.items() if p >= LEAST_PROBABILITY}
        assert set(found) == original | likely, query


def test_in_filter_context_a_match_is_probable_or_literal(
    client: OpenSearch, dropped_in: str, probability: dict[str, float]
) -> None:
    found = client.search(index=dropped_in, body={"size": 500, "query": QUERIES["dql"]})
    likely = {i for i, p in probability.items() if p >= LEAST_PROBABILITY}
    assert set(ids(found)) == likely
    assert set(scores(found).values()) == {0.0}


def test_counts_do_not_depend_on_page_or_shards(
    client: OpenSearch, dropped_in: str, index_name: str, service: ServiceProcess
) -> None:
    totals = {
        client.search(index=dropped_in, body={"size": size, "query": QUERIES["lucene"]})["hits"][
            "total"
        ]["value"]
        for size in (0, 1, 50)
    }
    assert totals == {client.count(index=dropped_in, body={"query": QUERIES["lucene"]})["count"]}
    settings = {"index.knn": True, "index.number_of_shards": 3}
    client.indices.create(index=index_name, body={"settings": settings})
    Clir(client, index_name).setup(fields="title^2,text", languages="ar,de,en,es,fr,hi,ja,ko,ru,zh")
    body = {"source": {"index": dropped_in}, "dest": {"index": index_name}}
    client.reindex(body=body, refresh=True)
    pipelines.install(client, index_name, Target(service.url, TOKEN))
    body = {"size": 0, "query": QUERIES["dql"]}
    search = {"search_type": "dfs_query_then_fetch"}
    one = client.search(index=dropped_in, body=body)["hits"]["total"]
    assert client.search(index=index_name, body=body, params=search)["hits"]["total"] == one
    pipelines.uninstall(client, index_name)


LEFT: dict[str, dict[str, Any]] = {
    "match_all": {"match_all": {}},
    "ids": {"ids": {"values": ["wifi-pairing.en"]}},
    "term with a number": {"term": {"stock": 1767225600}},
    "terms with numbers": {"terms": {"stock": [1, 7]}},
    "keyword with a number": {"term": {"topic": 410}},
    "dates in milliseconds": {
        "range": {"@timestamp": {"gte": 1767225600000, "lte": 1769903999999}}
    },
    "wildcard": {"query_string": {"query": "wif*", "analyze_wildcard": True}},
    "field": {"query_string": {"query": "topic:voucher AND lang:en"}},
    "operators": {"simple_query_string": {"query": "+wifi -voucher", "fields": ["text"]}},
    "script": {
        "script_score": {
            "query": {"match": {"text": "wifi"}},
            "script": {"source": "params.l[params.i]", "params": {"l": [1, 2], "i": 1}},
        }
    },
    "phrase of a keyword": {"match_phrase": {"topic": "voucher"}},
    "negated": {"bool": {"must_not": [{"match": {"text": "wifi"}}]}},
}


@pytest.mark.parametrize("name", LEFT)
def test_other_queries_give_what_they_gave(client: OpenSearch, dropped_in: str, name: str) -> None:
    body = {"size": 500, "query": LEFT[name], "sort": ["_doc"]}
    plain = client.search(index=dropped_in, body=body, params=UNTOUCHED)
    found = client.search(index=dropped_in, body=body)
    assert found["hits"] == plain["hits"]


def test_our_own_search_is_not_rewritten(client: OpenSearch, dropped_in: str) -> None:
    request = Clir(client, dropped_in).request(TEXT, size=100)
    found = client.search(index=dropped_in, body=request)
    plain = client.search(index=dropped_in, body=request, params=UNTOUCHED)
    assert found["hits"] == plain["hits"]


def test_whole_numbers_beside_free_text_keep_their_value(
    client: OpenSearch, dropped_in: str
) -> None:
    filters = [LEFT["dates in milliseconds"], {"terms": {"lang": ["en", "ja"]}}]
    query = {"bool": {"must": [QUERIES["lucene"]["bool"]["must"][0]], "filter": filters}}
    found = client.search(index=dropped_in, body={"query": query, "size": 500})
    assert "wifi-pairing.ja" in ids(found)
    none = {"bool": {**query["bool"], "filter": [{"term": {"topic": 410}}]}}
    assert client.count(index=dropped_in, body={"query": none})["count"] == 0


def test_a_long_question_stays_within_the_servers_limit(
    client: OpenSearch, dropped_in: str
) -> None:
    text = " ".join(article["text"] for article in HELPDESK if article["lang"] == "en")
    words = text.split()
    for query in (
        {"match": {"text": " ".join(words[:300])}},
        {"multi_match": {"query": " ".join(words[:20])}},
        {"multi_match": {"query": " ".join(words[:80])}},
    ):
        found = client.search(index=dropped_in, body={"query": query})
        assert 0 < found["hits"]["hits"][0]["_score"] <= 1


def test_every_way_to_search(client: OpenSearch, dropped_in: str) -> None:
    body = {"query": QUERIES["dql"], "size": 100}
    wanted = set(ids(client.search(index=dropped_in, body=body)))
    assert "wifi-pairing.en" in wanted
    assert client.count(index=dropped_in, body={"query": QUERIES["dql"]})["count"] == len(wanted)
    assert client.search(index=dropped_in, body={**body, "size": 0})["hits"]["total"][
        "value"
    ] == len(wanted)
    lines = [{"index": dropped_in}, body, {"index": dropped_in}, {"query": {"match_all": {}}}]
    first, second = client.msearch(body="".join(json.dumps(x) + "\n" for x in lines))["responses"]
    assert set(ids(first)) == wanted
    assert second["hits"]["total"]["value"] == client.count(index=dropped_in)["count"]
    page = client.search(index=dropped_in, body={**body, "size": 1}, params={"scroll": "1m"})
    scrolled = ids(page)
    while hits := ids(
        page := client.scroll(body={"scroll": "1m", "scroll_id": page["_scroll_id"]})
    ):
        scrolled += hits
    client.clear_scroll(body={"scroll_id": [page["_scroll_id"]]})
    assert set(scrolled) == wanted
    point = client.create_pit(index=dropped_in, params={"keep_alive": "1m"})["pit_id"]
    at = {**body, "pit": {"id": point, "keep_alive": "1m"}, "sort": ["_doc"]}
    pipeline = {"search_pipeline": f"clir-{dropped_in}"}
    assert set(ids(client.search(body=at, params=pipeline))) == wanted
    client.delete_pit(body={"pit_id": [point]})
    template = {"source": json.dumps({**body, "query": QUERIES["dql"]}), "params": {}}
    assert set(ids(client.search_template(index=dropped_in, body=template))) == wanted
    by_uri = client.search(index=dropped_in, params={"q": TEXT, "size": "100"})
    assert wanted <= set(ids(by_uri))


def test_requests_without_a_query_run(client: OpenSearch, dropped_in: str) -> None:
    everything = client.search(index=dropped_in)["hits"]["total"]["value"]
    body = {"size": 0, "aggs": {"t": {"terms": {"field": "topic"}}}}
    assert client.search(index=dropped_in, body=body)["hits"]["total"]["value"] == everything


def test_the_time_filter_is_the_users(client: OpenSearch, dropped_in: str) -> None:
    early = {"range": {"@timestamp": {**TIME["range"]["@timestamp"], "lte": "2026-01-05"}}}
    query = {"bool": {**QUERIES["lucene"]["bool"], "filter": [early]}}
    body = {"query": query, "size": 500, "docvalue_fields": ["@timestamp"]}
    hits = client.search(index=dropped_in, body=body)["hits"]["hits"]
    assert hits
    assert all(hit["fields"]["@timestamp"][0] < "2026-01-06" for hit in hits)
