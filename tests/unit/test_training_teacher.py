"""Learning from a teacher: whom to ask what, the regression, the pull, whole words."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.training import config, evening, run, teacher, whole_words
from opensearch_clir.training.evening import _drawn
from opensearch_clir.training.losses import Lessons
from opensearch_clir.training.tokenized import Tables, Tokens
from test_encoder_support import train_tokenizer, write_model
from training_cases import bilingual, gz, small, write_corpus


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A teacher with a vector of its own for every English letter group."""
    return str(write_model(tmp_path_factory.mktemp("teacher") / "tiny"))


def test_what_has_most_translations_is_asked_first(tmp_path: Path) -> None:
    gz(tmp_path / "parallel" / "a.de.tsv.gz", ["twice told\tx", "only once\ty"])
    gz(tmp_path / "parallel" / "a.fr.tsv.gz", ["twice told\tz", "short\tw"])
    gz(
        tmp_path / "dict" / "d.tsv.gz",
        ["en\tdog\tde\tHund", "fr\tchien\ten\tdog", "en\tcat\tde\tK"],
    )
    assert teacher.select(tmp_path, 1, 1) == ["dog", "twice told"]
    assert teacher.select(tmp_path, 9, 9) == ["cat", "dog", "only once", "twice told"]


def test_answers_are_kept_and_not_mixed(
    tmp_path: Path, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher, "CHUNK", 2)
    rows: list[Mapping[str, Any]] = []
    texts = ["the dog", "a cat", "the filter"]
    first = teacher.answers(texts, known, tmp_path, rows.append)
    assert [row["texts"] for row in rows] == [2, 3]
    np.testing.assert_allclose(first, StaticEncoder.load(known).encode(texts), atol=1e-6)
    (tmp_path / "00000002.npy").unlink()
    again = teacher.answers(texts, known, tmp_path, rows.append)
    assert [row["texts"] for row in rows] == [2, 3, 3]
    np.testing.assert_array_equal(first, again)
    with pytest.raises(DataError, match="another teacher said, or of other texts"):
        teacher.answers(texts[:1], known, tmp_path, rows.append)
    (tmp_path / "00000000.npy").write_bytes(b"no")
    with pytest.raises(DataError, match="delete it to ask anew"):
        teacher.answers(texts, known, tmp_path, rows.append)


def test_reduced_vectors_keep_the_cosines() -> None:
    rng = np.random.default_rng(1)
    flat = rng.standard_normal((50, 4)) @ rng.standard_normal((4, 20))
    unit = (flat / np.linalg.norm(flat, axis=1, keepdims=True)).astype(np.float32)
    for dimension in (4, 8, 32):
        small_rows = teacher.reduced(unit, dimension)
        assert small_rows.shape == (50, dimension)
        np.testing.assert_allclose(small_rows @ small_rows.T, unit @ unit.T, atol=1e-4)


def test_a_start_from_the_teacher_knows_the_other_language(
    data: Path, known: str, tmp_path: Path
) -> None:
    settings = small(data, tmp_path / "work", steps=0, start="teacher", teacher=known, dimension=24)
    rows: list[Mapping[str, Any]] = []
    tokenizer, vectors = run.train(settings, rows.append)
    stages = [row.get("stage") for row in rows]
    assert stages[:3] == ["vocabulary", "tokens", "teacher"]
    assert stages.count("regression") == 2
    pairs = bilingual()[0][:40]
    lessons = teacher.reduced(StaticEncoder.load(known).encode([a for a, _ in pairs]), 24)
    found = encoded(tokenizer, vectors, [b for _, b in pairs])
    # Of each foreign sentence the nearest lesson is that of its own English side.
    own = teacher_space(settings, pairs)
    assert (np.argmax(found @ own.T, axis=1) == np.arange(40)).mean() > 0.8
    assert lessons.shape == own.shape


def teacher_space(settings: config.Config, pairs: list[tuple[str, str]]) -> np.ndarray:
    """The lessons of the pairs' English sides, in the space that the model was trained in."""
    texts = json.loads((settings.work / "teacher" / "asked.json").read_text())["texts"]
    assert settings.teacher is not None
    vectors = teacher.answers(texts, settings.teacher, settings.work / "teacher", print)
    small_rows = teacher.reduced(vectors, settings.dimension)
    return small_rows[[texts.index(english) for english, _ in pairs]]


