"""Cutting texts word by word gives the pieces that cutting them whole gives."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opensearch_clir.encoders.registry import EMBEDDED, load_encoder
from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.rerank import pieces
from opensearch_clir.rerank.pieces import Cutter


def encoder() -> StaticEncoder:
    found = load_encoder(EMBEDDED)
    assert isinstance(found, StaticEncoder)
    return found


CUTTER = Cutter(encoder())


def whole(text: str) -> list[int]:
    """Return the pieces that count, from the text in one go."""
    tokenizer, scales = encoder().tokenizer, encoder().scales
    return [
        row
        for row in next(encoder().token_ids([text]))
        if scales[row] > 0 and re.search(r"[^\W_]", tokenizer.id_to_token(row) or "")
    ]


@settings(deadline=None)
@given(
    st.text(max_size=200)
    | st.text(alphabet="aé \u0301\u00a8\u3000\u00a0ß\u03a3İ的ไ-1", max_size=40)
)
@example("Drucker  mit\tdem\nNetzwerk   verbinden ")
@example("打印机 连接 โทรศัพท์ไม่ติด")
@example("e \u0301a a\u0308b ΟΔΟΣ ΣΑΣ İstanbul \ufb01n")
@example("lone \ud800 surrogate")
def test_word_by_word_is_as_whole(text: str) -> None:
    assert CUTTER.pieces([text]) == [whole(text)]


def test_texts_keep_their_places_and_repeats() -> None:
    texts = ["printer paper printer", "", "paper", "printer paper printer"]
    assert Cutter(encoder()).pieces(texts) == [whole(text) for text in texts]


def test_what_is_remembered_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST", 2_000)
    cutter = Cutter(encoder())
    text = " ".join(f"word{n}" for n in range(50)) + " " + "x" * 1_000
    expected = whole(text)
    for _ in range(3):
        assert cutter.pieces([text]) == [expected]
    cutter.pieces(["another"])
    assert set(cutter._words) == {"another"}
