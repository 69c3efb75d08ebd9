"""A reranker behind HTTP, as Cohere, Jina, Voyage, vLLM, TEI's gateways and `clir serve` speak it.

``POST {model, query, documents, top_n, return_documents}``, answered by
``{results: [{index, relevance_score}]}`` in any order.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import certifi
import numpy as np
import urllib3

from opensearch_clir.errors import ConfigurationError, RerankerError
from opensearch_clir.rerank.base import Evidence
from opensearch_clir.service.options import is_loopback

__all__ = ["CERTIFICATES", "KEY", "RemoteReranker", "Service", "scores_of"]

#: Environment variables with the service's key, and a PEM file of the authority that signed its
#: certificate, where that is not a public one.
KEY, CERTIFICATES = "CLIR_RERANK_KEY", "CLIR_RERANK_CA_CERTS"

#: Bytes of a request's texts, and of an answer: more is cut, or refused.
MAX_SENT, MAX_ANSWER = 8 * 1024 * 1024, 8 * 1024 * 1024

#: Seconds for one call, where the search does not set fewer.
SECONDS = 30.0

#: Bytes that are read between two looks at the clock.
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Service:
    """Where a remote reranker is.

    Attributes:
        url: of its endpoint, such as ``https://api.example.com/v2/rerank``.
        model: that it is asked for; it is the part behind ``#`` of the name.
    """

    url: str
    model: str

    @classmethod
    def parse(cls, name: str) -> Service:
        """Read ``https://host/path#model``.

        Raises:
            ConfigurationError: it is no such address, carries credentials, or would send a key
                unencrypted over a network.
        """
        parts = urlsplit(name)
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        try:
            usable = parts.port is None or parts.port > 0
        except ValueError:
            usable = False
        if parts.scheme not in ("http", "https") or not parts.hostname or not usable:
            raise ConfigurationError(f"a remote reranker is https://HOST/PATH#MODEL, got {shown!r}")
        if parts.username or parts.password:
            raise ConfigurationError(
                f"the address of the reranker {shown!r} holds credentials: put the key into the "
                f"environment variable {KEY}"
            )
        if parts.scheme == "http" and os.environ.get(KEY) and not is_loopback(parts.hostname):
            raise ConfigurationError(
                f"{KEY} is set, and {shown!r} would carry it unencrypted: use https"
            )
        return cls(parts._replace(fragment="").geturl(), parts.fragment)


class RemoteReranker:
    """Asks a service for scores. Safe to share between threads.

    Attributes:
        name: the address with ``#`` and the model.
    """

    def __init__(self, name: str) -> None:
        """Nothing is sent yet.

        Args:
            name: ``https://host/path#model``; the key, if any, is in the environment (`KEY`).

        Raises:
            ConfigurationError: see `Service.parse`.
        """
        self.name = name
        self._service = Service.parse(name)
        trusted = os.environ.get(CERTIFICATES) or certifi.where()
        if not Path(trusted).is_file():
            raise ConfigurationError(f"{CERTIFICATES} names {trusted!r}, which is no file")
        self._pool = urllib3.PoolManager(ca_certs=trusted, cert_reqs="CERT_REQUIRED", maxsize=16)

    @property
    def fingerprint(self) -> str:
        """Address and model: whether the service changed the model behind a name, nobody says."""
        return f"remote {self.name}"

    def score(self, query: str, texts: Sequence[str], seconds: float) -> Evidence:
        """Return the service's scores; NaN for texts that it did not answer for.

        Texts are cut alike until they fit into one request.

        Raises:
            RerankerError: no answer in time, a refusal, or an answer that is none.
        """
        body = {
            "model": self._service.model,
            "query": query,
            "documents": _fitting(texts),
            "top_n": len(texts),
            "return_documents": False,
        }
        answer = self._post(json.dumps(body).encode(), min(seconds, SECONDS))
        try:
            return scores_of(json.loads(answer), len(texts))
        except (ValueError, RecursionError) as error:
            raise RerankerError(f"reranker {self.name!r}: {error}") from error

    def _post(self, body: bytes, seconds: float) -> bytes:
        limit = time.monotonic() + seconds
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key := os.environ.get(KEY):
            headers["Authorization"] = f"Bearer {key}"
        try:
            response = self._pool.request(
                "POST",
                self._service.url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(total=seconds),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                answer = self._read(response, limit, seconds)
            except BaseException:
                response.close()  # not to be used again: the rest of the answer is still to come
                raise
            response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            # What nobody listens to counts as a time-out there, too.
            refused = isinstance(error, urllib3.exceptions.NewConnectionError)
            if isinstance(error, urllib3.exceptions.TimeoutError) and not refused:
                raise self._late(seconds) from error
            # Its text may quote addresses; the class says what happened.
            raise RerankerError(
                f"reranker {self.name!r} can't be reached ({type(error).__name__})"
            ) from error
        if response.status != 200:
            raise RerankerError(
                f"reranker {self.name!r} refused with status {response.status}: {_start(answer)}"
            )
        return answer

    def _read(self, response: urllib3.BaseHTTPResponse, limit: float, seconds: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        # Not `read`: a service that sends a byte a second would never be late.
        while part := response.read1(_CHUNK):
            size += len(part)
            if size > MAX_ANSWER:
                raise RerankerError(
                    f"reranker {self.name!r} answered more than {MAX_ANSWER:,} bytes"
                )
            if time.monotonic() > limit:
                raise self._late(seconds)
            parts.append(part)
        return b"".join(parts)

    def _late(self, seconds: float) -> RerankerError:
        return RerankerError(f"reranker {self.name!r} did not answer within {seconds:g} s")


def scores_of(answer: Any, count: int) -> Evidence:
    """Return the scores of an answer, NaN where it has none.

    The first of two for one text counts; a score that is no finite number is none.

    Args:
        answer: parsed JSON.
        count: texts that were sent.

    Raises:
        ValueError: it has no results, or one for a text that was not sent.
    """
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list):
        raise ValueError("the answer has no list of 'results'")
    scores = np.full(count, np.nan)
    seen: set[int] = set()
    for result in results:
        index = result.get("index") if isinstance(result, dict) else None
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
            raise ValueError(f"the answer has a result for text {index!r}, {count} were sent")
        value = result.get("relevance_score", result.get("score"))
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if index not in seen and number:
            scores[index] = float(value)
        seen.add(index)
    return scores


def _fitting(texts: Sequence[str]) -> list[str]:
    """Return texts of at most `MAX_SENT` bytes together, the longest cut."""
    longest = max(map(len, texts))
    cut = list(texts)
    while sum(len(text.encode("utf-8", "replace")) for text in cut) > MAX_SENT:
        longest //= 2
        cut = [text[:longest] for text in cut]
    return cut


def _start(answer: bytes) -> str:
    text = " ".join(answer.decode("utf-8", "replace").split())
    return text if len(text) <= 200 else text[:199] + "…"
