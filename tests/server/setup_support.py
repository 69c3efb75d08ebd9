"""What the tests of `setup` share: an encoder to compute by hand, and recorded requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
from opensearchpy import OpenSearch

from opensearch_clir.encoders.base import Role, Vectors
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.settings import load_settings
from opensearch_clir.setup import Options, SetupPlan, carry_out, prepare, set_up

BACKGROUND = {"matching": (0.1234567890123, 0.0625), "non_matching": (-1e-9, 1 / 3)}


class TinyEncoder:
    """Vectors of three numbers: length of the text, its vowels, one."""

    def __init__(self, name: str = "tiny", fingerprint: str = "f1", dimension: int = 3) -> None:
        self.name, self.fingerprint, self.dimension = name, fingerprint, dimension

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        rows = [[len(t), sum(t.count(v) for v in "aeiou"), 1.0] for t in texts]
        padded = np.zeros((len(rows), self.dimension), dtype=np.float32)
        padded[:, :3] = rows
        return padded


@contextmanager
def measured() -> Iterator[None]:
    """Give every encoder the same background; its sample texts mean nothing to this one."""
    with patch("opensearch_clir.encoders.background.measure", return_value=BACKGROUND):
        yield


def plan_for(client: OpenSearch, index: str, **arguments: Any) -> SetupPlan:
    """Plan with the tiny encoder; settings and options by name."""
    options, settings, encoder = split(arguments)
    with measured():
        return prepare(client, index, settings, encoder=encoder, options=options)


def run(client: OpenSearch, index: str, **arguments: Any) -> IndexSchema:
    """Set up with the tiny encoder; settings and options by name."""
    options, settings, encoder = split(arguments)
    with measured():
        return set_up(client, index, settings, encoder=encoder, options=options, enrich=tiny_enrich)


def outcome_of(client: OpenSearch, plan: SetupPlan) -> Any:
    """Carry out a plan with the tiny enrichment."""
    return carry_out(client, plan, enrich=tiny_enrich)


def split(arguments: dict[str, Any]) -> tuple[Options, Any, TinyEncoder]:
    chosen = {k: arguments.pop(k) for k in list(arguments) if k in Options.__dataclass_fields__}
    encoder = arguments.pop("encoder", None) or TinyEncoder()
    arguments = {"fields": "title", "languages": "en,de", **arguments}
    return Options(**chosen), load_settings(None, **arguments), encoder


def tiny_enrich(actions: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Tag every document, but leave out those that ask for it."""
    for action in actions:
        source = action["_source"]
        if source.get("title") == "unreadable":
            continue
        yield {**action, "_source": {**source, "clir": {"lang": "en", "hash": "x"}}}


def mapping(client: OpenSearch, index: str) -> dict[str, Any]:
    """The mapping of one index."""
    (body,) = client.indices.get_mapping(index=index).values()
    found: dict[str, Any] = body["mappings"]
    return found


def titles(client: OpenSearch, index: str) -> list[str]:
    """All titles, sorted."""
    client.indices.refresh(index=index)
    hits = client.search(index=index, body={"size": 10_000})["hits"]["hits"]
    return sorted(hit["_source"]["title"] for hit in hits)


@contextmanager
def recorded(client: OpenSearch) -> Iterator[list[str]]:
    """List the requests that are sent inside the block, as ``PUT /index``; they are sent."""
    sent: list[str] = []
    original = client.transport.perform_request

    def perform(method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        sent.append(f"{method} {url}")
        return original(method, url, *args, **kwargs)

    with patch.object(client.transport, "perform_request", perform):
        yield sent


def changing(sent: list[str]) -> list[str]:
    """Those of the recorded requests that change something."""
    reading = ("_count", "_simulate", "_search", "_mget")
    return [
        r
        for r in sent
        if r.startswith(("PUT", "DELETE", "POST")) and not any(word in r for word in reading)
    ]
