"""The default detector: right where it can be, honest where not, and never an exception."""

from __future__ import annotations

import random
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.language import LanguagePosterior, load_detector, query_posterior
from opensearch_clir.language.langdetect_detector import LangdetectDetector
from opensearch_clir.languages import LANGUAGES

DETECTOR = LangdetectDetector(tuple(LANGUAGES))


def detect(text: str) -> LanguagePosterior:
    return DETECTOR.posteriors([text])[0]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "The printer does not respond after the latest update of the driver."),
        ("de", "Der Drucker reagiert nach der letzten Aktualisierung des Treibers nicht mehr."),
        ("fr", "L'imprimante ne répond plus après la dernière mise à jour du pilote."),
        ("es", "La impresora no responde después de la última actualización del controlador."),
        ("ru", "Принтер не отвечает после последнего обновления драйвера."),
        ("uk", "Принтер не відповідає після останнього оновлення драйвера."),
        ("sr", "Штампач не реагује после последњег ажурирања управљачког програма, а ђаци ћуте."),
        ("ar", "الطابعة لا تستجيب بعد آخر تحديث لبرنامج التشغيل."),
        ("fa", "چاپگر پس از آخرین به‌روزرسانی درایور پاسخ نمی‌دهد."),
        ("he", "המדפסת אינה מגיבה לאחר העדכון האחרון של מנהל ההתקן."),
        ("hi", "ड्राइवर के नवीनतम अपडेट के बाद प्रिंटर प्रतिक्रिया नहीं देता है।"),
        ("ja", "ドライバーの最新の更新後、プリンターが応答しません。"),
        ("zh", "驱动程序最新更新后，打印机没有响应。"),
        ("zh", "驅動程式最新更新後，印表機沒有回應。"),
        ("ko", "드라이버 최신 업데이트 후 프린터가 응답하지 않습니다."),
        ("th", "เครื่องพิมพ์ไม่ตอบสนองหลังจากอัปเดตไดรเวอร์ล่าสุด"),
        ("el", "Ο εκτυπωτής δεν ανταποκρίνεται μετά την τελευταία ενημέρωση."),
        ("is", "Prentarinn svarar ekki eftir síðustu uppfærslu og það þýðir að við þurfum hjálp."),
    ],
)
def test_sentences_are_recognised(code: str, text: str) -> None:
    posterior = detect(text)
    assert posterior.primary == code
    assert posterior.confidence > 0.6


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "12345",
        "😀👍🏽",
        "—…!?",
        "\u200f\u202e\u200d",
        "\ufeff",
        "1.2.3-4 / 5",
        "\ud800",
        "ᚠᚢᚦ",
        "x" * 1_000_000,
    ],
)
def test_texts_without_letters_are_undetermined(text: str) -> None:
    assert detect(text).probabilities == {"und": 1.0}


@pytest.mark.parametrize(
    "text", ["a", "é", "BMW", "GPT-4", "ok", "xxxxxxxxxx", "qwzx vkpt", "a\u200db" * 9]
)
def test_little_evidence_gives_little_confidence(text: str) -> None:
    assert detect(text).confidence < 0.6


def test_bare_ideographs_leave_a_share_for_japanese() -> None:
    posterior = detect("東京都庁")
    assert posterior.probabilities["ja"] > 0.05
    assert posterior.probabilities["zh"] > 0.05


def test_mixed_text_shows_both_languages() -> None:
    english = "The quick brown fox jumps over the lazy dog while the sun is shining brightly. " * 4
    german = (
        "Der schnelle braune Fuchs springt über den faulen Hund, während die Sonne scheint. " * 4
    )
    assert set(detect(english + german).above(0.25)) == {"en", "de"}
    two = "Принтер не отвечает после обновления. L'imprimante ne répond plus, que faire ?"
    assert set(detect(two).above(0.25)) == {"fr", "ru"}


def test_close_relatives_become_certain_with_length() -> None:
    danish = "Regeringen har besluttet, at skolerne skal åbne igen efter ferien, siger ministeren. "
    assert detect(danish * 8).probabilities["da"] > 0.9


def test_unconfigured_languages_count_as_undetermined() -> None:
    detector = LangdetectDetector(("en", "fr"))
    russian, german, english = detector.posteriors(
        [
            "Принтер не отвечает после обновления.",
            "Der Drucker reagiert nach der letzten Aktualisierung des Treibers nicht mehr.",
            "The printer does not respond after the latest update.",
        ]
    )
    assert (russian.primary, german.primary, english.primary) == ("und", "und", "en")
    assert set(german.probabilities) <= {"en", "fr", "und"}


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec=None), max_size=300))
def test_any_text_gives_a_distribution(text: str) -> None:
    posterior = detect(text)
    assert sum(posterior.probabilities.values()) == pytest.approx(1)
    assert all(0 < p <= 1 for p in posterior.probabilities.values())
    assert set(posterior.probabilities) <= {*LANGUAGES, "und"}
    assert detect(text) == posterior


def test_long_texts_cost_no_more_than_their_sample() -> None:
    text = "Der schnelle braune Fuchs springt über den faulen Hund. " * 200_000
    started = time.perf_counter()
    assert detect(text).primary == "de"
    assert time.perf_counter() - started < 0.5


def test_threads_and_global_randomness_change_nothing() -> None:
    texts = [f"Das ist Satz {n} von einem kurzen Text" for n in range(40)] + ["Bonjour", "hola"]
    expected = LangdetectDetector(("de", "en", "es", "fr")).posteriors(texts)
    fresh = LangdetectDetector(("de", "en", "es", "fr"))
    results: list[list[LanguagePosterior]] = []

    def work() -> None:
        random.seed()
        results.append(fresh.posteriors(texts))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def test_unknown_detector_names_the_known() -> None:
    with pytest.raises(ConfigurationError, match=r"'magic'.*langdetect"):
        load_detector("magic", ("en",))


PRIOR = {"de": 0.9, "en": 0.1}


class TestQueryPosterior:
    """The corpus's languages weigh in, without shutting out the others."""

    def test_without_a_prior_it_is_the_detectors(self) -> None:
        assert query_posterior("Handbuch", DETECTOR) == detect("Handbuch")
        assert query_posterior("Handbuch", DETECTOR, {}) == detect("Handbuch")

    def test_the_corpus_decides_where_words_can_not(self) -> None:
        plain, informed = (
            detect("printer"),
            query_posterior("printer", DETECTOR, {"en": 9, "af": 1}),
        )
        assert informed.probabilities["en"] > plain.probabilities["en"]

    def test_no_language_is_excluded(self) -> None:
        text = "comment réinitialiser la machine"
        posterior = query_posterior(text, DETECTOR, PRIOR)
        assert posterior.primary == "fr"
        assert posterior.confidence > 0.5

    def test_foreign_scripts_and_no_letters_stay_undetermined(self) -> None:
        small = LangdetectDetector(("de", "en"))
        assert query_posterior("мир", small, PRIOR).primary == "und"
        assert query_posterior("42", small, PRIOR).probabilities == {"und": 1.0}

    @settings(max_examples=100, deadline=None)
    @given(st.text(max_size=40))
    def test_it_is_a_distribution(self, text: str) -> None:
        found = query_posterior(text, DETECTOR, PRIOR)
        assert sum(found.probabilities.values()) == pytest.approx(1)
