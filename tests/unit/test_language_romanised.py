"""Words in Latin letters that belong to another script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.language.query_spans import QuerySpans, query_spans
from opensearch_clir.language.registry import load_detector
from opensearch_clir.language.romanise import arabic, cyrillic, devanagari, greek
from opensearch_clir.language.romanised import ROMANISED, edits, lexicon
from opensearch_clir.languages import LANGUAGES

HELPDESK = Path(__file__).parents[2] / "benchmarks" / "sets" / "helpdesk"


@pytest.fixture(scope="module")
def cut() -> Callable[[str], QuerySpans]:
    """Cut a query as a search does."""
    detector = load_detector("langdetect", list(LANGUAGES))

    def with_detector(text: str) -> QuerySpans:
        return query_spans(text, detector.posteriors([text])[0], LANGUAGES)

    return with_detector


@pytest.mark.parametrize(
    ("typed", "native"),
    [
        (
            "machine ghar ke router se connect nahi ho rahi",
            "machine घर के router से connect नहीं हो रही",
        ),
        ("paani khatam hone par koi awaaz nahi aati", "पानी खतम होने पर कोई आवाज़ नहीं आती"),
        ("kofemashina ne vidit domashniy router", "кофемашина не видит домашний роутер"),
        ("pws mporw na kanw epanafora", "πώς μπορώ να κάνω επαναφορά"),
        ("kif men el kels dakhel makinet el ahwe", "كيف من الكلس داخل ماكينة القهوة"),
    ],
)
def test_romanised_questions_get_their_script_back(
    cut: Callable[[str], QuerySpans], typed: str, native: str
) -> None:
    assert cut(typed).restored() == native


@pytest.mark.parametrize(
    "text",
    [
        "how do I reset the password of my account?",
        "Jim Furyk plays at home",
        "na kandidáta nejvyššího soudu",
        "bagaimana cara membersihkan mesin kopi saya?",
        "paano ko lilinisin ang makina?",
        "kahve makinesi neden çalışmıyor",
        "ek het die masjien se waarborg nodig",
        "naredi mi kavo prosim",
        "nahi",
    ],
)
def test_other_languages_are_left_alone(cut: Callable[[str], QuerySpans], text: str) -> None:
    assert cut(text).restored() == text


def test_no_natural_query_is_restored(cut: Callable[[str], QuerySpans]) -> None:
    queries = [q for q in read_set(HELPDESK).queries.values() if q.kind == "natural"]
    assert [q.text for q in queries if cut(q.text).restored() != q.text] == []


def test_the_native_field_gets_native_words(cut: Callable[[str], QuerySpans]) -> None:
    spans = cut("machine ghar ke router se connect nahi ho rahi")
    assert spans.text_for("hi") == "घर के से नहीं हो रही"
    assert spans.text_for("en") == "machine router connect"
    assert spans.romanised == {"hi"}
    assert spans.posterior.primary == "hi"


def test_spellings_of_a_hindi_word_share_a_key() -> None:
    for spellings in (
        ("nahin", "nahi", "naheen"),
        ("zyada", "jyada", "zyaada"),
        ("accha", "acha", "achchha"),
        ("chahiye", "chahie"),
    ):
        assert len({devanagari.key(spelling) for spelling in spellings}) == 1, spellings


def test_silent_vowels_of_hindi_are_dropped() -> None:
    assert devanagari.romanise("घर") == "ghar"
    assert devanagari.romanise("करना") == "karnaa"
    assert devanagari.romanise("मशीन") == "masheen"


def test_russian_comes_back_by_rule() -> None:
    for word in ("машина", "через", "помощь"[:-1], "юг", "ещё"[:-1] + "е", "жизнь"[:-1]):
        spelled = cyrillic.romanise(word, "ru")
        assert cyrillic.key(cyrillic.romanise(cyrillic.restore(spelled), "ru")) == cyrillic.key(
            spelled
        )
    assert cyrillic.restore("kofemashina") == "кофемашина"


def test_greek_meets_by_sound_and_by_shape() -> None:
    native = greek.key(greek.romanise("μηχανή"))
    assert greek.key("mixani") == greek.key("mhxanh") == native
    assert greek.restore("kalhmera") == "καλημερα"


def test_arabic_digits_stand_for_letters() -> None:
    assert arabic.key("3ala") == arabic.key(arabic.romanise("على"))
    assert arabic.key("mar7aba") == arabic.key(arabic.romanise("مرحبا"))


def test_edits_counts_a_doubled_letter_less() -> None:
    assert edits("pani", "pani") == 0
    assert edits("pani", "paani") == pytest.approx(0.4)
    assert edits("pani", "pati") == pytest.approx(1.0)
    assert edits("pani", "paani") == edits("paani", "pani")


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ROMANISED), st.text(max_size=50))
def test_any_word_can_be_looked_up(code: str, word: str) -> None:
    found = lexicon(code).candidates(word)
    assert all(c.cost >= 0 and 0 < c.share < 1 for c in found)
    assert lexicon(code).restore(word) is None or isinstance(lexicon(code).restore(word), str)
