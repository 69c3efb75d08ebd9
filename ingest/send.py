"""One bulk request, repeated until each of its items is in, refused, or out of tries."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy import exceptions as server

from opensearch_clir.cluster import as_clir_error
from opensearch_clir.errors import ClusterError
from opensearch_clir.ingest.chunks import Item
from opensearch_clir.ingest.rejected import Rejected

__all__ = ["Outcome", "Sender"]

logger = logging.getLogger("opensearch_clir.ingest")

#: Answers that another try can change.
_RETRYABLE = frozenset({429, 502, 503, 504})

#: Errors of an item that every other item would meet too.
_FATAL = frozenset(
    {
        "cluster_block_exception",
        "index_not_found_exception",
        "index_closed_exception",
        "security_exception",
    }
)


@dataclass
class Outcome:
    """What became of the items of a chunk.

    Attributes:
        written: number of items that the server took.
        rejected: those it refused.
        retries: requests that were sent again.
        unsent: items given up because the run is ending.
        fatal: why nothing more can be written, if so.
    """

    written: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    retries: int = 0
    unsent: int = 0
    fatal: ClusterError | None = None


@dataclass(frozen=True)
class Sender:
    """Sends chunks to one index; safe to use from several threads.

    Attributes:
        client: the user's client.
        index: where everything goes.
        max_retries: tries after the first one.
        backoff: seconds before the second try; doubles each time, and half of it is random.
        max_backoff: most seconds between two tries.
        stop: set when the run ends early: what is in flight is finished, nothing is retried.
        told: set once a lost connection was logged, which happens once a run.
    """

    client: OpenSearch
    index: str
    max_retries: int
    backoff: float
    max_backoff: float
    stop: threading.Event
    told: threading.Event = field(default_factory=threading.Event)

    def send(self, items: list[Item]) -> Outcome:
        """Write the items; errors of the cluster are in the outcome, never raised."""
        outcome = Outcome()
        self._send(items, outcome)
        return outcome

    def _send(self, items: list[Item], outcome: Outcome) -> None:
        timed_out = False
        for attempt in range(self.max_retries + 1):
            if attempt:
                outcome.retries += 1
                if self.stop.wait(self._pause(attempt)):
                    outcome.unsent += len(items)
                    return
            last = attempt == self.max_retries
            try:
                answer = self.client.bulk(body=b"".join(i.body for i in items), index=self.index)
            except server.TransportError as error:
                if error.status_code == 413:
                    self._split(items, outcome)
                    return
                # The client calls a lost connection "N/A" and a time-out "TIMEOUT".
                lost = isinstance(error, server.ConnectionError)
                timed_out |= lost
                if lost and not self.told.is_set():
                    self.told.set()
                    logger.warning("no answer from the cluster: trying again for a while")
                if last or not (lost or error.status_code in _RETRYABLE):
                    outcome.fatal = as_clir_error(error, f"writing to {self.index!r}")
                    outcome.unsent += len(items)
                    return
                continue
            items = self._sort_out(items, answer["items"], outcome, last, timed_out)
            if not items or outcome.fatal is not None:
                outcome.unsent += len(items)
                return

    def _pause(self, attempt: int) -> float:
        longest: float = min(self.max_backoff, self.backoff * 2 ** (attempt - 1))
        return longest * (0.5 + random.random() / 2)  # noqa: S311  jitter, not a secret

    def _split(self, items: list[Item], outcome: Outcome) -> None:
        """Send in halves what the server (or a proxy before it) finds too large."""
        if len(items) == 1:
            reason = f"{len(items[0].body):,} bytes with its enrichment are too much for the server"
            outcome.rejected.append(_refused(items[0], reason))
            return
        half = len(items) // 2
        for part in (items[:half], items[half:]):
            if outcome.fatal is None:
                self._send(part, outcome)
            else:
                outcome.unsent += len(part)

    def _sort_out(
        self,
        items: list[Item],
        answers: list[dict[str, Any]],
        outcome: Outcome,
        last: bool,
        timed_out: bool,
    ) -> list[Item]:
        """Count what is settled; return what to try again."""
        again: list[Item] = []
        for item, answer in zip(items, answers, strict=True):
            ((_, result),) = answer.items()
            status, error = result["status"], _error(result)
            # An item that failed by time-out may be in; only this run knows an id it made up.
            ours = status == 409 and timed_out and item.own_id
            gone = item.record.op == "delete" and status == 404 and not error
            if status < 300 or ours or gone:
                outcome.written += 1
            elif error.get("type") in _FATAL:
                cause = server.TransportError(status, error.get("type"), {"error": error})
                outcome.fatal = as_clir_error(cause, f"writing to {self.index!r}")
                again.append(item)
            elif status in _RETRYABLE and not last:
                again.append(item)
            else:
                note = " (an earlier try timed out: it may be in)" if timed_out else ""
                outcome.rejected.append(_refused(item, f"{_reason(error)}{note}"))
        return again


def _error(result: Mapping[str, Any]) -> dict[str, Any]:
    error = result.get("error") or {}
    return error if isinstance(error, dict) else {"type": "error", "reason": str(error)}


def _reason(error: Mapping[str, Any]) -> str:
    """Return type, reason and causes in one line."""
    parts = [str(error.get("type", "error")), str(error.get("reason", ""))]
    cause = error.get("caused_by")
    while isinstance(cause, Mapping):
        parts.append(str(cause.get("reason", "")))
        cause = cause.get("caused_by")
    return " ".join(": ".join(part for part in parts if part).split())


def _refused(item: Item, reason: str) -> Rejected:
    record = item.record
    return Rejected(record.id, "write", reason, record.line, record.refeed)
