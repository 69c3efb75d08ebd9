"""The users' own fields of an index, which a clause over all fields means."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.setup.inspect import lookup

__all__ = ["OwnFields", "user_fields"]

#: Seconds for which a mapping is kept.
TTL = 60.0


def user_fields(properties: Mapping[str, Any], namespace: str) -> list[str]:
    """Return patterns for all fields of an index but ours.

    Args:
        properties: of its mapping.
        namespace: name of our object.
    """
    names = sorted(name for name in properties if name != namespace)
    return [pattern for name in names for pattern in _patterns(name, properties[name])]


def _patterns(name: str, mapped: Mapping[str, Any]) -> list[str]:
    if "properties" in mapped:
        return [f"{name}.*"]
    return [name, f"{name}.*"] if "fields" in mapped else [name]


class OwnFields:
    """Reads the users' fields of an index or alias; keeps them for `TTL` seconds."""

    def __init__(self, client: OpenSearch, index: str) -> None:
        """Nothing is read yet."""
        self._client = client
        self._index = index
        self._known: list[str] = []
        self._until = 0.0
        self._lock = threading.Lock()

    def read(self, namespace: str) -> list[str]:
        """Return the patterns, as `user_fields` does.

        Raises:
            ClusterError: no answer, or reading is not allowed.
        """
        with self._lock:
            if time.monotonic() < self._until:
                return self._known
            _, found = lookup(self._client, self._index)
            merged: dict[str, Any] = {}
            for body in found.values():
                merged |= body["mappings"].get("properties", {})
            self._known = user_fields(merged, namespace)
            self._until = time.monotonic() + TTL
            return self._known
