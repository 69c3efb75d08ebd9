"""One request to an OpenAI-compatible endpoint: what it answered, or why there is no answer."""

from __future__ import annotations

import json
import os
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
)
from urllib3.exceptions import TimeoutError as TooLate

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.training.synthesis.endpoint import Endpoint
from opensearch_clir.training.synthesis.replies import Reply, Trouble, read_reply

__all__ = ["Client"]

#: Bytes read at a time.
CHUNK = 1 << 16
#: Characters of an endpoint's own words that a message repeats.
QUOTED = 300
#: Seconds within which a connection must stand.
CONNECT = 10.0

#: Statuses after which the same request may succeed, besides those from 500 on.
_LATER = frozenset({408, 409, 425, 429})
#: Statuses that may be due to this one prompt.
_PROMPT = frozenset({400, 413, 422})


@dataclass
class Client:
    """Asks one endpoint; several threads may share it."""

    endpoint: Endpoint
    _key: str = field(init=False, repr=False)
    _pool: urllib3.PoolManager = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Read the key from the environment; nothing is sent yet.

        Raises:
            ConfigurationError: the key is missing or no header could hold it, or the file
                `ca_certs` can't be used.
        """
        self._key = _key(self.endpoint.key_env)
        certificates = self.endpoint.ca_certs
        try:
            context = ssl.create_default_context(cafile=certificates and str(certificates))
        except OSError as error:
            raise ConfigurationError(f"can't use ca_certs {certificates}: {error}") from error
        self._pool = urllib3.PoolManager(
            maxsize=self.endpoint.concurrency, block=False, retries=False, ssl_context=context
        )

    def close(self) -> None:
        """Close idle connections."""
        self._pool.clear()

    def ask(self, messages: Sequence[Mapping[str, str]]) -> Reply | Trouble:
        """Send one request; never raises what the endpoint or the network causes."""
        limit = self.endpoint.timeout
        deadline = time.monotonic() + limit
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        body = {"model": self.endpoint.model, **self.endpoint.parameters, "messages": messages}
        try:
            answer = self._pool.request(
                "POST",
                f"{self.endpoint.url.rstrip('/')}/chat/completions",
                body=json.dumps(body, ensure_ascii=False).encode(),
                headers=headers,
                timeout=urllib3.Timeout(connect=min(CONNECT, limit), read=limit),
                redirect=False,
                preload_content=False,
            )
        except SSLError as error:
            return Trouble(f"the endpoint's certificate is not trusted: {_told(error)}", "fatal")
        except (NewConnectionError, ConnectTimeoutError, NameResolutionError) as error:
            return Trouble(f"no connection to the endpoint: {_told(error)}", "later")
        except TooLate:
            return Trouble(f"no answer within {limit:g} s", "later", lost=True)
        except HTTPError as error:
            return Trouble(f"the connection broke off: {_told(error)}", "later", lost=True)
        try:
            data = self._read(answer, deadline)
        finally:
            # Given back before, if the answer was read to its end.
            answer.close()
        if isinstance(data, Trouble):
            return data
        if answer.status == 200:
            return read_reply(data)
        return self._refusal(answer.status, answer.headers.get("Retry-After"), data)

    def _read(self, answer: urllib3.BaseHTTPResponse, deadline: float) -> bytes | Trouble:
        """Return the body, whole and within the limits of size and time."""
        most, parts, size = self.endpoint.max_response, [], 0
        try:
            while part := answer.read1(CHUNK):
                parts.append(part)
                size += len(part)
                if size > most:
                    return Trouble(f"the answer has more than {most} bytes", "prompt", lost=True)
                if time.monotonic() > deadline:
                    break
            else:
                answer.release_conn()
                return b"".join(parts)
        except TooLate:
            pass
        except HTTPError as error:
            return Trouble(f"the answer broke off: {_told(error)}", "later", lost=True)
        return Trouble(f"no whole answer within {self.endpoint.timeout:g} s", "later", lost=True)

    def _refusal(self, status: int, retry_after: str | None, data: bytes) -> Trouble:
        said = self._quoted(data)
        if status in _LATER or status >= 500:
            return Trouble(f"status {status}{said}", "later", _seconds(retry_after))
        if status in _PROMPT:
            return Trouble(f"status {status}{said}", "prompt")
        advice = {
            401: f"; check the key in the environment variable {self.endpoint.key_env or '(none)'}",
            403: "; the key lacks a permission, or the address is blocked",
            404: "; check url and model",
        }.get(status, "")
        if 300 <= status < 400:
            advice = "; it points elsewhere, which is not followed: give the final url"
        return Trouble(f"status {status}{said}{advice}", "fatal")

    def _quoted(self, data: bytes) -> str:
        """Return the endpoint's own words, on one line, without the key."""
        text = data[: 8 * QUOTED].decode("utf-8", "replace")
        try:
            error = json.loads(data).get("error")
            text = error if isinstance(error, str) else str(error["message"])
        except (ValueError, AttributeError, KeyError, TypeError):
            pass
        if self._key:
            text = text.replace(self._key, "***")
        text = "".join(c if c.isprintable() else " " for c in text)
        return f": {' '.join(text.split())[:QUOTED]}" if text.strip() else ""


def _told(error: HTTPError) -> str:
    """Return what an error says, without the objects that urllib3 shows along."""
    innermost: object = error
    while isinstance(innermost, BaseException) and innermost.args:
        innermost = innermost.args[-1]
    return str(innermost).rpartition(">: ")[2] or type(error).__name__


def _key(name: str) -> str:
    """Return the key in an environment variable; no message shows its name or its content.

    Someone may have written the key itself where the name belongs.
    """
    if not name:
        return ""
    key = os.environ.get(name, "").strip()
    if not key:
        raise ConfigurationError("the environment variable that `key_env` names is not set")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigurationError("the key has characters that no HTTP header can hold")
    return key


def _seconds(retry_after: str | None) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, a number or a date."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            when = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        seconds = (
            (when if when.tzinfo else when.replace(tzinfo=timezone.utc)) - _now()
        ).total_seconds()
    return max(0.0, seconds) if seconds == seconds else None


def _now() -> datetime:
    return datetime.now(timezone.utc)
