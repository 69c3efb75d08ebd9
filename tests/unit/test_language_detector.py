"""Every detector: right where it can be, honest where not, and never an exception."""

from __future__ import annotations

import random
import threading
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.language import (
    DOCUMENT_DETECTOR,
    QUERY_DETECTOR,
    Detector,
    LanguagePosterior,
    load_detector,
    sample,
)
from opensearch_clir.language.registry import detector_names
from opensearch_clir.languages import LANGUAGES

#: lingua's two modes are one library: the accurate one takes seconds to load.
NAMES = [name for name in detector_names() if name != "lingua"]
DETECTORS = {name: load_detector(name, tuple(LANGUAGES)) for name in NAMES}

SENTENCES = [
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
]
ENGLISH = "The quick brown fox jumps over the lazy dog while the sun is shining brightly. "
GERMAN = "Der schnelle braune Fuchs springt über den faulen Hund, während die Sonne scheint. "


@pytest.fixture(params=NAMES)
def detector(request: pytest.FixtureRequest) -> Detector:
    return DETECTORS[request.param]


def detect(detector: Detector, text: str) -> LanguagePosterior:
    return detector.posteriors([text])[0]


@pytest.mark.parametrize(("code", "text"), SENTENCES)
@pytest.mark.parametrize("name", [DOCUMENT_DETECTOR, QUERY_DETECTOR, "langdetect"])
def test_sentences_are_recognised(name: str, code: str, text: str) -> None:
    posterior = detect(DETECTORS[name], text)
    assert posterior.primary == code
    assert posterior.confidence > 0.6


@pytest.mark.parametrize("name", [DOCUMENT_DETECTOR, QUERY_DETECTOR])
@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("eu", "Inprimagailuak ez du erantzuten kontrolatzailearen azken eguneraketaren ondoren."),
        ("gl", "A impresora non responde despois da última actualización do controlador."),
        ("be", "Прынтар не адказвае пасля апошняга абнаўлення праграмы, што рабіць далей?"),
    ],
)
def test_the_defaults_know_languages_without_a_profile(name: str, code: str, text: str) -> None:
    assert detect(DETECTORS[name], text).primary == code


@pytest.mark.parametrize("name", [DOCUMENT_DETECTOR, QUERY_DETECTOR])
def test_serbian_in_latin_letters_is_serbian_or_croatian(name: str) -> None:
    text = "Štampač ne reaguje posle poslednjeg ažuriranja, a učenici ćute u svim razredima."
    found = detect(DETECTORS[name], text).probabilities
    assert found["hr"] + found["sr"] > 0.9


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
        "https://example.org/some/path someone@example.org",
        "\0\n\r\x1c\x85\u2028",
    ],
)
def test_texts_without_letters_are_undetermined(detector: Detector, text: str) -> None:
    assert detect(detector, text).probabilities == {"und": 1.0}


@pytest.mark.parametrize("text", ["a", "é", "BMW", "GPT-4", "ok", "qwzx vkpt", "a\u200db" * 9])
def test_little_evidence_gives_little_confidence(text: str) -> None:
    found = detect(DETECTORS[QUERY_DETECTOR], text).probabilities
    assert max(p for code, p in found.items() if code != "und") < 0.8


def test_bare_ideographs_leave_a_share_for_japanese() -> None:
    posterior = detect(DETECTORS[QUERY_DETECTOR], "東京都庁")
    assert posterior.probabilities["ja"] > 0.02
    assert posterior.probabilities["zh"] > 0.02


def test_mixed_text_shows_both_languages(detector: Detector) -> None:
    assert set(detect(detector, ENGLISH * 4 + GERMAN * 4).above(0.25)) == {"en", "de"}
    two = "Принтер не отвечает после обновления. L'imprimante ne répond plus, que faire ?"
    assert set(detect(detector, two).above(0.25)) == {"fr", "ru"}


def test_lines_of_a_mixed_text_stay_apart() -> None:
    text = "\r\n".join([GERMAN, "Γεια σου κόσμε, τι κάνεις σήμερα;", ENGLISH])
    found = detect(DETECTORS[DOCUMENT_DETECTOR], text)
    assert set(found.above(0.1)) == {"de", "el", "en"}


