"""The service over HTTP, as far as it needs no cluster."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from opensearch_clir.encoders.registry import EMBEDDED, load_encoder
from opensearch_clir.rerank import Candidate, scored
from opensearch_clir.rerank.remote import KEY, RemoteReranker
from opensearch_clir.service.app import ROUTES
from opensearch_clir.service.auth import OPEN_PATHS
from service_cases import TOKEN, Caller, running


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    with running(body=100_000, documents=50) as caller:
        yield caller


def test_health_says_that_it_answers_and_ready_that_the_cluster_does_not(call: Caller) -> None:
    assert call("GET", "/health") == (200, {"status": "ok"})
    status, answer = call("GET", "/ready")
    assert (status, answer["error"]["type"]) == (503, "cluster_unavailable")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer wrong-token-of-this-size", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN],
)
def test_without_the_token_nothing_is_done(call: Caller, header: str) -> None:
    status, answer = call("POST", "/v1/detect", {"texts": ["a"]}, Authorization=header)
    assert (status, answer["error"]["type"]) == (401, "unauthorized")
    for path in OPEN_PATHS:
        assert call("GET", path, Authorization=header)[0] in (200, 503)
    assert call("GET", "/metrics", Authorization=header)[0] == 401


def test_the_token_counts_whatever_the_case_of_its_scheme(call: Caller) -> None:
    assert call("GET", "/v1/models", Authorization=f"bEARER {TOKEN}")[0] == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b'{"texts": [NaN]}', "invalid_json"),
        (b"[" * 90_000, "invalid_json"),
        (b"[]", "invalid_request"),
        (b"{}", "invalid_request"),
        (b'{"texts": "a"}', "invalid_request"),
        (b'{"texts": [1]}', "invalid_request"),
    ],
)
def test_malformed_bodies_are_refused(call: Caller, body: bytes, kind: str) -> None:
    status, answer = call("POST", "/v1/detect", body)
    assert (status, answer["error"]["type"]) == (400, kind)


def test_too_much_is_refused_before_it_is_read(call: Caller) -> None:
    status, answer = call("POST", "/v1/detect", b"x" * 100_001)
    assert (status, answer["error"]["type"]) == (413, "too_large")
    chunks = call.http.request(
        "POST",
        f"{call.url}/v1/detect",
        body=(b"x" * 10_000 for _ in range(11)),
        headers={"Authorization": f"Bearer {TOKEN}", "Transfer-Encoding": "chunked"},
        retries=False,
    )
    assert chunks.status == 413
    status, answer = call("POST", "/v1/detect", {"texts": ["a"] * 51})
    assert (status, answer["error"]["type"]) == (413, "too_many")
    # It goes on.
    assert call("POST", "/v1/detect", {"texts": ["Guten Morgen, wie geht es?"]})[0] == 200


def test_unknown_paths_and_methods_are_told_as_json(call: Caller) -> None:
    assert call("GET", "/nope")[1]["error"]["type"] == "no_such_path"
    assert call("GET", "/v1/detect")[1]["error"]["type"] == "wrong_method"


def test_languages_are_detected(call: Caller) -> None:
    texts = ["Où est la gare, s'il vous plaît ?", "駅はどこですか", ""]
    status, answer = call("POST", "/v1/detect", {"texts": texts})
    assert status == 200
    assert [next(iter(found), None) for found in answer["languages"]][:2] == ["fr", "ja"]


def test_vectors_are_the_encoders(call: Caller) -> None:
    texts = ["Drucker", "lone surrogate \ud800"]
    encoder = load_encoder(EMBEDDED)
    status, answer = call("POST", "/v1/embed", {"texts": texts, "role": "query"})
    assert status == 200
    assert answer["fingerprint"] == encoder.fingerprint
    wanted = encoder.encode(["Drucker", "lone surrogate ?"], "query")
    np.testing.assert_allclose(answer["vectors"], wanted, atol=1e-6)
    assert call("POST", "/v1/embed", {"texts": [], "role": "author"})[0] == 400


def test_openai_clients_get_what_they_expect(call: Caller) -> None:
    body = {"model": EMBEDDED, "input": ["a b", "Haus"]}
    status, answer = call("POST", "/v1/embeddings", body)
    assert status == 200
    assert [item["index"] for item in answer["data"]] == [0, 1]
    assert set(answer["usage"]) == {"prompt_tokens", "total_tokens"}
    coded = call("POST", "/v1/embeddings", {**body, "encoding_format": "base64"})[1]
    for plain, packed in zip(answer["data"], coded["data"], strict=True):
        vector = np.frombuffer(base64.b64decode(packed["embedding"]), "<f4")
        np.testing.assert_allclose(vector, plain["embedding"], atol=1e-6)
    one = call("POST", "/v1/embeddings", {"model": EMBEDDED, "input": "Haus"})[1]
    np.testing.assert_allclose(
        one["data"][0]["embedding"], answer["data"][1]["embedding"], atol=1e-6
    )
    assert call("GET", "/v1/models")[1]["data"][0]["id"] == EMBEDDED
    wrong = [{**body, "model": "x"}, {**body, "input": []}, {**body, "dimensions": 3}]
    assert [call("POST", "/v1/embeddings", b)[0] for b in wrong] == [404, 400, 400]


def test_documents_are_reranked_as_other_services_do_it(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["Die Katze schläft", " ", "Drucker mit dem Netzwerk verbinden", "printer"]
    body = {"query": "connect the printer to the network", "documents": texts, "model": EMBEDDED}
    status, answer = call("POST", "/v1/rerank", body)
    assert status == 200
    assert sorted(r["index"] for r in answer["results"]) == [0, 2, 3]
    assert answer["results"][-1]["index"] == 0
    found = [r["relevance_score"] for r in answer["results"]]
    assert found == sorted(found, reverse=True)
    # Longer numbers would make ML Commons' own reranking fail.
    assert all(len(str(score)) <= 8 for score in found)
    few = {**body, "top_n": 1, "return_documents": True, "documents": [{"text": t} for t in texts]}
    (best,) = call("POST", "/v1/rerank", few)[1]["results"]
    assert best["document"]["text"] == texts[best["index"]]
    # A remote reranker of ours reads the same numbers.
    monkeypatch.setenv(KEY, TOKEN)
    own = RemoteReranker(f"{call.url}/v1/rerank#{EMBEDDED}")
    scores = scored(own, body["query"], [Candidate(str(i), "de", t) for i, t in enumerate(texts)])
    assert np.isnan(scores[1])
    assert {r["index"]: r["relevance_score"] for r in answer["results"]} == {
        i: scores[i] for i in (0, 2, 3)
    }


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"query": ""}, 400),
        ({"query": None}, 400),
        ({"documents": "a"}, 400),
        ({"documents": [1]}, 400),
        ({"documents": [{"title": "a"}]}, 400),
        ({"top_n": -1}, 400),
        ({"top_n": "1"}, 400),
        ({"model": "another"}, 404),
        ({"documents": ["a"] * 51}, 413),
        ({"documents": []}, 200),
        ({"query": "\ud800 a", "documents": ["\udfff"]}, 200),
    ],
)
def test_rerank_requests_are_checked(call: Caller, change: dict[str, Any], status: int) -> None:
    body = {"query": "a", "documents": ["a", "b"], **change}
    assert call("POST", "/v1/rerank", body)[0] == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"documents": []}, 400),
        ({"query": {}, "documents": "a"}, 400),
        ({"query": {}, "documents": ["a"]}, 400),
        ({"query": {}, "documents": [{"text": "a"}]}, 422),
        ({"query": {}, "documents": [{"text": "a", "previous_score": "NaN"}]}, 422),
        ({"query": {}, "documents": [{"text": "a", "previous_score": 1.5}]}, 422),
    ],
)
def test_hits_without_probabilities_keep_their_scores(
    call: Caller, body: dict[str, Any], status: int
) -> None:
    assert call("POST", "/v1/indices/kb/rerank", body)[0] == status


@pytest.mark.parametrize("job", ["enrich", "rewrite", "rerank"])
def test_without_the_cluster_the_caller_is_told_to_try_later(call: Caller, job: str) -> None:
    path = f"/v1/indices/kb/{job}"
    body = {"document": {"text": "a"}, "query": {"match_all": {}}, "documents": []}
    if job == "enrich":
        del body["documents"]
    status, answer = call("POST", path, body)
    assert (status, answer["error"]["type"]) == (503, "cluster_unavailable")
    assert "127.0.0.1" not in json.dumps(answer) or "check the address" in json.dumps(answer)


@pytest.mark.parametrize("name", ["_all", "a,b", "*", "-x"])
def test_patterns_are_no_index(call: Caller, name: str) -> None:
    status, answer = call("POST", f"/v1/indices/{name}/rewrite", {"query": {}})
    assert (status, answer["error"]["type"]) == (409, "index_state")


def test_the_description_names_every_route(call: Caller) -> None:
    status, described = call("GET", "/openapi.json")
    assert status == 200
    assert described["openapi"].startswith("3.1")
    listed = {(m.upper(), path) for path, ops in described["paths"].items() for m in ops}
    assert listed == {(method, path) for method, path, _ in ROUTES}


def test_metrics_count_by_route_not_by_path(call: Caller) -> None:
    call("POST", "/v1/indices/some-name/rewrite", {"query": {}})
    text = call("GET", "/metrics")[1].decode()
    assert 'clir_requests_total{endpoint="rewrite",status="503"}' in text
    assert "some-name" not in text


def test_slow_requests_end_and_crowds_are_turned_away() -> None:
    with running(token=None, seconds=0.3, waiting=5_000) as call:
        # The encoder needs longer for this than is allowed.
        status, answer = call("POST", "/v1/indices/kb/enrich", b"x" * 6_000)
        assert (status, answer["error"]["type"]) == (503, "too_busy")
        body = json.dumps({"texts": ["a"]}).encode()
        slow = threading.Event()

        def trickle() -> Iterator[bytes]:
            yield body[:5]
            slow.wait(2)
            yield body[5:]

        headers = {"Transfer-Encoding": "chunked"}
        answered = call.http.request(
            "POST", f"{call.url}/v1/detect", body=trickle(), headers=headers, retries=False
        )
        assert answered.status == 504
