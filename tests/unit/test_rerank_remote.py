"""Remote rerankers against a real HTTP server that answers well and badly."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from opensearch_clir.errors import ConfigurationError, RerankerError
from opensearch_clir.rerank import Candidate, load_reranker, scored
from opensearch_clir.rerank.remote import KEY, MAX_ANSWER, MAX_SENT, RemoteReranker, Service
from rerank_cases import Service as Server
from rerank_cases import serving

TEXTS = ["one", "two", "three"]
CANDIDATES = [Candidate(text, "en", text) for text in TEXTS]


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as service:
        yield service


def results(*pairs: tuple[int, Any]) -> dict[str, Any]:
    return {"results": [{"index": i, "relevance_score": score} for i, score in pairs]}


def test_the_request_is_what_such_services_take(server: Server) -> None:
    server.answer = lambda _: results((0, 0.5), (1, 0.25), (2, 0.125))
    reranker = RemoteReranker(f"{server.url}#some/model")
    assert scored(reranker, "question", CANDIDATES).tolist() == [0.5, 0.25, 0.125]
    headers, body = server.seen[0]
    assert body == {
        "model": "some/model",
        "query": "question",
        "documents": TEXTS,
        "top_n": 3,
        "return_documents": False,
    }
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (results((2, 3), (0, 1.5), (1, 2)), [1.5, 2.0, 3.0]),
        (results((1, 0.5)), [np.nan, 0.5, np.nan]),
        (results(), [np.nan] * 3),
        (results((1, 0.5), (1, 0.9), (0, 1)), [1.0, 0.5, np.nan]),
        (results((0, None), (1, "high"), (2, True)), [np.nan] * 3),
        ({"results": [{"index": 0, "score": 0.5}], "meta": 1}, [0.5, np.nan, np.nan]),
        ((b'{"results": [{"index": 0, "relevance_score": NaN}, '
         b'{"index": 1, "relevance_score": 1e999}, {"index": 2, "relevance_score": -1}]}'),
         [np.nan, np.nan, -1.0]),
    ],
    ids=["any order", "short", "empty", "twice", "no numbers", "score", "NaN and infinity"],
)  # fmt: skip
def test_what_is_missing_is_not_scored(server: Server, answer: Any, expected: list[float]) -> None:
    server.answer = lambda _: answer
    found = scored(RemoteReranker(server.url), "question", CANDIDATES)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "Expecting value"),
        (b"<html>", "Expecting value"),
        (b"\xff\xfe\x00", "codec can't decode"),
        (b"[" * 100_000, "recursion"),
        ([], "no list of 'results'"),
        ({"error": "no"}, "no list of 'results'"),
        (results((3, 1.0)), "text 3, 3 were sent"),
        (results((-1, 1.0)), "text -1"),
        ({"results": [7]}, "text None"),
        ({"results": [{"index": True, "relevance_score": 1}]}, "text True"),
        ((401, {"message": "bad key"}), "status 401.*bad key"),
        ((429, b"slow down"), "status 429"),
        ((302, b""), "status 302"),
        (b" " * (MAX_ANSWER + 1), "more than 8,388,608 bytes"),
    ],
)
def test_garbage_is_refused(server: Server, answer: Any, message: str) -> None:
    server.answer = lambda _: answer
    with pytest.raises(RerankerError, match=message):
        scored(RemoteReranker(server.url), "question", CANDIDATES)


def test_an_answer_that_comes_late_is_not_waited_for(server: Server) -> None:
    server.answer = lambda _: (time.sleep(1.0), results((0, 1.0)))[1]
    started = time.monotonic()
    with pytest.raises(RerankerError, match=r"within 0\.2 s"):
        scored(RemoteReranker(server.url), "question", CANDIDATES, 0.2)
    assert time.monotonic() - started < 0.9


def test_an_answer_that_drips_is_not_waited_for(server: Server) -> None:
    server.answer = lambda _: b" " * 1000
    server.drip = 0.02
    started = time.monotonic()
    with pytest.raises(RerankerError, match=r"within 0\.3 s"):
        scored(RemoteReranker(server.url), "question", CANDIDATES, 0.3)
    assert time.monotonic() - started < 5


def test_nobody_there_is_said_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "s3cret")
    with pytest.raises(RerankerError, match="can't be reached") as caught:
        scored(RemoteReranker("http://127.0.0.1:9/rerank"), "question", CANDIDATES, 20.0)
    assert "s3cret" not in str(caught.value)


def test_the_key_comes_from_the_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "s3cret")
    reranker = RemoteReranker(server.url)
    scored(reranker, "question", CANDIDATES)
    assert server.seen[0][0]["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in reranker.name + reranker.fingerprint + repr(vars(reranker))


def test_an_error_of_the_server_does_not_break_the_next_call(server: Server) -> None:
    reranker = RemoteReranker(server.url)
    server.answer = lambda _: (500, b"x" * 100_000)
    with pytest.raises(RerankerError, match="status 500"):
        scored(reranker, "question", CANDIDATES)
    server.answer = lambda _: results((0, 1.0))
    assert scored(reranker, "question", CANDIDATES)[0] == 1.0


def test_large_texts_are_cut_to_fit(server: Server) -> None:
    reranker, text = RemoteReranker(server.url), "é" * 10_000_000
    scored(reranker, "question", [Candidate(str(i), "en", text) for i in range(300)])
    sent = server.seen[0][1]["documents"]
    assert len(sent) == 300
    assert len(json.dumps(sent, ensure_ascii=False).encode()) < MAX_SENT + 10_000


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ftp://host/x", "https://HOST/PATH#MODEL"),
        ("http:///x", "https://HOST/PATH#MODEL"),
        ("https://me:s3cret@host/x", KEY),
        ("https://host:port/x", "https://HOST/PATH#MODEL"),
    ],
)
def test_addresses_that_can_t_be_meant(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        load_reranker(name)
    assert "s3cret" not in str(caught.value)


def test_a_key_goes_over_a_network_encrypted_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "s3cret")
    with pytest.raises(ConfigurationError, match="unencrypted"):
        Service.parse("http://rerank.example.com/v1/rerank#m")
    assert Service.parse("https://rerank.example.com/v1/rerank#m").model == "m"
    assert Service.parse("http://localhost:8080/v1/rerank").model == ""


def test_a_certificate_nobody_signed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIR_RERANK_CA_CERTS", "/nowhere.pem")
    with pytest.raises(ConfigurationError, match="no file"):
        RemoteReranker("https://localhost/x")
