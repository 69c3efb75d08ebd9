"""Searches through the gateway from a stock client: what is found, and the shape of answers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from opensearchpy import OpenSearch, helpers
from opensearchpy.exceptions import NotFoundError, RequestError

from concepts import DOCUMENTS, ConceptEncoder
from gateway_support import gateway, managed, through
from opensearch_clir import Clir
from opensearch_clir.local import Instance

#: In French; what answers it in Japanese shares no word with it.
QUESTION = "réinitialiser la machine"
ACROSS = {"reset.ja"}


def filled(client: OpenSearch, name: str, **options: Any) -> Clir:
    clir = managed(client, name, **options)
    days = [f"2026-01-{n:02}" for n in range(1, 20)]
    actions = [
        {"_index": name, "_id": d["id"], "_source": {**d, "day": day}}
        for d, day in zip(DOCUMENTS, days, strict=False)
    ]
    done, errors = helpers.bulk(client, clir.enrich(actions), refresh=True)
    assert (done, errors) == (len(DOCUMENTS), [])
    return clir


@pytest.fixture
def index(client: OpenSearch, index_name: str) -> str:
    filled(client, index_name)
    return index_name


@pytest.fixture
def free(client: OpenSearch, index: str) -> str:
    """An index beside it that is not managed."""
    name = f"{index}-free"
    client.index(index=name, id="free", body={"text": "la machine"}, params={"refresh": "true"})
    client.index(index=name, id="far", body={"text": "reset"}, params={"refresh": "true"})
    return name


@pytest.fixture
def port(client: OpenSearch, server: Instance, index: str) -> Iterator[int]:
    # After the index: what is set up past the gateway is seen some seconds later.
    with gateway(client, server.url) as listening:
        yield listening.port


@pytest.fixture
def stock(port: int) -> Iterator[OpenSearch]:
    with through(port) as opensearch:
        yield opensearch


def ids(answer: dict[str, Any]) -> set[str]:
    return {hit["_id"] for hit in answer["hits"]["hits"]}


def match(text: str = QUESTION, **options: Any) -> dict[str, Any]:
    return {"match": {"text": {"query": text, **options}}}


DISCOVER: dict[str, Any] = {
    "query": {
        "bool": {
            "must": [],
            "filter": [
                {"multi_match": {"type": "best_fields", "query": QUESTION, "lenient": True}},
                {"range": {"day": {"gte": "2026-01-01", "lte": "2026-01-31"}}},
            ],
            "should": [],
            "must_not": [],
        }
    },
    "sort": [{"day": {"order": "desc", "unmapped_type": "boolean"}}],
    "size": 500,
    "version": True,
    "stored_fields": ["*"],
    "docvalue_fields": [{"field": "day", "format": "date_time"}],
    "_source": {"excludes": []},
    "aggs": {"2": {"date_histogram": {"field": "day", "calendar_interval": "1d"}}},
    "highlight": {"fields": {"*": {}}, "fragment_size": 2147483647},
}


def test_a_search_finds_other_languages(stock: OpenSearch, client: OpenSearch, index: str) -> None:
    body = {"query": match()}
    plain, found = client.search(index=index, body=body), stock.search(index=index, body=body)
    assert not ACROSS & ids(plain)
    assert ids(found) >= ACROSS | ids(plain)
    assert set(found) == set(plain)
    sources = [hit["_source"] for hit in found["hits"]["hits"]]
    assert all("clir" not in source for source in sources)
    assert all(0 < hit["_score"] <= 1 for hit in found["hits"]["hits"])


def test_dashboards_page_keeps_its_shape(stock: OpenSearch, client: OpenSearch, index: str) -> None:
    plain, found = (
        client.search(index=index, body=DISCOVER),
        stock.search(index=index, body=DISCOVER),
    )
    assert ids(found) >= ACROSS
    days = [hit["sort"][0] for hit in found["hits"]["hits"]]
    assert days == sorted(days, reverse=True)
    keys = {key for hit in found["hits"]["hits"] for key in hit}
    assert keys >= {"_id", "_index", "_score", "_source", "_version", "fields", "sort"}
    buckets = found["aggregations"]["2"]["buckets"]
    assert sum(b["doc_count"] for b in buckets) == found["hits"]["total"]["value"] == len(days)
    assert all("clir" not in hit["_source"] for hit in found["hits"]["hits"])
    assert set(found) == set(plain)


def test_count_size_0_and_pages_agree(stock: OpenSearch, index: str) -> None:
    query = {"bool": {"filter": [match()]}}
    whole = stock.search(index=index, body={"query": query, "size": 100})
    total = whole["hits"]["total"]["value"]
    assert total >= 2
    assert stock.count(index=index, body={"query": query})["count"] == total
    none = stock.search(index=index, body={"query": query, "size": 0})
    assert none["hits"]["total"]["value"] == total
    pages = [
        stock.search(index=index, body={"query": query, "size": 1, "from": n}) for n in range(total)
    ]
    assert set().union(*map(ids, pages)) == ids(whole)


def test_scores_are_those_of_the_package(stock: OpenSearch, client: OpenSearch, index: str) -> None:
    name = f"{index}-3"
    clir = filled(client, name, shards=3)
    body = {"query": match()}
    found = {h["_id"]: h["_score"] for h in stock.search(index=name, body=body)["hits"]["hits"]}
    ours = {h["_id"]: h["_score"] for h in clir.search(QUESTION, feedback=False)["hits"]["hits"]}
    assert set(found) >= {"reset.en", "reset.ja"}
    assert found == pytest.approx({id_: ours[id_] for id_ in found}, rel=1e-5)


def test_scroll_and_pit(stock: OpenSearch, client: OpenSearch, index: str, free: str) -> None:
    body = {"query": match(), "size": 1, "sort": ["_doc"]}
    answer = stock.search(index=index, body=body, scroll="1m")
    found = set()
    while ids(answer):
        found |= ids(answer)
        answer = stock.scroll(body={"scroll": "1m", "scroll_id": answer["_scroll_id"]})
    stock.clear_scroll(scroll_id=answer["_scroll_id"])
    assert found >= ACROSS
    pit = stock.create_pit(index=index, params={"keep_alive": "1m"})["pit_id"]
    body = {"query": match(), "pit": {"id": pit, "keep_alive": "1m"}}
    assert ids(stock.search(body=body)) >= ACROSS
    unmanaged = stock.create_pit(index=free, params={"keep_alive": "1m"})["pit_id"]
    body = {"query": match("la"), "pit": {"id": unmanaged}}
    assert stock.search(body=body)["hits"]["hits"][0] == client.search(body=body)["hits"]["hits"][0]
    stock.delete_pit(body={"pit_id": [pit, unmanaged]})


def test_a_query_in_the_address(stock: OpenSearch, index: str) -> None:
    assert ids(stock.search(index=index, q=QUESTION, df="text")) >= ACROSS
    assert ids(stock.search(index=index, q=QUESTION)) >= ACROSS
    assert stock.count(index=index, q=QUESTION)["count"] >= 2
    # Syntax is the user's own business.
    assert ids(stock.search(index=index, q="text:réinitialiser AND text:machine")) == set()


def test_raw_utf8_and_a_body_in_the_address(port: int, index: str) -> None:
    with urllib3.PoolManager() as pool:
        url = f"http://127.0.0.1:{port}/{index}/_search"
        source = json.dumps({"query": match()})
        fields = {"source": source, "source_content_type": "application/json"}
        answer = pool.request("GET", url, fields=fields)
        assert ids(json.loads(answer.data)) >= ACROSS


def test_templates(stock: OpenSearch, index: str) -> None:
    source = {"query": {"match": {"text": "{{question}}"}}, "size": "{{size}}"}
    body = {"source": json.dumps(source).replace('"{{size}}"', "{{size}}"),
            "params": {"question": QUESTION, "size": 50}}  # fmt: skip
    assert ids(stock.search_template(index=index, body=body)) >= ACROSS
    stock.put_script(id=f"{index}-t", body={"script": {"lang": "mustache", "source": source}})
    try:
        stored = {"id": f"{index}-t", "params": {"question": QUESTION, "size": 50}}
        found = stock.search_template(index=index, body=stored)
        assert ids(found) >= ACROSS
        lines = [
            {"index": index},
            stored,
            {"index": index},
            {**stored, "params": {"question": "x", "size": 1}},
        ]
        many = stock.msearch_template(body=lines)["responses"]
        assert ids(many[0]) >= ACROSS
        assert many[1]["status"] == 200
    finally:
        stock.delete_script(id=f"{index}-t")
    with pytest.raises((RequestError, NotFoundError)):
        stock.search_template(index=index, body={"id": "no-such-template"})


def test_msearch(stock: OpenSearch, client: OpenSearch, index: str, free: str) -> None:
    lines = [
        {"index": index}, {"query": match()},
        {"index": [free]}, {"query": match("la")},
        {}, {"query": {"match_all": {}}, "size": 1},
        {"index": f"{index}-none"}, {"query": match()},
        {"index": index}, {"query": {"match": {"day": "never"}}},
    ]  # fmt: skip
    found = stock.msearch(body=lines, index=index)["responses"]
    assert ids(found[0]) >= ACROSS
    plain = client.msearch(body=lines, index=index)["responses"]
    assert found[1]["hits"] == plain[1]["hits"]
    assert "clir" in json.dumps(found[2])  # everything is asked for, and that is left alone
    assert [r["status"] for r in found] == [r["status"] for r in plain] == [200, 200, 200, 404, 400]
    assert [r.get("error") for r in found[3:]] == [r.get("error") for r in plain[3:]]


def test_mixed_patterns(stock: OpenSearch, client: OpenSearch, index: str, free: str) -> None:
    for name in (f"{index}*", f"{index},{free}"):
        body = {"query": match(), "size": 50}
        found, plain = stock.search(index=name, body=body), client.search(index=name, body=body)
        assert ids(found) == ids(plain) | ACROSS
        # What is not managed is found by its words, and by them alone.
        assert "free" in ids(found)
        assert "far" not in ids(found)
        assert all(0 <= hit["_score"] <= 1 for hit in found["hits"]["hits"])
        filtered = {"query": {"bool": {"filter": [match("la machine inconnue")]}}, "size": 50}
        assert "free" in ids(stock.search(index=name, body=filtered))


def test_two_managed_indices_with_different_set_ups(
    stock: OpenSearch, client: OpenSearch, index: str
) -> None:
    other = f"{index}-2"
    filled(client, other, lang_threshold=0.5, languages="en,fr")
    found = stock.search(index=f"{index},{other}", body={"query": match(), "size": 50})
    pairs = {(hit["_index"], hit["_id"]) for hit in found["hits"]["hits"]}
    assert pairs >= {(name, "reset.en") for name in (index, other)}
    alone = stock.search(index=other, body={"query": match(), "size": 50})
    scores = {h["_id"]: h["_score"] for h in alone["hits"]["hits"]}
    both = {h["_id"]: h["_score"] for h in found["hits"]["hits"] if h["_index"] == other}
    assert both == pytest.approx(scores, rel=1e-5)


def test_aliases_and_filters(stock: OpenSearch, client: OpenSearch, index: str) -> None:
    other, alias = f"{index}-2", f"{index}-alias"
    filled(client, other)
    for name in (index, other):
        only = {"term": {"lang": "en"}}
        client.indices.put_alias(index=name, name=alias, body={"filter": only})
    found = stock.search(index=alias, body={"query": match(), "size": 50})
    assert {(h["_index"], h["_id"]) for h in found["hits"]["hits"]} >= {
        (index, "reset.en"),
        (other, "reset.en"),
    }
    assert all(h["_source"]["lang"] == "en" for h in found["hits"]["hits"])


SAME: list[dict[str, Any]] = [
    {"query": {"match_all": {}}},
    {"query": {"term": {"lang": "en"}}},
    {"query": {"ids": {"values": ["reset.en"]}}},
    {"query": {"match": {"lang": "en"}}},
    {"query": {"query_string": {"query": "text:reset AND NOT lang:fr"}}},
    {"query": {"bool": {"must_not": [{"match": {"text": "machine"}}]}}},
    {"size": 0, "aggs": {"langs": {"terms": {"field": "lang"}}}},
    {},
]


@pytest.mark.parametrize("body", SAME, ids=range(len(SAME)))
def test_what_has_no_free_text_is_left_alone(
    stock: OpenSearch, client: OpenSearch, index: str, body: dict[str, Any]
) -> None:
    found, plain = stock.search(index=index, body=body), client.search(index=index, body=body)
    found.pop("took"), plain.pop("took")
    assert found == plain


def test_errors_are_the_servers(stock: OpenSearch, client: OpenSearch, index: str) -> None:
    cases: list[dict[str, Any]] = [
        {"query": {"match": {"text": {"query": "refund", "wrong": 1}}}},
        {"query": match(), "size": -1},
        {"query": match(), "aggs": {"a": {"wrong": {}}}},
    ]
    for body in cases:
        with pytest.raises(RequestError) as straight:
            client.search(index=index, body=body)
        with pytest.raises(RequestError) as passed:
            stock.search(index=index, body=body)
        assert (passed.value.status_code, passed.value.error) == (
            straight.value.status_code,
            straight.value.error,
        )
    with urllib3.PoolManager() as pool:
        for data in (b'{"query": {"match_all": {}}', b'{"query": 1, "query": 2}', b"\xff"):
            answers = [
                pool.request(
                    "POST",
                    f"{url}/{index}/_search",
                    body=data,
                    headers={"content-type": "application/json"},
                )
                for url in (stock_url(stock), stock_url(client))
            ]
            assert answers[0].status == answers[1].status == 400
            assert answers[0].data == answers[1].data


def stock_url(client: OpenSearch) -> str:
    host = client.transport.hosts[0]
    return f"http://{host['host']}:{host['port']}"


def test_compressed_both_ways(port: int, index: str) -> None:
    with urllib3.PoolManager() as pool:
        url = f"http://127.0.0.1:{port}/{index}/_search"
        headers = {
            "content-type": "application/json",
            "content-encoding": "gzip",
            "accept-encoding": "gzip",
        }
        body = gzip.compress(json.dumps({"query": match(), "size": 50}).encode())
        answer = pool.request("POST", url, body=body, headers=headers, decode_content=False)
        assert answer.headers["content-encoding"] == "gzip"
        assert ids(json.loads(gzip.decompress(answer.data))) >= ACROSS


def test_no_search_fails_for_want_of_the_model(
    client: OpenSearch, server: Instance, index: str
) -> None:
    def other(name: str) -> Clir:
        return Clir(client, name, encoder=ConceptEncoder("of another version"))

    with gateway(client, server.url, open_clir=other) as listening, through(listening.port) as c:
        body = {"query": match("refund")}
        assert (
            c.search(index=index, body=body)["hits"]
            == client.search(index=index, body=body)["hits"]
        )
