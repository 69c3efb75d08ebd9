"""Language of each token of a query, and the text that each analyzer is given."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.language.query_spans import QuerySpans, query_spans
from opensearch_clir.language.spans import token_spans
from opensearch_clir.language.tokens import MAX_TOKENS, tokenize
from opensearch_clir.languages import LANGUAGES, UND

HELPDESK = Path(__file__).parents[2] / "benchmarks" / "sets" / "helpdesk"

CONFIGURED = ("ar", "de", "el", "en", "es", "fr", "hi", "ja", "ru", "zh")


def cut(text: str, posterior: Mapping[str, float] | None = None) -> QuerySpans:
    return query_spans(text, LanguagePosterior(posterior or {UND: 1.0}), CONFIGURED)


def languages(text: str, posterior: Mapping[str, float] | None = None) -> dict[str, str]:
    return {span.word: span.language for span in cut(text, posterior).spans}


def test_a_spanish_question_with_an_english_half_is_both() -> None:
    spans = cut("¿cómo hago un backup of my database?", {"es": 0.6, "en": 0.4})
    assert spans.mixed
    assert {"es", "en"} <= spans.found
    assert 0.3 < spans.posterior.probabilities["es"] < 0.7
    assert 0.3 < spans.posterior.probabilities["en"] < 0.7


def test_a_german_question_with_one_english_term_stays_german() -> None:
    spans = cut("Wie öffne ich das Dashboard?", {"de": 0.98, "en": 0.02})
    assert spans.posterior.probabilities == {"de": 0.98, "en": 0.02}
    assert spans.text_for("de") == "Wie öffne ich das Dashboard?"


def test_each_analyzer_sees_its_own_words() -> None:
    text = "ya no me llegan los alerts al phone cuando falta agua"
    spans = cut(text, {"es": 0.94, "en": 0.06})
    assert "alerts" in spans.text_for("en")
    assert "alerts" not in spans.text_for("es")
    assert "llegan" in spans.text_for("es")


@pytest.mark.parametrize(
    ("text", "main", "other", "stop_words"),
    [
        ("my plants die on the balcony", "en", "de", {"my", "on", "the"}),
        ("ya no me llegan los alerts al phone", "es", "en", {"ya", "los"}),
        ("Wie lange habe ich warranty, wenn ich das device kaufe?", "de", "en", {"wie", "ich"}),
    ],
)
def test_stop_words_of_one_language_are_not_content_of_another(
    text: str, main: str, other: str, stop_words: set[str]
) -> None:
    kept = {token.word for token in tokenize(cut(text, {main: 0.97, UND: 0.03}).text_for(other))}
    assert not kept & stop_words


def test_content_text_has_no_function_words() -> None:
    words = cut("how do I clean the Lumo 2 with vinegar?", {"en": 1.0}).content_text()
    assert {token.word for token in tokenize(words)} == {"clean", "lumo", "2", "vinegar"}


def test_content_text_drops_function_words_of_romanised_languages() -> None:
    words = cut("machine ghar ke router se connect nahi ho rahi").content_text().split()
    assert {"machine", "ghar", "router", "connect"} <= set(words)
    assert not {"ke", "se", "nahi", "ho"} & set(words)


def test_a_text_of_function_words_has_no_content() -> None:
    assert cut("what is this?", {"en": 1.0}).content_text() == ""


def test_japanese_is_cut_where_the_script_changes() -> None:
    spans = cut("家のrouterにconnectできないのですが")
    assert [span.language for span in spans.spans] == ["ja", "en", "ja", "en", "ja"]
    assert spans.text_for("en") == "router connect"
    assert "router" not in spans.text_for("ja")


def test_names_codes_and_numbers_are_neutral_and_seen_by_all() -> None:
    spans = cut("ошибка E17 на Brevanta, firmware 4.2.1", {"ru": 0.9, "en": 0.1})
    kinds = {span.word: span.kind for span in spans.spans}
    assert kinds["e17"] == kinds["brevanta"] == kinds["4"] == "neutral"
    for code in ("ru", "en", "fr"):
        assert {"E17", "Brevanta,"} <= set(spans.text_for(code).split())


def test_words_are_not_cut_inside() -> None:
    assert [t.word for t in tokenize("вeсти नहीं кофе-машина l'app")] == [
        "вeсти",
        "नहीं",
        "кофе",
        "машина",
        "l",
        "app",
    ]


def test_addresses_are_one_token() -> None:
    found = [(t.word, t.kind) for t in tokenize("see https://a.example/x?y=1 or me.b@c.example")]
    assert ("https://a.example/x?y=1", "code") in found
    assert ("me.b@c.example", "code") in found


def test_the_languages_given_count() -> None:
    # "note" alone could be either.
    assert languages("note", {"fr": 1.0})["note"] == "fr"
    assert languages("note", {"en": 1.0})["note"] == "en"


def test_unconfigured_languages_count_as_undetermined() -> None:
    posterior = cut("kofemashina ne vidit domashniy router").posterior
    assert posterior.primary == "ru"
    text, certain = "кофемашина not found всегда", LanguagePosterior({"ru": 1.0})
    without = query_spans(text, certain, ("de", "en")).posterior
    assert set(without.probabilities) == {"en", UND}
    assert sum(without.probabilities.values()) == pytest.approx(1.0)


def test_natural_queries_come_back_byte_for_byte() -> None:
    queries = [q for q in read_set(HELPDESK).queries.values() if q.kind == "natural"]
    changed = [
        query.text
        for query in queries
        if query_spans(query.text, LanguagePosterior.certain(query.lang), LANGUAGES).text_for(
            query.lang
        )
        != query.text
    ]
    assert len(changed) <= 0.01 * len(queries), changed


ODD = [
    "",
    " ",
    "😀",
    "é",
    "e\u0301",
    "\u200f\u202eab\u202c",
    "\ud800",
    "क\u200dष",
    "ﬁﷺ",
    "-@-",
    "1",
]
TEXTS = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="abeiknorst хлебяи あ家कन्ا\u200d\u0301'’-._@1:/", max_size=80),
    st.lists(st.sampled_from([*ODD, "the", "ghar", "ke", "el", "3ala"]), max_size=12).map(" ".join),
    st.lists(st.sampled_from(ODD), max_size=12).map("".join),
)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from(["de", "hi", "ja", UND]))
@example("\ud800 ghar ke \udfff nahi", "hi")
def test_any_text_is_cut_without_error(text: str, code: str) -> None:
    spans = query_spans(text, LanguagePosterior.certain(code), CONFIGURED)
    ends = [(span.start, span.end) for span in spans.spans]
    assert ends == sorted(ends)
    assert all(0 <= start < end <= len(text) for start, end in ends)
    assert all(a[1] <= b[0] for a, b in pairwise(ends))
    assert all(sum(span.probabilities.values()) <= 1 + 1e-9 for span in spans.spans)
    assert sum(spans.posterior.probabilities.values()) == pytest.approx(1.0)
    for made in (spans.restored(), spans.content_text(), spans.text_for("de")):
        assert isinstance(made, str)
    if not spans.romanised:
        assert spans.restored() == text


@pytest.mark.parametrize(
    "text",
    [
        part * (1_000_000 // len(part))
        for part in ("a", "я", "家", "家a", "a b ", ".", "a.@", "\u0301", "nahi", "3a")
    ],
    ids=lambda text: repr(text[:4]),
)
def test_a_megabyte_takes_seconds_at_most(text: str) -> None:
    started = time.perf_counter()
    spans = cut(text)
    spans.text_for("en")
    spans.content_text()
    assert time.perf_counter() - started < 8.0
    assert len(spans.spans) <= MAX_TOKENS


def test_what_follows_the_last_token_looked_at_is_kept() -> None:
    text = "das ist " * MAX_TOKENS + "Ende"
    assert cut(text, {"de": 1.0}).text_for("de") == text


def test_probabilities_of_a_token_name_languages() -> None:
    (span,) = token_spans("warranty", LanguagePosterior({"en": 1.0}), CONFIGURED)
    assert span.probabilities["en"] > 0.9
    assert set(span.probabilities) <= set(LANGUAGES)
