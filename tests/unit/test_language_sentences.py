"""Sentences by the signs that end them, in several scripts."""

from __future__ import annotations

import pytest

from opensearch_clir.language.sentences import sentences


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        (" \n ", []),
        ("No end", ["No end"]),
        ("Version 3.5 is  out. Really?\tYes!", ["Version 3.5 is out.", "Really?", "Yes!"]),
        ("one line\nanother\r\n\nthird", ["one line", "another", "third"]),
        ("先救人。再报告！好吗？", ["先救人。", "再报告！", "好吗？"]),
        ("यह खराब है। क्यों?", ["यह खराब है।", "क्यों?"]),
        ("ما هذا؟ كتاب.", ["ما هذا؟", "كتاب."]),
    ],
)
def test_a_text_is_cut_where_sentences_end(text: str, found: list[str]) -> None:
    assert sentences(text) == found
