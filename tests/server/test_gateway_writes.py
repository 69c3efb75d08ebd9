"""Every form of write through the gateway, from a stock client that knows nothing of us."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from opensearchpy import OpenSearch, helpers
from opensearchpy.exceptions import ConflictError, NotFoundError, RequestError

from concepts import ConceptEncoder
from gateway_support import gateway, managed, through
from opensearch_clir import Clir
from opensearch_clir.ingest.processors.tags import STALE
from opensearch_clir.local import Instance


@pytest.fixture
def index(client: OpenSearch, index_name: str) -> str:
    managed(client, index_name)
    return index_name


@pytest.fixture
def stock(client: OpenSearch, server: Instance, index: str) -> Iterator[OpenSearch]:
    # After the index: what is set up past the gateway is seen some seconds later.
    with gateway(client, server.url) as listening, through(listening.port) as opensearch:
        yield opensearch


def check(client: OpenSearch, index: str, id_: str = "1", **expected: Any) -> dict[str, Any]:
    """Compare a stored document's enrichment with that of its text, made afresh."""
    source: dict[str, Any] = client.get(index=index, id=id_)["_source"]
    ours = source.pop("clir")
    for key, value in expected.items():
        assert source[key] == value
    clir = Clir(client, index, encoder=ConceptEncoder())
    (fresh,) = clir.enricher().enrich([source])
    wanted = fresh.document["clir"]  # type: ignore[union-attr]
    assert without_nulls(ours) == wanted
    return source


