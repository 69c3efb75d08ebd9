"""Code-switching: substitution in several scripts, the rows made of it, their place in a run."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from opensearch_clir.training import run, switched, tokenized, unrelated, vocabulary
from opensearch_clir.training.mixture import Mixture
from opensearch_clir.training.sampling import Sampler
from opensearch_clir.training.switching import entries, matches, romanised, switch
from training_cases import gz, small, write_corpus

Pairs = list[tuple[str, str]]

LETTERS = list(zip("bdgklmnp", "бдгклмнп", strict=True))


def all_switched(
    text: str, pairs: Pairs, spaced: bool = True, common: set[str] | None = None
) -> str | None:
    text, known = unicodedata.normalize("NFKC", text), entries(pairs)
    found = matches(text, known, common or ())
    return switch(text, found, known, 1.0, np.random.default_rng(1), spaced)


@pytest.mark.parametrize(
    ("text", "pairs", "mixed"),
    [
        # The longest phrase wins; the rest of the sentence stays as it is, signs included.
        (
            "Reset the Wi-Fi router, please!",
            [("router", "路由器"), ("reset", "重置"), ("please", "s'il te plaît")],
            "重置 the Wi-Fi 路由器, s'il te plaît!",
        ),
        ("the coffee machine", [("coffee machine", "cafetera"), ("coffee", "x")], "the cafetera"),
        ("el café me sale templado", [("café", "coffee")], "el coffee me sale templado"),
        ("el cafe", [("café", "coffee")], None),  # accents tell words apart
        ("мой пароль не работает", [("пароль", "password")], "мой password не работает"),
        ("ξέχασα τον κωδικό", [("κωδικό", "password")], "ξέχασα τον password"),
        # Dictionaries write vowel points, texts don't.
        ("نسيت كلمة السر", [("كَلِمَةُ السِّرّ", "password")], "نسيت password"),
        ("मेरा पासवर्ड भूल गया", [("पासवर्ड", "password")], "मेरा password भूल गया"),
        (  # particles stay
            "설정을 변경할 수 없습니다",
            [("설정", "settings"), ("변경", "change")],
            "settings을 change할 수 없습니다",
        ),
        ("请重启路由器。", [("重启", "restart"), ("路由器", "router")], "请 restart router。"),
        (
            "パスワードを変更する",
            [("パスワード", "password"), ("する", "do")],
            "password を変更する",
        ),
        ("ลืมรหัสผ่านแล้ว", [("รหัสผ่าน", "password")], "ลืม password แล้ว"),
        ("Nothing is known", [("router", "x")], None),
        ("", [("router", "x")], None),
    ],
)
def test_words_give_way_to_translations(text: str, pairs: Pairs, mixed: str | None) -> None:
    found = all_switched(text, pairs)
    assert found == (mixed and unicodedata.normalize("NFKC", mixed))


def test_scripts_without_spaces_may_stay_without() -> None:
    pairs = [("重启", "restart"), ("路由器", "router")]
    assert all_switched("请重启路由器。", pairs, spaced=False) == "请restartrouter。"


def test_a_thai_word_is_not_cut_between_letter_and_mark() -> None:
    assert all_switched("น้ำมันดี", [("น้ำม", "x")]) is None
    assert all_switched("น้ำมันดี", [("น้ำมัน", "oil")]) == "oil ดี"


def test_grammar_stays_unless_it_is_part_of_a_phrase() -> None:
    pairs = [("the", "der"), ("in the morning", "morgens"), ("water", "Wasser")]
    text = "the water in the morning"
    assert all_switched(text, pairs, common={"the"}) == "the Wasser morgens"


def test_entries_leave_out_what_is_no_phrase() -> None:
    pairs = [
        ("Colour", "Farbe"),
        ("colour", "couleur (f)"),  # a lexicographer's sign
        ("colour", "Couleur"),
        ("colour", "kulör"),
        ("colour", "kleur"),  # the fourth
        ("a", "ein"),
        ("WLAN", "wlan"),  # written alike
        ("one two three four", "vier"),
    ]
    assert entries(pairs) == {"colour": ("Farbe", "Couleur", "kulör")}


def test_the_rate_is_a_share_of_what_could_be_replaced() -> None:
    words = [f"w{chr(97 + n)}" for n in range(20)]
    known = entries((word, word.upper()[::-1]) for word in words)
    text = " ".join(words)
    found = matches(text, known)
    for rate, count in ((0.15, 3), (0.5, 10), (0.01, 1)):
        mixed = switch(text, found, known, rate, np.random.default_rng(1))
        assert mixed is not None
        assert sum(word.isupper() for word in mixed.split()) == count
    same = [switch(text, found, known, 0.5, np.random.default_rng(7)) for _ in range(2)]
    assert same[0] == same[1] != switch(text, found, known, 0.5, np.random.default_rng(8))


def test_a_romanised_text_keeps_its_latin_words() -> None:
    assert romanised("мой Password, пожалуйста", "ru") == "moy Password, pozhaluysta"
    assert romanised("यह machine खराब है", "hi") == "yah machine kharaab hai"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences in two languages with a dictionary for each; `qq` has none."""
    folder = tmp_path_factory.mktemp("switched")
    words = [(f"{a}o{b}", f"{c}у{d}") for a, c in LETTERS for b, d in LETTERS]
    rows = [f"the {en} of number\t{ru} номера" for en, ru in words]
    gz(folder / "parallel" / "a.ru.tsv.gz", rows)
    gz(folder / "parallel" / "a.qq.tsv.gz", [f"English words {n}\tqqq {n}" for n in range(60)])
    gz(folder / "dict" / "d.tsv.gz", [f"en\t{en}\tru\t{ru}" for en, ru in words[:32]])
    gz(folder / "dict" / "e.tsv.gz", [f"ru\t{ru}\ten\t{en}" for en, ru in words[32:]])
    return folder