def encoded(tokenizer: Any, vectors: np.ndarray, texts: list[str]) -> np.ndarray:
    rows = [vectors[tokenizer.encode(t, add_special_tokens=False).ids].sum(axis=0) for t in texts]
    found = np.array(rows)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_the_pull_is_the_gradient_of_the_mean_cosine() -> None:
    rng = np.random.default_rng(2)
    vectors = rng.standard_normal((2, 4)).astype(np.float32)
    lessons = Lessons(np.array([1, -1, 0]), vectors, 3.0)
    gradient = np.zeros((6, 4), np.float32)
    lessons.pull(gradient, np.array([2, 1, 1 << 33]))
    expected = np.zeros((6, 4))
    expected[[0, 3]] = -vectors[0] * 3.0 / 6
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


def test_a_teacher_is_needed_where_one_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    for line in ('start = "teacher"', "distillation = 1.0"):
        file.write_text(f'data = "d"\nwork = "w"\n{line}\n')
        with pytest.raises(ConfigurationError, match="need a `teacher`"):
            config.read(file)
    (tmp_path / "mine").mkdir()
    file.write_text('data = "d"\nwork = "w"\nteacher = "mine"\n')
    assert config.read(file).teacher == str(tmp_path / "mine")
    file.write_text('data = "d"\nwork = "w"\nteacher = "owner/model"\n')
    assert config.read(file).teacher == "owner/model"


def test_words_are_counted_as_they_will_be_cut() -> None:
    spaced = whole_words.counted(["The «dog», the dog's DOG!", "x 42 [dog] http://dog"])
    assert spaced == Counter({"▁dog": 3, "▁the": 2, "▁dog's": 1})
    assert whole_words.counted(["किताब, किताब"]) == Counter({"▁किताब": 2})
    unspaced = whole_words.counted(["退款", "什么时候退款?我要退款"])
    assert unspaced == Counter({"退款": 3})


def test_each_language_has_its_share_and_rare_words_none() -> None:
    tokenizer = train_tokenizer()
    counts = {
        "en": Counter({f"▁en{n}": 9 for n in range(90)}),
        "de": Counter({f"▁de{n}": 5 for n in range(10)} | {"▁einmal": 1}),
    }
    picked = whole_words.chosen(counts, tokenizer, 50, 50)
    assert len(picked) == 50
    assert sum(word.startswith("▁en") for word in picked) in (44, 45, 46)
    everything = whole_words.chosen(counts, tokenizer, 1000, 50)
    assert len(everything) == 100
    assert "▁einmal" not in everything
    assert len(whole_words.chosen(counts, tokenizer, 1000, 60)) == 90


def test_added_words_are_one_piece_and_change_no_other() -> None:
    tokenizer = train_tokenizer()
    vocabulary = tokenizer.get_vocab()
    known = max((p for p in vocabulary if p.startswith("▁") and p[1:].isascii()), key=len)
    texts = (known[1:], "xylo", "käse", "退")
    before = {text: tokenizer.encode(text).tokens for text in texts}
    assert before[known[1:]] == [known]
    longer = whole_words.added(tokenizer, ["▁xylophon", known, "kä"])
    assert longer.encode("xylophon", add_special_tokens=False).tokens == ["▁xylophon"]
    assert {text: longer.encode(text).tokens for text in texts[:2]} == {
        text: before[text] for text in texts[:2]
    }
    # A piece without the mark of a start is found within words too.
    assert "kä" in longer.encode("xkä", add_special_tokens=False).tokens
    assert longer.get_vocab_size() == tokenizer.get_vocab_size() + 2
    assert longer.token_to_id("<unk>") == 0
    # Its score is not so high that other words are cut by it.
    scores = dict(json.loads(longer.to_str())["model"]["vocab"])
    assert scores["▁xylophon"] < -5


def spread(rows: np.ndarray) -> float:
    """Return the largest variance of a component over the smallest."""
    values = np.linalg.eigvalsh(rows.T.astype(np.float64) @ rows)
    return float(values[-1] / values[0])


