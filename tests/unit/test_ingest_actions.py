"""Enrichment of bulk actions."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opensearchpy.helpers import expand_action

from ingest_cases import ENGLISH, enricher, schema
from opensearch_clir.ingest.rejected import Rejected

FIELDS = {"title": "Fox", "text": ENGLISH}


def one(action: Any, **options: Any) -> dict[str, Any]:
    (result,) = enricher(schema(**options)).enrich_actions([action])
    assert isinstance(result, dict), result
    return result


@pytest.mark.parametrize("op", ["index", "create"])
def test_inline_and_source_documents_are_enriched(op: str) -> None:
    header, source = expand_action(one({"_op_type": op, "_index": "i", "_id": 1, **FIELDS}))
    assert header == {op: {"_index": "i", "_id": "1"}}
    assert source["clir"]["lang"] == "en"
    nested = {"_op_type": op, "_index": "i", "_id": "1", "_routing": "r", "_source": FIELDS}
    header, again = expand_action(one(nested))
    assert header == {op: {"_index": "i", "_id": "1", "routing": "r"}}
    assert again == source
    assert FIELDS == {"title": "Fox", "text": ENGLISH}


def test_a_string_is_a_document() -> None:
    header, source = expand_action(one('{"text": "fox"}'))
    assert header == {"index": {}}
    assert source["clir"]


def test_deletes_and_scripts_pass() -> None:
    delete = {"_op_type": "delete", "_index": "i", "_id": "1"}
    assert one(delete) == delete
    script = {"_op_type": "update", "_id": "1", "script": {"source": "ctx._source.n++"}}
    assert expand_action(one(script)) == expand_action(script)


def test_partial_update_without_our_fields_passes() -> None:
    update = {"_op_type": "update", "_id": "1", "doc": {"price": 3}}
    assert expand_action(one(update)) == expand_action(update)


@pytest.mark.parametrize("doc", [{"text": "new"}, {"lang": "fr"}, {"title": None}, {"group": "g"}])
def test_partial_update_of_some_fields_is_marked_stale(doc: dict[str, Any]) -> None:
    _, body = expand_action(
        one({"_op_type": "update", "_id": "1", "doc": doc}, lang_field="lang", group_field="group")
    )
    assert body == {"doc": {**doc, "clir": {"hash": "stale"}}}


def test_update_with_all_fields_is_enriched_and_leaves_nothing_old() -> None:
    _, body = expand_action(
        one({"_op_type": "update", "_id": "1", "doc": FIELDS, "detect_noop": 1})
    )
    ours = body["doc"]["clir"]
    assert body["detect_noop"] == 1
    assert ours["lang"] == "en"
    assert ours["text"]["en"]
    assert ours["text"]["fr"] is None
    assert ours["text"]["und"] is None
    # That of an earlier text, or of the user, would stay if ours said nothing.
    assert ours["group"] == f"alone:{ours['hash']}"
    assert ours["v"]["abc123"]


def test_upserts_are_whole_documents() -> None:
    action = {"_op_type": "update", "_id": "1", "script": "x", "upsert": {"text": "fox"}}
    _, body = expand_action(one(action))
    assert body["upsert"]["clir"]["v"]
    counter = {"_op_type": "update", "_id": "1", "script": "x", "upsert": {"n": 1}}
    assert expand_action(one(counter)) == expand_action(counter)


def test_other_indices_pass() -> None:
    actions = [{"_index": "mine", "text": "fox"}, {"_index": "other", "text": 1}, {"text": "fox"}]
    results = list(enricher().enrich_actions(actions, indices={"mine"}))
    assert ["clir" in r["_source"] for r in results if isinstance(r, dict)] == [True, False, True]


@pytest.mark.parametrize(
    "action", [{"_op_type": "upsert", "text": "x"}, "[1]", "{", {"_source": "text"}]
)
def test_what_is_no_action_is_rejected(action: Any) -> None:
    (result,) = enricher().enrich_actions([action])
    assert isinstance(result, Rejected)
    assert result.source == action


def test_actions_only_hands_rejections_over() -> None:
    rejected: list[Rejected] = []
    actions = [{"_id": "1"}, {"_id": "2", "text": "fox"}]
    kept = list(enricher().actions_only(actions, on_rejected=rejected.append))
    assert [action["_id"] for action in kept] == ["2"]
    assert [(r.id, r.source) for r in rejected] == [("1", {})]


def test_actions_only_logs_what_nobody_takes(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "opensearch_clir.ingest"):
        assert list(enricher().actions_only([{"_id": "1"}, {"_id": "2"}])) == []
    assert "2 documents were rejected" in caplog.text
    assert "no text in title, text" in caplog.text


def test_an_unparsable_document_in_an_update_is_rejected_with_its_body() -> None:
    body = {"doc": {"title": "x", "text": {"a": 1}}}
    (result,) = enricher().enrich_actions([{"_op_type": "update", "_id": "1", **body}])
    assert isinstance(result, Rejected)
    assert result.source == body