def without_nulls(value: Any) -> Any:
    """Leave out what an update has set to null: the server reads it as missing."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return value


ENGLISH = {"text": "How to reset the machine", "lang": "en", "n": 1}
FRENCH = {"text": "Le remboursement arrive", "lang": "fr"}


def test_index_and_create(stock: OpenSearch, client: OpenSearch, index: str) -> None:
    answer = stock.index(index=index, id="1", body=ENGLISH)
    assert (answer["result"], answer["_version"]) == ("created", 1)
    check(client, index, **ENGLISH)
    made = stock.index(index=index, body=FRENCH)
    check(client, index, made["_id"], **FRENCH)
    stock.create(index=index, id="2", body=FRENCH)
    check(client, index, "2", **FRENCH)
    with pytest.raises(ConflictError):
        stock.create(index=index, id="2", body=ENGLISH)
    stock.index(index=index, id="1", body=FRENCH, params={"if_seq_no": 0, "if_primary_term": 1})
    check(client, index, **FRENCH)


def test_the_writers_own_bytes_are_kept(client: OpenSearch, server: Instance, index: str) -> None:
    text = b'{ "text" : "How to reset \\u0061 machine", "n": 1.10, "big": 123456789012345678 }\n'
    with gateway(client, server.url) as listening, urllib3.PoolManager() as pool:
        url = f"http://127.0.0.1:{listening.port}/{index}/_doc/1"
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        answer = pool.request("PUT", url, body=gzip.compress(text), headers=headers)
        assert answer.status == 201
    with urllib3.PoolManager() as pool:
        raw = pool.request("GET", f"{server.url}/{index}/_source/1").data
    assert raw.startswith(text.rstrip()[:-1].rstrip())
    assert json.loads(raw)["clir"]["lang"] == "en"


def test_a_document_without_text_passes(stock: OpenSearch, client: OpenSearch, index: str) -> None:
    stock.index(index=index, id="1", body={"n": 1})
    assert client.get(index=index, id="1")["_source"] == {"n": 1}
    with pytest.raises(RequestError):
        stock.index(index=index, id="2", body={"text": "a", "clir": {"mine": 1}})


def test_update_with_a_part_of_the_document(
    stock: OpenSearch, client: OpenSearch, index: str
) -> None:
    stock.index(index=index, id="1", body=ENGLISH)
    changed = {"doc": {"text": "Le remboursement arrive", "lang": "fr"}}
    answer = stock.update(index=index, id="1", body=changed)
    assert (answer["result"], answer["_version"]) == ("updated", 2)
    check(client, index, n=1, lang="fr")
    answer = stock.update(index=index, id="1", body=changed)
    assert (answer["result"], answer["_version"]) == ("noop", 2)
    # The tag alone changes what the words are analysed as, and comes with no text.
    stock.update(index=index, id="1", body={"doc": {"lang": "de"}})
    assert check(client, index)["text"] == "Le remboursement arrive"
    stock.update(index=index, id="1", body={"doc": {"n": 5}})
    check(client, index, n=5)
    stock.update(index=index, id="1", body={"doc": {"text": None}})
    assert client.get(index=index, id="1")["_source"]["clir"] is None


def test_update_of_what_is_not_there(stock: OpenSearch, client: OpenSearch, index: str) -> None:
    with pytest.raises(NotFoundError) as missing:
        stock.update(index=index, id="1", body={"doc": ENGLISH})
    assert missing.value.error == "document_missing_exception"
    stock.update(index=index, id="1", body={"doc": FRENCH, "doc_as_upsert": True})
    check(client, index, **FRENCH)
    stock.update(index=index, id="2", body={"doc": {"n": 2}, "upsert": ENGLISH})
    check(client, index, "2", **ENGLISH)


def test_update_by_script(stock: OpenSearch, client: OpenSearch, index: str) -> None:
    stock.index(index=index, id="1", body=ENGLISH)
    script = {"source": "ctx._source.text = params.t", "params": {"t": "Urlaub im Portal"}}
    answer = stock.update(index=index, id="1", body={"script": script})
    check(client, index, text="Urlaub im Portal")
    stored = client.get(index=index, id="1")
    assert answer["result"] == "updated"
    assert [answer[k] for k in ("_version", "_seq_no")] == [
        stored[k] for k in ("_version", "_seq_no")
    ]
    untouched = stock.update(index=index, id="1", body={"script": "ctx._source.n = 7"})
    assert untouched["_version"] == stored["_version"] + 1
    assert stock.update(index=index, id="1", body={"script": "ctx.op = 'none'"})["result"] == "noop"
    up = {"script": {"source": "ctx._source.text = 'refund'"}, "scripted_upsert": True}
    stock.update(index=index, id="9", body={**up, "upsert": {}})
    check(client, index, "9", text="refund")
    stock.update(index=index, id="8", body={"script": "ctx._source.n = 1", "upsert": FRENCH})
    check(client, index, "8", **FRENCH)
    stock.update(index=index, id="8", body={"script": "ctx.op = 'delete'"})
    assert not client.exists(index=index, id="8")


def test_bulk_of_each_form(stock: OpenSearch, client: OpenSearch, index: str) -> None:
    stock.index(index=index, id="old", body=ENGLISH)
    stock.index(index=index, id="scripted", body=ENGLISH)
    stock.index(index=index, id="gone", body=ENGLISH)
    other = f"{index}-other"
    lines: list[Any] = [
        {"index": {"_id": "1"}}, ENGLISH,
        {"create": {"_id": "2"}}, FRENCH,
        {"create": {"_id": "old"}}, FRENCH,
        {"update": {"_id": "old"}}, {"doc": {"text": "Urlaub im Portal", "lang": "de"}},
        {"update": {"_id": "3"}}, {"doc": FRENCH, "doc_as_upsert": True},
        {"update": {"_id": "4"}}, {"doc": {"n": 1}, "upsert": ENGLISH},
        {"update": {"_id": "scripted"}}, {"script": {"source": "ctx._source.text = 'refund'"}},
        {"update": {"_id": "missing"}}, {"doc": {"text": "x"}},
        {"delete": {"_id": "gone"}},
        {"index": {"_index": other, "_id": "1"}}, {"text": "not ours"},
        {"index": {"_id": "bad"}}, {"text": "refund", "day": "never"},
        {"index": {"_id": "twice"}}, ENGLISH,
        {"update": {"_id": "twice"}}, {"doc": {"text": "remboursement"}},
    ]  # fmt: skip
    answer = stock.bulk(index=index, body=lines, refresh="true")
    results = [next(iter(item.values())) for item in answer["items"]]
    assert [r["status"] for r in results] == [
        201,
        201,
        409,
        200,
        201,
        201,
        200,
        404,
        200,
        201,
        400,
        201,
        200,
    ]
    assert answer["errors"] is True
    for id_ in ("1", "2", "old", "3", "4", "scripted", "twice"):
        check(client, index, id_)
    assert client.get(index=index, id="old")["_source"]["n"] == 1
    assert client.get(index=other, id="1")["_source"] == {"text": "not ours"}
    scripted = client.get(index=index, id="scripted")
    assert results[6]["_seq_no"] == scripted["_seq_no"]


def test_helpers_bulk_with_compression(client: OpenSearch, server: Instance, index: str) -> None:
    actions = [
        {"_index": index, "_id": str(n), "_source": {"text": f"refund {n}"}} for n in range(700)
    ]
    with gateway(client, server.url) as listening, through(listening.port, http_compress=True) as c:
        assert helpers.bulk(c, actions, chunk_size=350, refresh=True) == (700, [])
        answer = c.search(
            index=index, body={"query": {"exists": {"field": "clir.hash"}}, "size": 0}
        )
    assert answer["hits"]["total"]["value"] == 700
    check(client, index, "699")


def test_concurrent_updates_lose_nothing(stock: OpenSearch, client: OpenSearch, index: str) -> None:
    stock.index(index=index, id="1", body={"text": "refund", "n": 0})
    failures: list[Exception] = []

    def once(number: int, turn: int) -> int:
        doc = {f"k{number}": turn, "text": f"refund {number} {turn}"}
        if number % 2:
            try:
                stock.update(index=index, id="1", body={"doc": doc})
            except ConflictError:
                return 409
            return 200
        lines = [{"update": {"_id": "1", "_index": index}}, {"doc": doc}]
        status: int = stock.bulk(body=lines)["items"][0]["update"]["status"]
        return status

    def change(number: int) -> None:
        try:
            for turn in range(5):
                # A busy document may be refused as the server itself does; never taken and lost.
                found = next(s for _ in range(50) if (s := once(number, turn)) != 409)
                assert found == 200
        except Exception as error:  # noqa: BLE001 - told in the test's thread
            failures.append(error)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    source = check(client, index)
    assert [source[f"k{number}"] for number in range(4)] == [4, 4, 4, 4]


def test_logstashs_filter_path(stock: OpenSearch, client: OpenSearch, index: str) -> None:
    stock.index(index=index, id="1", body=ENGLISH)
    lines = [{"update": {"_id": "1"}}, {"doc": {"text": "refund"}}, {"index": {}}, FRENCH]
    params = {"filter_path": "errors,items.*.error,items.*.status"}
    answer = stock.bulk(index=index, body=lines, params=params)
    assert answer == {
        "errors": False,
        "items": [{"update": {"status": 200}}, {"index": {"status": 201}}],
    }
    check(client, index, text="refund")


def test_aliases_streams_and_routing(stock: OpenSearch, client: OpenSearch, index: str) -> None:
    alias = f"{index}-alias"
    actions = [{"add": {"index": index, "alias": alias, "routing": "r", "is_write_index": True}}]
    stock.indices.update_aliases(body={"actions": actions})
    stock.index(index=alias, id="1", body=ENGLISH)
    stock.update(index=alias, id="1", body={"doc": {"text": "Le remboursement", "lang": "fr"}})
    found = client.get(index=index, id="1", routing="r")["_source"]
    assert found["clir"]["lang"] == "fr"
    stock.index(index=index, id="2", body=ENGLISH, routing="q")
    stock.update(index=index, id="2", body={"doc": {"text": "refund"}}, routing="q")
    assert client.get(index=index, id="2", routing="q")["_source"]["clir"]["text"]["en"] == [
        "refund"
    ]


def test_a_set_up_seen_in_passing_counts_at_once(
    stock: OpenSearch, client: OpenSearch, index: str
) -> None:
    fresh = f"{index}-fresh"
    stock.indices.create(index=fresh)
    stock.index(index=fresh, id="0", body=ENGLISH)
    assert "clir" not in client.get(index=fresh, id="0")["_source"]
    mapping = client.indices.get_mapping(index=index)[index]["mappings"]
    stock.indices.delete(index=fresh)
    settings = {"index.knn": True}
    stock.indices.create(index=fresh, body={"mappings": mapping, "settings": settings})
    stock.index(index=fresh, id="1", body=ENGLISH)
    assert client.get(index=fresh, id="1")["_source"]["clir"]["lang"] == "en"


class BrokenEncoder(ConceptEncoder):
    def encode(self, texts: Any, role: Any) -> Any:
        from opensearch_clir.errors import EncoderError

        raise EncoderError("out of order")


def test_a_failing_model_loses_no_write(client: OpenSearch, server: Instance, index: str) -> None:
    def broken(name: str) -> Clir:
        return Clir(client, name, encoder=BrokenEncoder())

    with gateway(client, server.url, open_clir=broken) as listening, through(listening.port) as c:
        c.index(index=index, id="1", body=ENGLISH)
        c.update(index=index, id="1", body={"doc": {"text": "refund"}})
        lines = [
            {"index": {"_id": str(n)}} if half == 0 else FRENCH
            for n in range(2, 12)
            for half in (0, 1)
        ]
        assert not c.bulk(index=index, body=lines, refresh="true")["errors"]
    for id_ in ("1", "2", "11"):
        assert client.get(index=index, id=id_)["_source"]["clir"]["hash"] == STALE
