"""The client of chat completions against a real server on loopback, good and bad."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from llm_server import Handler, Server, completion, refusing, running, saying
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.training.synthesis.client import Client
from opensearch_clir.training.synthesis.config import Endpoint
from opensearch_clir.training.synthesis.replies import Reply, Trouble

MESSAGES = [{"role": "user", "content": 'schön 日本 " \n'}]
KEY = "sk-t0p-s3cret"


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as state:
        yield state


def ask(server: Server, **settings: Any) -> Reply | Trouble:
    client = Client(Endpoint(server.url, "m1", **settings))
    try:
        return client.ask(MESSAGES)
    finally:
        client.close()


def trouble(server: Server, **settings: Any) -> Trouble:
    found = ask(server, **settings)
    assert isinstance(found, Trouble)
    return found


def test_a_request_says_all_and_a_reply_is_read(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_KEY", KEY)
    server.orders = [saying("réponse", "length")]
    parameters = {"max_tokens": 7, "response_format": {"type": "json_object"}}
    found = ask(server, key_env="LLM_KEY", parameters=parameters)
    assert found == Reply("réponse", "length", 100, 20)
    (sent,) = server.requests
    assert sent == {
        "path": "/v1/chat/completions",
        "model": "m1",
        "messages": MESSAGES,
        **parameters,
    }
    assert server.keys == [f"Bearer {KEY}"]


def test_without_a_key_none_is_sent_and_counts_may_be_missing(server: Server) -> None:
    server.tokens = None
    server.orders = [saying("x")]
    assert ask(server) == Reply("x", "stop")
    assert server.keys == [None]


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (400, "prompt", "status 400: no"),
        (422, "prompt", "status 422: no"),
        (401, "fatal", "check the key"),
        (403, "fatal", "lacks a permission"),
        (404, "fatal", "check url and model"),
        (307, "fatal", "not followed"),
        (429, "later", "status 429: no"),
        (500, "later", "status 500: no"),
        (503, "later", "status 503: no"),
    ],
)
def test_statuses_say_whether_another_try_helps(
    server: Server, status: int, kind: str, said: str
) -> None:
    server.orders = [refusing(status, Location="http://127.0.0.1:9/")]
    found = trouble(server)
    assert (found.kind, found.lost, found.wait) == (kind, False, None)
    assert said in found.message
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("7", 7, 7),
        ("0.5", 0.5, 0.5),
        ("-3", 0, 0),
        ("in 3000 seconds", 2000, 3000),
        ("soon", None, None),
        ("nan", None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(
    server: Server, value: str, low: float | None, high: float | None
) -> None:
    if value == "in 3000 seconds":
        # Counted from now: a whole run lies between collecting the tests and this line.
        value = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=3000))
    server.orders = [refusing(429, Retry_After=value)]
    wait = trouble(server).wait
    assert (wait is None) == (low is None)
    if wait is not None and low is not None and high is not None:
        assert low <= wait <= high


def huge(handler: Handler) -> None:
    handler.raw(json.dumps(completion("x" * 50_000)).encode())


def endless(handler: Handler) -> None:
    """Send chunks without an end, and without saying how many."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(b"400\r\n" + b" " * 1024 + b"\r\n")


def cut_off(handler: Handler) -> None:
    data = json.dumps(completion("x")).encode()
    handler.raw(data[:20], length=len(data))
    handler.close_connection = True


def silent(handler: Handler) -> None:
    time.sleep(8)


def trickling(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(80):
        handler.wfile.write(b" ")
        time.sleep(0.1)


def hung_up(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


@pytest.mark.parametrize(
    ("order", "kind", "said"),
    [
        (huge, "prompt", "more than 20000 bytes"),
        (endless, "prompt", "more than 20000 bytes"),
        (cut_off, "later", "broke off"),
        (hung_up, "later", "broke off"),
        (silent, "later", "within 0.5 s"),
        (trickling, "later", "no whole answer within 0.5 s"),
        (lambda h: h.raw(b"<html>busy</html>"), "later", "no chat completion"),
        (lambda h: h.raw(b'{"choices": []}'), "later", "no chat completion"),
        (lambda h: h.raw(b"[1]"), "later", "no chat completion"),
        (lambda h: h.raw(b"[" * 19_000), "later", "no chat completion"),
        (lambda h: h.raw(b"\xff\xfe{"), "later", "no chat completion"),
    ],
)
def test_answers_that_are_none_count_as_paid(
    server: Server, order: Any, kind: str, said: str
) -> None:
    server.orders = [order]
    began = time.monotonic()
    found = trouble(server, timeout=0.5, max_response=20_000)
    assert (found.kind, found.lost) == (kind, True)
    assert said in found.message
    assert time.monotonic() - began < 6


def test_a_message_without_text_is_an_empty_reply(server: Server) -> None:
    server.orders = [lambda h: h.raw(b'{"choices": [{"message": {"content": null}}], "usage": 1}')]
    assert ask(server) == Reply("", "")


def test_nobody_there_costs_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        found = Client(Endpoint(url, "m")).ask(MESSAGES)
    assert isinstance(found, Trouble)
    assert (found.kind, found.lost) == ("later", False)
    assert "no connection to the endpoint: " in found.message
    assert "object at" not in found.message


def test_a_certificate_must_be_trusted(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *name]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*request, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with running(context) as server:
        server.always = saying("x")
        found = trouble(server)
        assert found.kind == "fatal"
        assert "certificate is not trusted" in found.message
        assert server.requests == []
        assert isinstance(ask(server, ca_certs=cert), Reply)
    with pytest.raises(ConfigurationError, match="can't use ca_certs"):
        Client(Endpoint("https://localhost/v1", "m", ca_certs=tmp_path / "none.pem"))


def test_the_key_is_never_shown(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("LLM_KEY", KEY)
    server.orders = [
        refusing(401, f"Incorrect API key provided: {KEY}\n."),
        lambda h: h.raw(f"bad {KEY} key".encode(), 403),
        cut_off,
        hung_up,
    ]
    client = Client(Endpoint(server.url, "m1", key_env="LLM_KEY"))
    said = [repr(client), *(repr(client.ask(MESSAGES)) for _ in range(4))]
    assert "provided: ***" in said[1]
    assert "bad *** key" in said[2]
    assert not any("s3cret" in text for text in [*said, caplog.text])
    assert server.keys == [f"Bearer {KEY}"] * 4


@pytest.mark.parametrize("value", [None, "", "  ", "schlüssel", "two words", "a\nb"])
def test_unusable_keys_are_told_without_showing_them(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("sk_live_12345", raising=False)
    if value is not None:
        monkeypatch.setenv("sk_live_12345", value)
    with pytest.raises(ConfigurationError, match="key") as error:
        Client(Endpoint("https://h/v1", "m", key_env="sk_live_12345"))
    assert "12345" not in str(error.value)
    assert not (value and value.strip() and value in str(error.value))
