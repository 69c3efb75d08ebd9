"""A server that speaks the chat completions protocol, on loopback (no tests here).

It answers as told, request by request; without orders it writes queries about the passage in the
prompt. What it was sent is kept.
"""

from __future__ import annotations

import json
import re
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Does something with a request instead of answering it properly.
Order = Callable[["Handler"], None]

LANGUAGES = {"English": "en", "German": "de", "French": "fr", "Russian": "ru", "Japanese": "ja"}

#: Two queries for a word, in the five languages that the server writes.
PHRASES = {
    "en": ("how much does {} cost these days", "what is the best way to look after {} at home"),
    "de": ("wie teuer ist {} heutzutage eigentlich", "womit pflegt man {} zu Hause am besten"),
    "fr": ("combien coûte {} de nos jours", "quelle est la meilleure façon d'entretenir {}"),
    "ru": ("сколько сейчас стоит {} в магазине", "как правильно ухаживать дома за {}"),
    "ja": ("最近の{}の値段はいくらですか", "家で{}を手入れする一番よい方法は何ですか"),
}


@dataclass
class Server:
    """What was asked, and what is to be done with the next requests."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    orders: list[Order | None] = field(default_factory=list)
    always: Order | None = None
    tokens: tuple[int, int] | None = (100, 20)
    lock: threading.Lock = field(default_factory=threading.Lock)
    now: int = 0
    most: int = 0


def written(prompt: str) -> list[str]:
    """Return two queries about the longest word of the passage, in the language asked for."""
    lang = LANGUAGES[re.search(r"in (\w+)[ ,]", prompt)[1]]  # type: ignore[index]
    passage = re.search(r"<passage>\n(.*)\n</passage>", prompt, re.DOTALL)[1]  # type: ignore[index]
    word = max(re.findall(r"\w+", passage), key=len)
    return [phrase.format(word) for phrase in PHRASES[lang]]


def completion(content: str, finish: str = "stop") -> dict[str, Any]:
    return {
        "id": "x",
        "object": "chat.completion",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": content}}
            | {"finish_reason": finish}
        ],
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Server
    asked: dict[str, Any]

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        state = self.state
        with state.lock:
            self.asked = json.loads(raw) | {"path": self.path}
            state.requests.append(self.asked)
            state.keys.append(self.headers.get("Authorization"))
            state.times.append(time.monotonic())
            order = state.orders.pop(0) if state.orders else state.always
            state.now += 1
            state.most = max(state.most, state.now)
        try:
            (order or Handler.good)(self)
        except (BrokenPipeError, ConnectionResetError):  # the client has left, as some tests want
            self.close_connection = True
        finally:
            with state.lock:
                state.now -= 1

    def good(self) -> None:
        content = json.dumps({"queries": written(self.asked["messages"][1]["content"])})
        self.say(completion(content) | self.usage)

    @property
    def usage(self) -> dict[str, Any]:
        if self.state.tokens is None:
            return {}
        prompt, said = self.state.tokens
        return {"usage": {"prompt_tokens": prompt, "completion_tokens": said}}

    def say(self, value: Any, status: int = 200, **headers: str) -> None:
        self.raw(json.dumps(value, ensure_ascii=False).encode(), status, **headers)

    def raw(self, data: bytes, status: int = 200, length: int | None = None, **more: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Quiet(ThreadingHTTPServer):
    """Says nothing of clients that leave or distrust its certificate."""

    def handle_error(self, *_: Any) -> None:
        problem = sys.exc_info()[1]
        if not isinstance(problem, (OSError, ValueError)):
            raise problem  # type: ignore[misc]


def saying(content: str, finish: str = "stop") -> Order:
    """Answer with this text."""
    return lambda handler: handler.say(completion(content, finish) | handler.usage)


def refusing(status: int, message: str = "no", **headers: str) -> Order:
    """Answer with an error."""
    return lambda handler: handler.say({"error": {"message": message}}, status, **headers)


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run the server until the end of the block, with TLS under the name localhost."""
    state = Server()
    kind = type("Bound", (Handler,), {"state": state})
    server = _Quiet(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        state.url = f"https://localhost:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
