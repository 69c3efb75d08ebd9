"""The optional terms of the loss: their values by hand, their gradients by finite differences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from opensearch_clir.training import run, static_model, text_languages, tokenized, vocabulary
from opensearch_clir.training.losses import MOST, Anchor, Terms, contrast, parted
from opensearch_clir.training.mixture import Batch
from test_training_model import BATCH, PIECES, TEXTS, Recorder, model, single
from training_cases import small, write_corpus

Doubles = NDArray[np.float64]
SCALE = 3.0


def units(rows: int, seed: int = 0) -> NDArray[np.float32]:
    found = np.random.default_rng(seed).standard_normal((rows, 5))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_languages_with_one_mean_are_not_apart() -> None:
    rows = np.tile(units(9), (2, 1))
    value, gradient = parted(rows, np.repeat([0, 1], 9))
    assert value == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(gradient, 0, atol=1e-7)


def test_the_distance_of_two_languages_by_hand() -> None:
    rows = np.zeros((40, 2), np.float32)
    rows[:10, 0], rows[10:40, 1] = 1, 1
    # Means (1, 0) and (0, 1), of all (1/4, 3/4): 1/4 * 9/8 + 3/4 * 1/8.
    value, _ = parted(rows, np.repeat([3, 5], [10, 30]))
    assert value == pytest.approx(0.375)


def test_rare_and_unknown_languages_have_no_say() -> None:
    rows, langs = units(40), np.repeat([0, 1, 2, -1], [12, 9, 7, 12])
    value, gradient = parted(rows, langs)
    few_value, few = parted(rows[:21], langs[:21])
    assert value == pytest.approx(few_value)
    np.testing.assert_allclose(gradient[:21], few)
    assert not gradient[21:].any()
    assert parted(rows, np.full(40, -1))[0] == 0


def test_the_gradient_of_the_distance_is_that_of_finite_differences() -> None:
    rows, langs = units(30), np.repeat([0, 1, 2], [8, 9, 13])
    _, gradient = parted(rows, langs)

    def value(moved: Doubles) -> float:
        means = [moved[langs == lang].mean(axis=0) for lang in range(3)]
        sizes = np.bincount(langs) / len(langs)
        whole = moved.mean(axis=0)
        return float(sum(s * ((m - whole) ** 2).sum() for s, m in zip(sizes, means, strict=True)))

    assert parted(rows, langs)[0] == pytest.approx(value(rows.astype(float)), rel=1e-5)
    np.testing.assert_allclose(gradient, slopes(value, rows), atol=2e-6)


def slopes(value: object, rows: NDArray[np.float32]) -> Doubles:
    """Return the derivative of value(rows) by each component."""
    assert callable(value)
    found = np.zeros(rows.shape)
    for place in np.ndindex(rows.shape):
        ahead, back = rows.astype(float), rows.astype(float)
        ahead[place] += 1e-5
        back[place] -= 1e-5
        found[place] = (value(ahead) - value(back)) / 2e-5
    return found


#: Rows 0 and 2 are about the same thing; three languages, one unknown.
LEFT, RIGHT = np.array([0, 0, 1, 0, -1, 2]), np.array([1, 0, 0, 1, 0, 0])
PAIRS = single([0, 2, 4, 6, 8, 10], [1, 3, 5, 7, 9, 11], [7, 8, 7, 9, 10, 11])


def balanced_loss(rows: Doubles) -> float:
    """Compute the balanced contrast row by row."""
    size = len(LEFT)
    left, right = rows[:size], rows[size:]
    hidden = {(0, 2), (2, 0)}
    total = 0.0
    for one, other, own, others in ((left, right, LEFT, RIGHT), (right, left, RIGHT, LEFT)):
        for i in range(size):
            negatives = [j for j in range(size) if j != i and (i, j) not in hidden]
            near = [j for j in negatives if others[j] == own[i] and own[i] >= 0]
            far = [j for j in negatives if j not in near]
            odds = {j: np.exp(SCALE * one[i] @ other[j]) for j in negatives}
            if near and far:
                half = len(negatives) / 2
                rest = half * np.mean([odds[j] for j in near])
                rest += half * np.mean([odds[j] for j in far])
            else:
                rest = sum(odds.values())
            own_odds = np.exp(SCALE * one[i] @ other[i])
            total -= np.log(own_odds / (own_odds + rest))
    return float(total / (2 * size))


def test_balanced_negatives_are_those_of_a_plain_implementation() -> None:
    rows = units(12, seed=4)
    loss, gradient = contrast(rows[:6], rows[6:], PAIRS, SCALE, (LEFT, RIGHT))
    assert loss == pytest.approx(balanced_loss(rows.astype(float)), rel=1e-5)
    np.testing.assert_allclose(gradient, slopes(balanced_loss, rows), atol=2e-5)
    plain, _ = contrast(rows[:6], rows[6:], PAIRS, SCALE)
    assert plain != pytest.approx(loss, rel=1e-3)


def test_equal_languages_or_none_leave_the_contrast_as_it_is() -> None:
    rows = units(12, seed=5)
    plain, gradient = contrast(rows[:6], rows[6:], PAIRS, SCALE)
    for langs in ((np.zeros(6, int), np.zeros(6, int)), (np.full(6, -1), np.full(6, -1))):
        loss, same = contrast(rows[:6], rows[6:], PAIRS, SCALE, langs)
        assert loss == pytest.approx(plain)
        np.testing.assert_allclose(same, gradient, atol=1e-7)


def test_a_lone_negative_of_a_language_weighs_so_much_at_most() -> None:
    size = 200
    rows = units(2 * size)
    keys = Batch((np.arange(size),) * 2, (np.arange(size), np.arange(size) + size), np.arange(size))
    langs = np.zeros(size, int)
    langs[:2] = 1
    loss, _ = contrast(rows[:size], rows[size:], keys, SCALE, (langs, langs))
    cosines = np.exp(SCALE * rows[:1].astype(float) @ rows[size:].T.astype(float))[0]
    rest = MOST * cosines[1] + 199 / 2 * cosines[2:].mean()
    first = -np.log(cosines[0] / (cosines[0] + rest))
    assert np.isfinite(loss)
    alone, _ = contrast(rows[:size], rows[size:], keys, SCALE, (langs, np.full(size, -1)))
    assert first > 0
    assert alone != pytest.approx(loss, rel=1e-4)


def test_an_anchor_pulls_texts_to_what_the_base_says() -> None:
    base = units(4, seed=8)
    matrix = sparse.csr_matrix(np.array([[1, 1, 0], [0, 0, 2], [0, 0, 0], [1, 0, 0]], np.float32))
    rows = np.array([0, 2, 3])
    gradient = np.zeros((4, 5), np.float32)
    Anchor(base, 3.0).pull(gradient, matrix, rows)
    both = base[0] + base[2]
    expected = [both / np.linalg.norm(both), base[3], np.zeros(5), base[0]]
    np.testing.assert_allclose(gradient, -3.0 / 4 * np.array(expected), atol=1e-6)


def test_the_terms_reach_the_gradient_of_a_step() -> None:
    langs = np.array([0, 1, 1, 1, 0, 0, 1, 1])
    plain, moved = Recorder(PIECES), Recorder(PIECES)
    one = static_model.step(model(), plain, TEXTS, BATCH, 0, 0, SCALE)
    terms = Terms(anchor=Anchor(static_model.folded(model(1)), 2.0), langs=langs, balanced=True)
    two = static_model.step(model(), moved, TEXTS, BATCH, 0, 0, SCALE, terms)
    assert one != pytest.approx(two, rel=1e-4)
    assert not np.allclose(plain.gradient, moved.gradient)


def test_texts_have_the_language_of_their_file(tmp_path: Path) -> None:
    data = write_corpus(tmp_path / "data")
    asked = {"query_lang": "xx", "query": "warum?", "lang": "en", "passage": "Because it rains."}
    (data / "questions").mkdir()
    (data / "questions" / "own.jsonl").write_text(json.dumps(asked), encoding="utf-8")
    texts = [t for found in vocabulary.texts_by_language(data).values() for t in found]
    tokenized.build(data, vocabulary.learn(texts, 260), tmp_path / "tokens", switched_rows=30)
    tokens, tables = tokenized.load(tmp_path / "tokens")
    langs = text_languages.of_texts(tables, len(tokens.starts) - 1)
    assert set(langs[tables.pairs[:, 0]]) == {0}
    assert set(langs[tables.pairs[:, 1]]) == {1}
    assert set(langs[tables.words[:, 0]]) == {0}
    assert set(langs[tables.words[:, 1]]) == {1}
    assert set(langs[tables.switched[:, 0]]) == {-1}
    question, first, *_ = tables.questions[0]
    assert langs[question] == langs[tables.pairs[0, 1]]
    assert langs[tables.parts[first]] == -1
    assert (langs >= 0).sum() == len(langs) - len(np.unique(tables.switched[:, 0])) - 1


@pytest.mark.parametrize("settings", [{"debias": 5.0}, {"balanced": True}])
def test_a_run_takes_the_settings(tmp_path: Path, settings: dict[str, object]) -> None:
    data = write_corpus(tmp_path / "data")
    _, plain = run.train(small(data, tmp_path / "a", steps=5))
    _, moved = run.train(small(data, tmp_path / "b", steps=5, **settings))
    assert np.isfinite(moved).all()
    assert not np.allclose(plain, moved)