def tables_of(corpus: Path, cache: Path, rows: int, seed: int = 1) -> tokenized.Tables:
    texts = [t for found in vocabulary.texts_by_language(corpus).values() for t in found]
    tokenized.build(corpus, vocabulary.learn(texts, 120), cache, rows, seed)
    return tokenized.load(cache)[1]


def test_rows_have_both_matrix_languages_and_both_kinds_of_partners(corpus: Path) -> None:
    numbers = tokenized._Numbers()
    tables = tokenized.Tables(pairs=tokenized._pairs(corpus, numbers))
    tables.words = tokenized._words(corpus, numbers)
    tables.english = np.array(list(numbers.english), np.int32)
    tables.files = list(numbers.files)
    texts = list(numbers.texts)
    rows = list(switched.made(texts, tables, 400, 3))
    assert rows == list(switched.made(texts, tables, 400, 3))
    assert rows != list(switched.made(texts, tables, 400, 4))
    # Half of the rows are asked of `qq`, for which there is no dictionary.
    assert 100 < len(rows) < 300
    assert {tables.files[row.file] for row in rows} == {"a.ru"}
    latin, cyrillic = re.compile(r"\b[b-p][ou][b-p]\b"), re.compile(r"\b[а-я]у[а-я]\b")
    shapes = {latin.sub("WORD", cyrillic.sub("СЛОВО", row.text)) for row in rows}
    # The word in Cyrillic or Latin letters in English; English in Russian, romanised or not.
    assert shapes == {"the СЛОВО of number", "the WORD of number", "WORD номера", "WORD nomera"}
    for side in ("the", "WORD"):
        chosen = [row for row in rows if row.text.startswith("the ") == (side == "the")]
        assert {row.partner == row.english for row in chosen} == {True, False}
    for row in rows:
        assert texts[row.english].startswith("the ")
        assert row.text not in (texts[row.partner], texts[row.english])


def test_the_cache_has_the_rows_that_are_asked_for(corpus: Path, tmp_path: Path) -> None:
    tables = tables_of(corpus, tmp_path, 40)
    assert tables.switched.shape[1] == 4
    assert 5 <= len(tables.switched) <= 40
    assert tokenized.is_current(tmp_path, 40)
    assert not tokenized.is_current(tmp_path, 41)
    tokens, _ = tokenized.load(tmp_path)
    assert tables.switched[:, 0].max() == len(tokens.starts) - 2
    batch = Sampler(tables, Mixture(shares={"switched": 1}), 1).batch(30, 0)
    assert set(batch.left[1]) | set(batch.right[1]) <= set(tables.switched[:, :2].ravel())
    assert set(batch.keys) <= set(tables.pairs[:, 0])
    (tmp_path / "switched.npy").unlink()  # as an earlier version left it
    assert not tokenized.is_current(tmp_path, 40)
    assert len(tables_of(corpus, tmp_path, 0).switched) == 0


def test_rows_of_held_out_sentences_are_held_out() -> None:
    pairs = np.stack([np.arange(400), np.arange(400), np.zeros(400, int)], axis=1)
    mixed = np.stack([np.arange(400)] * 3 + [np.zeros(400, int)], axis=1)
    kept, _ = unrelated.split(tokenized.Tables(["a.de"], pairs, mixed))
    assert np.setdiff1d(np.arange(400), kept.switched[:, 2]).tolist() == [199, 399]


def test_a_run_makes_an_older_cache_anew(tmp_path: Path) -> None:
    data = write_corpus(tmp_path / "data")
    rows: list[object] = []
    run.train(small(data, tmp_path / "work", steps=2), rows.append)
    (tmp_path / "work" / "tokens" / "switched.npy").unlink()
    rows.clear()
    run.train(small(data, tmp_path / "work", steps=4, switched_rows=20), rows.append)
    assert {"stage": "tokens"} in rows
    _, tables = tokenized.load(tmp_path / "work" / "tokens")
    assert 5 <= len(tables.switched) <= 20
    rows.clear()
    run.train(small(data, tmp_path / "work", steps=4, switched_rows=20), rows.append)
    assert {"stage": "tokens"} not in rows
