"""Writing to the index: bounded requests in flight, retries, and an account of every document."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy import exceptions as server

from opensearch_clir.cluster import guarded
from opensearch_clir.errors import ClirError, ClusterError, IndexMissingError
from opensearch_clir.ingest.chunks import Chunk, chunked
from opensearch_clir.ingest.records import Record, read_action
from opensearch_clir.ingest.rejected import DeadLetters, Rejected
from opensearch_clir.ingest.send import Outcome, Sender

__all__ = ["Report", "WriteInterrupted", "write"]

#: ``http.max_content_length`` of a server that does not tell.
DEFAULT_MAX_CONTENT = 100 * 1024 * 1024


@dataclass
class Report:
    """The account of one run.

    Attributes:
        indexed: operations that the server took.
        rejected: number of documents refused, by kind of reason.
        unsent: operations that were read, but neither taken nor refused when the run ended early.
        retries: requests that were sent again.
        seconds: wall-clock time of the whole run under ``total``; time the writer waited for its
            input (reading and enriching) under ``input``, for the server under ``server``.
    """

    indexed: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    unsent: int = 0
    retries: int = 0
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))


class WriteInterrupted(KeyboardInterrupt):
    """Ctrl-C during `write`, after the requests in flight were finished.

    Attributes:
        report: what was written until then.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(f"interrupted; {_resume(report)}")
        self.report = report


def write(
    client: OpenSearch,
    actions: Iterable[Record | Rejected | Mapping[str, Any] | str],
    *,
    index: str,
    chunk_docs: int = 500,
    chunk_bytes: int = 8 * 1024 * 1024,
    max_retries: int = 6,
    backoff: float = 0.5,
    max_backoff: float = 30.0,
    concurrency: int = 2,
    refresh: bool = True,
    on_rejected: Callable[[Rejected], None] | None = None,
) -> Report:
    """Write operations to an index that exists.

    At most `concurrency` requests are in flight and one is being filled, whatever the length of
    `actions`. Operations on one document keep their order. Only failed items are tried again, on
    429, 502, 503, 504 and lost connections. Running again is safe where documents have ids.

    Args:
        client: its own time-outs apply.
        actions: records, or actions as opensearch-py's helpers take them; an ``_index`` in them
            is ignored. What was rejected earlier is counted with the rest.
        index: where everything goes.
        chunk_docs, chunk_bytes: most items and bytes in a request; one larger item goes alone.
        max_retries: tries after the first one.
        backoff, max_backoff: seconds before the second try, and most between two.
        concurrency: requests in flight.
        refresh: make the documents visible to searches at the end.
        on_rejected: gets each refused document, in this thread; else they are logged at the end.

    Raises:
        IndexMissingError: there is no such index; it is never created here.
        ClusterError: or a subclass: unreachable, not allowed, blocked, closed. The message says
            how many documents are in.
        WriteInterrupted: Ctrl-C; requests in flight were finished.
    """
    with guarded(f"writing to {index!r}"):
        if not client.indices.exists(index=index):
            raise IndexMissingError(
                f"there is no index {index!r}: create it with `clir setup {index}`"
            )
    limit = _max_content(client)
    stop = threading.Event()
    sender = Sender(client, index, max_retries, backoff, max_backoff, stop)
    run = _Run(sender, concurrency, on_rejected)
    chunks = chunked(
        map(read_action, actions),
        client.transport.serializer,
        chunk_docs,
        min(chunk_bytes, limit),
        limit,
    )
    report = run.all(chunks)
    if refresh:
        with guarded(f"refreshing {index!r} ({report.indexed:,} documents are in)"):
            client.indices.refresh(index=index)
    return report


class _Run:
    """The requests in flight of one call of `write`."""

    def __init__(
        self, sender: Sender, concurrency: int, on_rejected: Callable[[Rejected], None] | None
    ) -> None:
        self._sender = sender
        self._concurrency = concurrency
        self._letters = DeadLetters()
        self._on_rejected = on_rejected
        self._flying: dict[Future[Outcome], set[str]] = {}
        self.report = Report(rejected=self._letters.counts)

    def all(self, chunks: Iterable[Chunk]) -> Report:
        """Send the chunks; return the account, or raise with it in the message."""
        started = time.perf_counter()
        seconds = self.report.seconds
        with ThreadPoolExecutor(self._concurrency, "clir-bulk") as pool:
            try:
                waiting = time.perf_counter()
                for chunk in chunks:
                    seconds["input"] += time.perf_counter() - waiting
                    self._submit(pool, chunk)
                    waiting = time.perf_counter()
                seconds["input"] += time.perf_counter() - waiting
                while self._flying:
                    self._collect()
            except KeyboardInterrupt as error:
                self._finish()
                raise WriteInterrupted(self.report) from error
            except ClirError as error:
                self._finish()
                raise type(error)(f"{error}; {_resume(self.report)}") from error
            finally:
                self._finish()
                seconds["total"] = time.perf_counter() - started
        if self._on_rejected is None:
            self._letters.log()
        return self.report

    def _submit(self, pool: ThreadPoolExecutor, chunk: Chunk) -> None:
        for rejected in chunk.rejected:
            self._reject(rejected)
        ids = chunk.ids
        while len(self._flying) >= self._concurrency or any(
            not ids.isdisjoint(others) for others in self._flying.values()
        ):
            self._collect()
        if chunk.items:
            self._flying[pool.submit(self._sender.send, chunk.items)] = ids

    def _collect(self) -> None:
        """Wait for a request; raise if it shows that no other can succeed."""
        started = time.perf_counter()
        done, _ = wait(self._flying, return_when=FIRST_COMPLETED)
        self.report.seconds["server"] += time.perf_counter() - started
        fatal: list[ClusterError] = []
        for future in done:
            del self._flying[future]
            outcome = future.result()
            self.report.indexed += outcome.written
            self.report.unsent += outcome.unsent
            self.report.retries += outcome.retries
            for rejected in outcome.rejected:
                self._reject(rejected)
            if outcome.fatal is not None:
                fatal.append(outcome.fatal)
        if fatal:
            raise fatal[0]

    def _finish(self) -> None:
        """Let the requests in flight end, without further tries, and count them."""
        self._sender.stop.set()
        while self._flying:
            with suppress(ClusterError):  # the first error is already on its way
                self._collect()

    def _reject(self, rejected: Rejected) -> None:
        self._letters(rejected)
        if self._on_rejected is not None:
            self._on_rejected(rejected)


def _max_content(client: OpenSearch) -> int:
    """Return the bytes that every node takes in one request, or the server's default."""
    try:
        nodes = client.nodes.info(metric="http")["nodes"]
        return min(int(node["http"]["max_content_length_in_bytes"]) for node in nodes.values())
    except (server.OpenSearchException, KeyError, ValueError):
        return DEFAULT_MAX_CONTENT  # managed clusters hide it; a 413 later is dealt with


def _resume(report: Report) -> str:
    return (
        f"{report.indexed:,} documents are in, {sum(report.rejected.values()):,} were rejected; "
        "run it again to write the rest (documents with the same id are replaced, not repeated)"
    )
