"""Entity keys on the write path."""

from __future__ import annotations

from typing import Any

import pytest
from opensearchpy.helpers import expand_action

from ingest_cases import enricher
from opensearch_clir.entities import entity_keys
from opensearch_clir.ingest.pipeline import Enriched
from opensearch_clir.ingest.processors import tags
from opensearch_clir.ingest.rejected import Rejected


def one(document: dict[str, Any]) -> dict[str, Any]:
    (result,) = enricher().enrich([document])
    assert isinstance(result, Enriched)
    ours: dict[str, Any] = result.document["clir"]
    return ours


def test_document_gets_the_keys_of_all_its_fields() -> None:
    title, text = "Filter KX-410", "It was sent from Leipzig to us."
    ours = one({"title": title, "text": text})
    assert ours["entities"] == list(entity_keys(f"{title}\n{text}"))
    assert {"=kx410", "=leipzig"} <= set(ours["entities"])


def test_document_without_entities_has_no_such_key() -> None:
    assert "entities" not in one({"text": "nothing to be named here"})


def test_other_rules_change_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    before = one({"text": "fox"})["hash"]
    monkeypatch.setattr(tags, "ENTITY_RULES", tags.ENTITY_RULES + 1)
    assert one({"text": "fox"})["hash"] != before


def test_update_leaves_no_old_entities() -> None:
    update = {"doc": {"title": "plain", "text": "words"}}
    (made,) = enricher().enrich_actions([{"_op_type": "update", "_id": "1", **update}])
    assert not isinstance(made, Rejected)
    _, body = expand_action(made)
    assert body["doc"]["clir"]["entities"] is None
