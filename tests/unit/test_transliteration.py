"""Words of other scripts in Latin letters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensearch_clir.language.transliteration import latin, romanised, script_of


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Токио", "tokio"),
        ("Τόκιο", "tokio"),
        ("トウキョウ", "toukyou"),
        ("ﾄｳｷｮｳ", "toukyou"),
        ("とうきょう", "toukyou"),
        ("シャープ", "shapu"),
        ("ヴァージン", "vajin"),
        ("チェス", "chesu"),
        ("लूमो", "lumo"),
        ("Łódź", "lodz"),
        ("ＢＭＷ", "bmw"),
        ("東京", "dongjing"),
        ("东京", "dongjing"),
    ],
)
def test_latin(word: str, expected: str) -> None:
    assert latin(word) == expected


@pytest.mark.parametrize(
    ("word", "sounds", "script"),
    [
        ("باديلا", "badila", "Arab"),
        ("واتسون", "oatson", "Arab"),
        ("וולאסוב", "vlasov", "Hebr"),
        ("ורדי", "vrdi", "Hebr"),
        ("스타르크", "staleuk", "Kore"),
        ("西索科", "shisuoke", "Hani"),
        ("Брест", "brest", "Cyrl"),
        ("Émile", "emile", "Latn"),
        ("Μόλινο", "molino", "Zyyy"),
    ],
)
def test_romanised(word: str, sounds: str, script: str) -> None:
    letters, found = romanised(word)
    assert found == script == script_of(word)
    if script not in ("Kore", "Hebr"):
        assert letters == sounds


@given(st.text())
def test_any_text(text: str) -> None:
    once = latin(text)
    assert latin(once) == once
    assert once == "" or (once.isascii() and once.isalnum())
    assert latin(unicodedata.normalize("NFD", text)) == latin(unicodedata.normalize("NFC", text))
    assert romanised(text)[0].isalpha() or romanised(text)[0] == ""