@pytest.mark.parametrize(("power", "left"), [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)])
def test_evening_takes_a_power_of_the_spread(power: float, left: float) -> None:
    rng = np.random.default_rng(4)
    directions = (rng.standard_normal((400, 6)) * [9, 5, 3, 2, 1, 0.5]).astype(np.float32)
    weights = rng.uniform(0.1, 1, 400).astype(np.float32)
    turn = evening.of_rows(directions, weights, power)
    weighted = directions * weights[:, None]
    assert spread(weighted @ turn) == pytest.approx(spread(weighted) ** left, rel=1e-2)
    if power == 0:
        np.testing.assert_allclose(turn, np.eye(6), atol=1e-5)


def texts_and_tables(rng: np.random.Generator, texts: int, pieces: int) -> tuple[Tokens, Tables]:
    """Texts of three pieces each, never the unknown one, in two files of pairs."""
    ids = rng.integers(1, pieces, 3 * texts).astype(np.uint32)
    pairs = np.arange(texts).reshape(-1, 2)
    files = np.arange(len(pairs))[:, None] % 2
    return Tokens(ids, np.arange(0, 3 * texts + 1, 3)), Tables(
        ["a.de", "b.fr"], pairs=np.concatenate([pairs, files], axis=1).astype(np.int32)
    )


def test_what_all_texts_share_is_taken_from_the_rows() -> None:
    rng = np.random.default_rng(5)
    tokens, tables = texts_and_tables(rng, 400, 50)
    vectors = (rng.standard_normal((50, 6)) * [1, 2, 3, 4, 5, 0] + [0, 0, 0, 0, 0, 9]).astype(
        np.float32
    )
    turn = evening.of_texts(vectors, tokens, tables, 1.0, 1, 0)
    kept = _drawn(tables, np.random.default_rng(0))
    assert len(kept) == 4 * evening.PER_FILE
    sums = vectors[tokens.ids.reshape(-1, 3)[kept]].sum(axis=1)
    after = (sums / np.linalg.norm(sums, axis=1, keepdims=True)) @ turn
    values = np.linalg.eigvalsh(after.T.astype(np.float64) @ after)
    # The shared direction is gone, and all others are alike.
    assert values[0] == pytest.approx(0, abs=1e-4 * values[-1])
    assert values[-1] / values[1] == pytest.approx(1, rel=1e-2)
    assert abs(turn[5]).max() < 0.2 * abs(turn[:5]).max()


def test_without_sentence_pairs_nothing_is_evened() -> None:
    tokens = Tokens(np.zeros(0, np.uint32), np.zeros(1, np.int64))
    turn = evening.of_texts(np.eye(4, dtype=np.float32), tokens, Tables(), 0.5, 0, 0)
    np.testing.assert_allclose(turn, np.eye(4), atol=1e-6)


def test_lessons_follow_the_model_into_its_space() -> None:
    lessons = Lessons(np.array([0, -1]), np.array([[0.6, 0.8]], np.float32), 1.0)
    turned = lessons.turned(np.diag([1.0, 3.0]).astype(np.float32))
    np.testing.assert_allclose(turned.vectors, [[0.6 / 6.12**0.5, 2.4 / 6.12**0.5]], rtol=1e-5)
    assert lessons.turned(np.zeros((0, 0), np.float32)) is lessons


def test_a_run_with_a_teacher_resumes_to_the_same_vectors(
    data: Path, known: str, tmp_path: Path
) -> None:
    def settings(name: str, steps: int) -> config.Config:
        more = {
            "evenness": 0.5,
            "text_evenness": 0.25,
            "common": 1,
            "sif_after": 1e-3,
            "distillation": 2.0,
        }
        return small(
            data, tmp_path / name, steps=steps, start="teacher", teacher=known, every=5,
            minutes=0, **more,
        )  # fmt: skip

    whole = run.train(settings("one", 10))[1]
    # A finished run of no steps leaves its start behind; the rates of the second leg are its own.
    run.train(settings("two", 0))
    np.testing.assert_array_equal(run.train(settings("two", 10))[1], whole)
