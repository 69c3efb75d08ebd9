"""Pieces of documents on the write path."""

from __future__ import annotations

from typing import Any

import pytest
from opensearchpy.helpers import expand_action

from ingest_cases import enricher, schema
from opensearch_clir.ingest.pipeline import Enriched
from opensearch_clir.ingest.rejected import Rejected
from opensearch_clir.translation import embedded_lexicon

TITLE, TEXT = "Coffee machine", "Die Kaffeemaschine, die Milch, kocht nicht."
LEXICON = embedded_lexicon().id


def one(document: dict[str, Any], **options: Any) -> dict[str, Any]:
    (result,) = enricher(schema(**{"lexicon": LEXICON, **options})).enrich([document])
    assert isinstance(result, Enriched)
    ours: dict[str, Any] = result.document["clir"]
    return ours


def update(doc: dict[str, Any], **options: Any) -> dict[str, Any]:
    chosen = schema(**{"lexicon": LEXICON, **options})
    (made,) = enricher(chosen).enrich_actions([{"_op_type": "update", "_id": "1", "doc": doc}])
    assert not isinstance(made, Rejected)
    _, body = expand_action(made)
    ours: dict[str, Any] = body["doc"]["clir"]
    return ours


def test_the_whole_text_and_its_headings() -> None:
    body, head = embedded_lexicon().pieces([f"{TITLE}\n{TEXT}", TITLE])
    assert one({"title": TITLE, "text": TEXT})["pieces"] == {LEXICON: {"body": body, "head": head}}
    assert set(head) <= set(body)


def test_without_heading_fields_there_is_the_body_alone() -> None:
    (body,) = embedded_lexicon().pieces([TEXT])
    assert one({"text": TEXT}, fields=("text",))["pieces"] == {LEXICON: {"body": body}}
    assert one({"text": TEXT})["pieces"] == {LEXICON: {"body": body}}


def test_a_text_without_letters_has_no_pieces() -> None:
    assert "pieces" not in one({"text": "!!! …"})


@pytest.mark.parametrize("lexicon", [None, "0badcafe"])
def test_an_index_without_our_vocabulary_gets_none(lexicon: str | None) -> None:
    ours = one({"title": TITLE, "text": f"{TEXT} KX-410"}, lexicon=lexicon)
    assert "pieces" not in ours
    assert ours["entities"]


def test_what_an_earlier_version_set_up_gets_neither() -> None:
    options = {"lexicon": None, "entities": False}
    document = {"title": TITLE, "text": f"{TEXT} KX-410"}
    assert not {"pieces", "entities"} & one(document, **options).keys()
    assert not {"pieces", "entities"} & update(document, **options).keys()


def test_another_vocabulary_changes_the_hash() -> None:
    hashes = {
        one({"text": "fox"}, lexicon=chosen)["hash"] for chosen in (LEXICON, "0badcafe", None)
    }
    assert len(hashes) == 3


def test_an_update_leaves_no_old_pieces() -> None:
    assert update({"title": "!!!", "text": "…"})["pieces"] is None
    # No heading any more, but a body.
    pieces = update({"title": "!!!", "text": TEXT})["pieces"][LEXICON]
    assert pieces["head"] is None
    assert pieces["body"]
    both = update({"title": TITLE, "text": TEXT})["pieces"][LEXICON]
    assert both == one({"title": TITLE, "text": TEXT})["pieces"][LEXICON]