def test_close_relatives_become_certain_with_length(detector: Detector) -> None:
    danish = "Regeringen har besluttet, at skolerne skal åbne igen efter ferien, siger ministeren. "
    assert detect(detector, danish * 8).probabilities["da"] > 0.9


def test_unconfigured_languages_count_as_undetermined() -> None:
    for name in NAMES:
        russian, german, english = load_detector(name, ("en", "fr")).posteriors(
            [SENTENCES[4][1], SENTENCES[1][1], SENTENCES[0][1]]
        )
        assert (russian.primary, german.primary, english.primary) == ("und", "und", "en"), name
        assert set(german.probabilities) <= {"en", "fr", "und"}


def test_one_text_or_many_at_once_is_the_same(detector: Detector) -> None:
    texts = [text for _, text in SENTENCES] * 20 + ["", "ok"]
    for alone, together in zip(
        [detect(detector, text) for text in texts[:18]], detector.posteriors(texts), strict=False
    ):
        assert alone.probabilities == pytest.approx(together.probabilities, abs=1e-5)
    assert detector.posteriors([]) == []


ODD = st.sampled_from(
    ["\u200d", "\u200f", "\u202e", "\0", "\n", "\ud800", "e\u0301", "\ufdfa", "</s>", "👩\u200d👩"]
)
TEXTS = st.one_of(
    st.text(st.characters(codec=None), max_size=300),
    st.lists(st.one_of(ODD, st.text(max_size=20)), max_size=30).map("".join),
    st.tuples(st.text(min_size=1, max_size=5), st.integers(1, 2_000)).map(lambda p: p[0] * p[1]),
)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_any_text_gives_a_distribution(text: str) -> None:
    for detector in DETECTORS.values():
        posterior = detect(detector, text)
        assert sum(posterior.probabilities.values()) == pytest.approx(1)
        assert all(0 < p <= 1 for p in posterior.probabilities.values())
        assert set(posterior.probabilities) <= {*LANGUAGES, "und"}
        assert detect(detector, text) == posterior


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(1, 1_000))
def test_pieces_are_clean_and_bounded(text: str, times: int) -> None:
    pieces = sample.clean_pieces(text * times)
    assert len(pieces) <= sample.MOST_PIECES
    for piece in pieces:
        assert piece == " ".join(piece.split())
        assert piece
        piece.encode("utf-8")
        # NFC takes up to three characters for one (U+FB2C and its like).
        assert len(piece) <= 3 * (sample.PIECE + sample.NEAR)


class Counted(str):
    """A string that counts the characters taken from it."""

    taken = 0

    def __getitem__(self, key: object) -> str:
        part = super().__getitem__(key)  # type: ignore[index]
        Counted.taken += len(part)
        return part


@pytest.mark.parametrize("unit", ["x", "x ", "é\u200d", "語", "\n", "Der Fuchs springt. "])
def test_work_does_not_grow_with_the_text(unit: str) -> None:
    looked_at = []
    for size in (1_000_000, 4_000_000):
        Counted.taken = 0
        sample.clean_pieces(Counted(unit * (size // len(unit))))
        looked_at.append(Counted.taken)
    assert looked_at[0] == looked_at[1] <= sample.MOST_PIECES * sample.PIECE


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_normal_forms_agree(detector: Detector, form: str) -> None:
    text = unicodedata.normalize(form, SENTENCES[2][1][:60])
    plain = detect(detector, SENTENCES[2][1][:60])
    assert detect(detector, text).probabilities == pytest.approx(plain.probabilities, abs=0.2)


def test_threads_and_global_randomness_change_nothing(detector: Detector) -> None:
    texts = [f"Das ist Satz {n} von einem kurzen Text" for n in range(20)] + ["Bonjour", "hola"]
    expected = detector.posteriors(texts)
    fresh = load_detector(detector.name, tuple(LANGUAGES))
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
