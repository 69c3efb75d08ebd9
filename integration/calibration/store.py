"""Bundles in the cluster: one document each, never changed, and one pointer per index.

A pointer moves under the sequence number it had when the calibration began, so of two calibrations
at the same time one wins and the other is told so; readers see the one bundle or the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from opensearchpy import ConflictError, OpenSearch, RequestError

from opensearch_clir.calibration.bundle import Bundle
from opensearch_clir.cluster import guarded
from opensearch_clir.errors import ClusterError, ConfigurationError, DataError

__all__ = ["BUILTIN", "BUNDLES", "Pointer", "Store", "now", "removal"]

#: The hidden index.
BUNDLES = "clir-bundles"

#: In place of a bundle's id: the parameters that come with the package.
BUILTIN = "built-in"

#: Bundles that a history shows at most.
MAX_HISTORY = 1000

_KEYWORD = {"type": "keyword", "ignore_above": 8191}
_BODY: dict[str, Any] = {
    "settings": {
        "index.hidden": True,
        "index.number_of_shards": 1,
        "index.auto_expand_replicas": "0-1",
    },
    "mappings": {
        "dynamic": "strict",
        "properties": {
            "kind": _KEYWORD,
            "index": _KEYWORD,
            "active": _KEYWORD,
            "at": {"type": "date"},
            # Kept as it is: nobody searches inside a bundle, and its keys are not ours to map.
            "bundle": {"type": "object", "enabled": False},
        },
    },
}


def now() -> str:
    """Return the time in UTC, as ``2026-01-31T12:00:00.000Z``."""
    text = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


@dataclass(frozen=True)
class Pointer:
    """Which bundle an index uses.

    Attributes:
        active: id of a bundle, or `BUILTIN`.
        at: when it was moved there, UTC; empty where it never was.
        seq_no, primary_term: version that a move must still find; None where there is no pointer.
    """

    active: str = BUILTIN
    at: str = ""
    seq_no: int | None = None
    primary_term: int | None = None


class Store:
    """The bundles of one index.

    Args:
        client: connected client.
        index: name that bundles are kept under.
    """

    def __init__(self, client: OpenSearch, index: str) -> None:
        self.client = client
        self.index = index

    def pointer(self) -> Pointer:
        """Return which bundle is active. Raises `ClusterError`."""
        found = self._get(f"pointer:{self.index}")
        if found is None:
            return Pointer()
        source = found["_source"]
        return Pointer(source["active"], source["at"], found["_seq_no"], found["_primary_term"])

    def bundle(self, id: str) -> Bundle:  # noqa: A002 - what it is called everywhere
        """Return one bundle.

        Raises:
            ConfigurationError: this index has none of this id.
            DataError: it is damaged, or of another layout.
            ClusterError: no answer, or reading is not allowed.
        """
        found = self._get(f"bundle:{id}")
        if found is None or found["_source"]["index"] != self.index:
            raise ConfigurationError(
                f"index {self.index!r} has no bundle {id!r}: "
                f"`clir calibrate {self.index} --history` lists them"
            )
        return _read(found)

    def history(self) -> list[tuple[Bundle, bool]]:
        """Return all bundles, the latest first, and whether each is the active one.

        Damaged ones are left out: they can't be used. Raises `ClusterError`.
        """
        query = {
            "bool": {"filter": [{"term": {"kind": "bundle"}}, {"term": {"index": self.index}}]}
        }
        body = {"query": query, "size": MAX_HISTORY, "sort": [{"at": "desc"}]}
        with guarded(f"reading the bundles of {self.index!r}"):
            answer = self.client.search(
                index=BUNDLES, body=body, params={"ignore_unavailable": "true"}
            )
        active = self.pointer().active
        found = []
        for hit in answer["hits"]["hits"]:
            try:
                bundle = _read(hit)
            except DataError:
                continue
            found.append((bundle, bundle.id == active))
        return found

    def add(self, bundle: Bundle) -> None:
        """Store a bundle, which changes nothing yet. Raises `ClusterError`."""
        body = {
            "kind": "bundle",
            "index": self.index,
            "at": bundle.created,
            "bundle": bundle.to_json(),
        }
        self._create_index()
        with guarded(f"storing a bundle of {self.index!r} in {BUNDLES!r}"):
            self.client.index(
                index=BUNDLES,
                id=f"bundle:{bundle.id}",
                body=body,
                params={"op_type": "create", "refresh": "true"},
            )

    def move(self, to: str, seen: Pointer) -> None:
        """Make a bundle the active one, or the built-in parameters.

        Args:
            to: id of a stored bundle, or `BUILTIN`.
            seen: the pointer that the decision was made on.

        Raises:
            ClusterError: it was moved by somebody else meanwhile, or the server refused.
        """
        self._create_index()
        params: dict[str, Any] = {"op_type": "create", "refresh": "true"}
        if seen.seq_no is not None:
            params = {
                "if_seq_no": seen.seq_no,
                "if_primary_term": seen.primary_term,
                "refresh": "true",
            }
        body = {"kind": "pointer", "index": self.index, "active": to, "at": now()}
        try:
            with guarded(f"moving {self.index!r} to bundle {to}"):
                self.client.index(
                    index=BUNDLES, id=f"pointer:{self.index}", body=body, params=params
                )
        except ClusterError as error:
            if not isinstance(error.__cause__, ConflictError):
                raise
            raise ClusterError(
                f"another calibration of {self.index!r} finished meanwhile, and its bundle "
                f"{self.pointer().active} is active; {to} is kept: look at both with "
                f"`clir calibrate {self.index} --history`, and choose one with --rollback ID"
            ) from error

    def _get(self, id: str) -> dict[str, Any] | None:  # noqa: A002
        # Neither the document nor the index need be there. Ignoring 404 also keeps it unlogged.
        with guarded(f"reading the bundles of {self.index!r}"):
            found: dict[str, Any] = self.client.get(index=BUNDLES, id=id, params={"ignore": (404,)})
        return found if found.get("found") else None

    def _create_index(self) -> None:
        try:
            with guarded(f"making the index {BUNDLES!r}"):
                if not self.client.indices.exists(index=BUNDLES):
                    self.client.indices.create(index=BUNDLES, body=_BODY)
        except ClusterError as error:
            # Two at once: whoever came second finds it there.
            cause = error.__cause__
            if isinstance(cause, RequestError) and "already_exists" in str(cause.error):
                return
            raise


def removal(names: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Return path and body of the request that removes all bundles and pointers of indices."""
    path = f"/{BUNDLES}/_delete_by_query?refresh=true&conflicts=proceed&ignore_unavailable=true"
    return path, {"query": {"terms": {"index": list(names)}}}


def _read(found: dict[str, Any]) -> Bundle:
    return Bundle.from_json(found["_source"]["bundle"], f"bundle {found['_id']} in {BUNDLES!r}")
