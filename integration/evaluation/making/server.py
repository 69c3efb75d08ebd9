"""The judging page on 127.0.0.1: a secret in the address, and nothing for other pages to abuse.

A page in the same browser could send requests to this port. It can't know the token, so it gets
404; and a name that was made to point at 127.0.0.1 fails the check of the Host header.
"""

from __future__ import annotations

import hmac
import json
import secrets
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from opensearch_clir.errors import ClirError, ConfigurationError
from opensearch_clir.evaluation.making.desk import Desk

__all__ = ["MAX_BODY", "JudgingServer"]

#: Bytes of a request body; a decision takes some hundred.
MAX_BODY = 8_192

#: Seconds after which a connection that says nothing is closed.
_IDLE = 30

_TYPES = {
    "judge.html": "text/html; charset=utf-8",
    "judge.css": "text/css; charset=utf-8",
    "judge.js": "text/javascript; charset=utf-8",
}

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class JudgingServer(ThreadingHTTPServer):
    """Serves one desk until it is shut down."""

    daemon_threads = True

    def __init__(self, desk: Desk, port: int = 0) -> None:
        """Listen on 127.0.0.1 only.

        Args:
            port: 0 for any free one.

        Raises:
            ConfigurationError: the port is taken, or not a port.
        """
        self.desk = desk
        self.token = secrets.token_urlsafe(24)
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            raise ConfigurationError(
                f"port {port} can't be used ({error}): name another with --port, or leave it out"
            ) from error

    @property
    def url(self) -> str:
        """The page's address, with the secret."""
        return f"http://127.0.0.1:{self.server_port}/{self.token}/"

    @property
    def hosts(self) -> frozenset[str]:
        """Host headers that are accepted."""
        return frozenset(f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost"))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away; print what is our own fault."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, status: HTTPStatus, message: str = "") -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    timeout = _IDLE
    protocol_version = "HTTP/1.1"
    server_version = "clir"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep quiet: the address holds the secret."""

    @property
    def _site(self) -> JudgingServer:
        return cast("JudgingServer", self.server)

    def _answer(self, act: Callable[[str], tuple[str, bytes]]) -> None:
        status = HTTPStatus.OK
        try:
            kind, body = act(self._path())
        except _Refused as refused:
            status = refused.status
            kind, body = _json({"error": str(refused) or status.phrase})
            # What follows in the connection may be a body that nobody read.
            self.close_connection = True
        except ClirError as error:
            status = HTTPStatus.BAD_REQUEST
            kind, body = _json({"error": str(error)})
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _path(self) -> str:
        """Return the path after the secret, once host, origin and secret are right."""
        if self.headers.get("Host") not in self._site.hosts:
            raise _Refused(HTTPStatus.FORBIDDEN, "wrong host")
        origin = self.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc not in self._site.hosts:
            raise _Refused(HTTPStatus.FORBIDDEN, "wrong origin")
        _, _, rest = urlsplit(self.path).path.partition("/")
        token, slash, inner = rest.partition("/")
        if not hmac.compare_digest(token.encode(), self._site.token.encode()) or not slash:
            raise _Refused(HTTPStatus.NOT_FOUND)
        return inner

    def _get(self, path: str) -> tuple[str, bytes]:
        asked = parse_qs(urlsplit(self.path).query)
        languages = [code for code in ",".join(asked.get("languages", [])).split(",") if code]
        desk = self._site.desk
        if path == "api/start":
            return _json(desk.start())
        if path == "api/progress":
            return _json(desk.progress(_only(asked, "judge"), languages))
        if path == "api/task":
            at = _only(asked, "at")
            return _json(desk.task(languages, int(at) if at.isdecimal() else -1))
        name = path or "judge.html"
        if name not in _TYPES:
            raise _Refused(HTTPStatus.NOT_FOUND)
        folder = resources.files("opensearch_clir.evaluation.making")
        return _TYPES[name], folder.joinpath(name).read_bytes()

    def _post(self, path: str) -> tuple[str, bytes]:
        if path != "api/decisions":
            raise _Refused(HTTPStatus.NOT_FOUND)
        value = self._body()
        judge, query, document = (value.get(key) for key in ("judge", "query", "document"))
        grade = value.get("grade", "missing")
        if not all(isinstance(text, str) for text in (judge, query, document)):
            raise _Refused(HTTPStatus.BAD_REQUEST, "judge, query and document must be strings")
        if grade is not None and not isinstance(grade, int):
            raise _Refused(HTTPStatus.BAD_REQUEST, "grade must be a whole number or null")
        self._site.desk.decide(str(judge), str(query), str(document), grade)
        return _json({})

    def _body(self) -> dict[str, Any]:
        # A form of another site can't send this type without asking first, which is refused.
        if self.headers.get_content_type() != "application/json":
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise _Refused(HTTPStatus.LENGTH_REQUIRED)
        if len(length) > 9 or int(length) > MAX_BODY:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            value = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, "not JSON") from error
        if not isinstance(value, dict):
            raise _Refused(HTTPStatus.BAD_REQUEST, "not a JSON object")
        return value


def _only(asked: dict[str, list[str]], name: str) -> str:
    return asked.get(name, [""])[0]


def _json(value: dict[str, Any]) -> tuple[str, bytes]:
    text = json.dumps(value, ensure_ascii=False)
    return "application/json; charset=utf-8", text.encode("utf-8", "replace")
