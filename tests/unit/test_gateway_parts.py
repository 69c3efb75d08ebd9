"""The gateway's pure functions: what a request is, and what its body becomes."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from opensearch_clir.gateway.bulk import parts
from opensearch_clir.gateway.derived import addressed, changed, in_its_name
from opensearch_clir.gateway.documents import NotUnderstood, dumps, loads, loads_object, spliced
from opensearch_clir.gateway.enriching import merged
from opensearch_clir.gateway.limits import Budget
from opensearch_clir.gateway.lines import operations
from opensearch_clir.gateway.messages import Malformed, parse_request
from opensearch_clir.gateway.multiple import pairs
from opensearch_clir.gateway.routes import route, with_query
from opensearch_clir.gateway.searching import _hidden, from_uri, in_pit
from opensearch_clir.gateway.settling import failed, items_of
from opensearch_clir.gateway.targets import Found, Managed
from query_cases import schema


@pytest.mark.parametrize(
    ("line", "kind", "index", "id_"),
    [
        ("GET /_search", "search", None, None),
        ("POST /kb/_search?scroll=1m", "search", "kb", None),
        ("POST /kb/_search/", "search", "kb", None),
        ("GET /%3Clogs-%7Bnow%2Fd%7D%3E,a*/_count", "count", "<logs-{now/d}>,a*", None),
        ("POST /_all/_search", "search", "_all", None),
        ("POST /_msearch", "msearch", None, None),
        ("POST /kb/_search/template", "search template", "kb", None),
        ("GET /kb/_msearch/template", "msearch template", "kb", None),
        ("PUT /kb/_doc/a%2Fb", "document", "kb", "a/b"),
        ("POST /kb/_doc", "document", "kb", None),
        ("PUT /kb/_create/1", "document", "kb", "1"),
        ("POST /kb/_update/1", "update", "kb", "1"),
        ("PUT /_bulk", "bulk", None, None),
        ("POST /kb/_bulk", "bulk", "kb", None),
        ("PUT /kb/_doc", "other", "kb", None),
        ("DELETE /kb/_doc/1", "other", "kb", None),
        ("GET /kb/_doc/1", "other", "kb", None),
        ("PUT /_search", "other", None, None),
        ("POST /_search/scroll", "other", None, None),
        ("POST /kb/_delete_by_query", "other", "kb", None),
        ("POST /kb/_explain/1", "other", "kb", None),
        ("GET /", "other", "", None),
        ("POST /kb//_search", "other", None, None),
        ("PUT /kb", "changing", "kb", None),
        ("DELETE /kb", "changing", "kb", None),
        ("PUT /kb/_mapping", "changing", "kb", None),
        ("POST /_aliases", "changing", None, None),
        ("POST /kb/_rollover", "changing", "kb", None),
        ("PUT /_index_template/t", "changing", None, None),
        ("GET /kb/_mapping", "other", "kb", None),
        ("OPTIONS *", "other", "*", None),
    ],
)
def test_what_a_request_is(line: str, kind: str, index: str | None, id_: str | None) -> None:
    method, target = line.encode().split(b" ")
    found = route(method, target)
    assert (found.kind, found.id) == (kind, id_)
    if kind != "other":
        assert found.index == index


def test_parameters_are_read_and_changed_one_by_one() -> None:
    target = "/a/_search?q=a+b%20%2B&&x&x=2&typed_keys&ü=%ff".encode()
    found = route(b"GET", target).params
    assert found["q"] == "a b +"
    assert (found["x"], found["typed_keys"]) == ("2", "")
    other = with_query(target, without={"q"}, added={"search type": "a&b"})
    assert other == "/a/_search?x&x=2&typed_keys&ü=%ff&search%20type=a%26b".encode()
    assert with_query(b"/a?b=1", without={"b"}) == b"/a"


@pytest.mark.parametrize(
    "data", [b"{", b'{"a":1,"a":2}', b'{"a":{"b":1,"b":1}}', b"NaN", b"\xff", b"[" * 100_000]
)
def test_what_python_reads_otherwise_than_the_server_is_not_read(data: bytes) -> None:
    with pytest.raises(NotUnderstood):
        loads(data)
    with pytest.raises(NotUnderstood):
        loads_object(b"[]")
    with pytest.raises(NotUnderstood):
        dumps({"a": float("nan")})
    with pytest.raises(NotUnderstood):
        dumps("\ud800")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{ "a" : 1.10 }\n', b'{ "a" : 1.10 ,"clir":{"x":"\xc3\xa9"}}'),
        (b"{}", b'{"clir":{"x":"\xc3\xa9"}}'),
        (b'{"clir":{"y":1},"a":2}', b'{"clir":{"x":"\xc3\xa9"},"a":2}'),
    ],
)
def test_one_key_is_added(text: bytes, expected: bytes) -> None:
    assert spliced(text, loads_object(text), "clir", {"x": "é"}) == expected


def test_bulk_lines_are_kept() -> None:
    body = (
        b'{"index" : {"_id": 1}}\r\n{"a" : 1}\r\n\n{"delete":{"_index":"x","_id":"2"}}\n'
        b'{"update":{"_id":"3","routing":"r","retry_on_conflict":2}}\n{"doc":{}}\n'
    )
    first, second, third = operations(body)
    assert (first.op, first.id, first.index("kb"), first.source()) == ("index", "1", "kb", {"a": 1})
    assert first.wire() == b'{"index" : {"_id": 1}}\n{"a" : 1}\n'
    assert (second.op, second.source_line, second.index("kb")) == ("delete", None, "x")
    assert third.routing == "r"
    third.extra, third.dropped = {"if_seq_no": 4}, frozenset({"retry_on_conflict"})
    assert third.wire() == b'{"update":{"_id":"3","routing":"r","if_seq_no":4}}\n{"doc":{}}\n'
    assert [n for _, n in parts([first, second, third], 60)] == [1, 1, 1]
    assert [n for _, n in parts([first, second, third], 10_000)] == [3]


@pytest.mark.parametrize(
    "body",
    [
        b'{"index":{}}\n{"a":1}',
        b'{"index":{}}\n',
        b'{"wrong":{}}\n{}\n',
        b'{"index":{},"create":{}}\n{}\n',
        b'{"index":[]}\n{}\n',
        b"[]\n{}\n",
    ],
)
def test_bulk_bodies_that_the_server_refuses_are_left_to_it(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        list(operations(body))


def test_pairs_of_searches() -> None:
    found = pairs(b'\n{"a":1}\n{"index":["x","y"]}\n{}\n{"index":"z"}\n{}\n')
    assert [pair.expression("kb") for pair in found] == ["kb", "x,y", "z"]
    assert found[0].expression(None) == "_all"
    for wrong in (b"{}\n{}", b"{}\n{}\n{}\n", b"{\n{}\n"):
        with pytest.raises(NotUnderstood):
            pairs(wrong)


def test_documents_are_merged_as_the_server_does() -> None:
    current = {"a": {"b": 1, "c": [1, 2]}, "d": "x", "e": {"f": 1}}
    doc = {"a": {"c": [3], "g": None}, "e": 5, "h": {}}
    assert merged(current, doc) == {
        "a": {"b": 1, "c": [3], "g": None}, "d": "x", "e": 5, "h": {},
    }  # fmt: skip
    assert current["a"] == {"b": 1, "c": [1, 2]}


KB = Managed("kb", schema())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (True, {"excludes": ["clir", "clir.*"]}),
        (False, False),
        ("title", {"includes": ["title"], "excludes": ["clir", "clir.*"]}),
        (["a*", "b"], {"includes": ["a*", "b"], "excludes": ["clir", "clir.*"]}),
        ({"excludes": "x"}, {"excludes": ["x", "clir", "clir.*"]}),
        ({"exclude": ["x"]}, {"exclude": ["x", "clir", "clir.*"]}),
        ({"includes": ["clir.lang"]}, {"includes": ["clir.lang"]}),
    ],
)
def test_our_object_is_left_out_unless_asked_for(source: Any, expected: Any) -> None:
    wanted = {"includes": ["clir.lang"]} if expected == {"includes": ["clir.lang"]} else expected
    assert _hidden(source, [KB]) == wanted


def test_queries_in_the_address() -> None:
    params = {"q": "a b", "df": "text", "lenient": "true", "size": "5"}
    assert from_uri(params) == {
        "query_string": {"query": "a b", "default_field": "text", "lenient": "true"}
    }


def test_indices_in_a_point_in_time() -> None:
    everything = Found((KB,), ("free",), {"kb": "A" * 22, "free": "B" * 22}, {})
    both = base64.urlsafe_b64encode(b"\x01kb\x16" + b"A" * 22 + b"..free" + b"B" * 22).decode()
    found = in_pit(both.rstrip("="), everything)
    assert (found.managed, found.others) == ((KB,), ("free",))
    assert in_pit("%%%", everything) == Found()


def test_requests_in_the_callers_name() -> None:
    head = (
        b"POST /kb/_bulk HTTP/1.1\r\nHost: a\r\nAuthorization: Basic x\r\nX-Opaque-Id: 7\r\n"
        b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\nAccept-Encoding: gzip\r\n"
        b"Content-Type: application/x-ndjson\r\nExpect: 100-continue"
    )
    request = parse_request(head)
    ours = in_its_name(request, request.fields, b"POST", b"/_mget", b"{}").wire()
    assert ours == (
        b"POST /_mget HTTP/1.1\r\nHost: a\r\nAuthorization: Basic x\r\nX-Opaque-Id: 7\r\n"
        b"accept-encoding: identity\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n"
    )
    other = changed(request, request.fields, b"/kb/_bulk?a=1", b"abc").wire()
    assert other == (
        b"POST /kb/_bulk?a=1 HTTP/1.1\r\nHost: a\r\nAuthorization: Basic x\r\nX-Opaque-Id: 7\r\n"
        b"Accept-Encoding: gzip\r\nContent-Type: application/x-ndjson\r\ncontent-length: 3\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://search.example/prefix", b"search.example"),
        ("http://[::1]:9200/prefix", b"[::1]:9200"),
    ],
)
def test_the_clusters_own_name_and_prefix(url: str, host: bytes) -> None:
    from opensearch_clir.addresses import parse_addresses

    (address,) = parse_addresses(url)
    request = parse_request(b"GET /a HTTP/1.1\r\nHost: gateway:9290\r\nX: 1")
    kept = addressed(request, address, rewrite_host=False)
    assert kept == b"GET /prefix/a HTTP/1.1\r\nHost: gateway:9290\r\nX: 1\r\n\r\n"
    named = addressed(request, address, rewrite_host=True)
    assert named == b"GET /prefix/a HTTP/1.1\r\nHost: " + host + b"\r\nX: 1\r\n\r\n"


def test_items_of_a_bulk_answer() -> None:
    items = [{"index": {"status": 201}}, {"update": {"status": 409, "error": {}}}]
    body = json.dumps({"took": 1, "items": items}).encode()
    assert items_of(body, 2) == items
    assert items_of(body, 3) is None
    assert items_of(b"took: 1", 2) is None
    assert failed(items)
    assert not failed(items[:1])


def test_memory_is_counted() -> None:
    budget = Budget(10)
    budget.take(7)
    with pytest.raises(Malformed) as full:
        budget.take(4)
    assert full.value.status == 429
    budget.give_back(7)
    budget.take(10)


def test_compressed_bodies_are_bounded() -> None:
    from opensearch_clir.gateway.bodies import _unpacked

    data = gzip.compress(b"x" * 1000)
    assert _unpacked(data, 1000) == b"x" * 1000
    assert len(_unpacked(data, 100) or b"") == 101
    assert _unpacked(data[:-1], 1000) is None
    assert _unpacked(b"no gzip", 1000) is None
