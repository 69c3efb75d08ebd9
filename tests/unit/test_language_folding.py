"""Folding for the neutral field."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensearch_clir.language import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("BMW GPT-4", "bmw gpt-4"),
        ("São Paulo", "sao paulo"),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
        ("ﬁne Straße", "fine strasse"),
        ("Łódź Ørsted", "lodz orsted"),
        ("İstanbul ISPARTA ısı", "istanbul isparta isi"),
        ("Ἀθῆναι ΣΊΣΥΦΟΣ", "αθηναι σισυφοσ"),
        ("Ёлка й", "елка и"),
        ("كِتَابٌ كتــاب", "كتاب كتاب"),
        ("שָׁלוֹם", "שלום"),
        ("ガギグ ﾊﾞ", "ガギグ バ"),
        ("हिन्दी क़", "हिन्दी क़"),
        ("ไทย น้ำ", "ไทย น้ํา"),
        ("한국어", "한국어"),
        ("co\u00adop \u200fא", "coop א"),
        ("", ""),
    ],
)
def test_examples(text: str, folded: str) -> None:
    assert fold(text) == folded


@settings(max_examples=1000, deadline=None)
@given(st.text(st.characters(codec=None), max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_case_does_not_matter(text: str) -> None:
    # U+0345, a lone iota subscript, is a mark as it stands and a letter once its case is folded.
    text = text.replace("\u0345", "")
    assert fold(text.casefold()) == fold(text)


def test_every_single_character_is_stable() -> None:
    for code in range(0x110000):
        once = fold(chr(code))
        assert fold(once) == once, hex(code)


def test_time_is_linear() -> None:
    started = time.perf_counter()
    fold("é\u0301" * 2_500_000)
    assert time.perf_counter() - started < 10
