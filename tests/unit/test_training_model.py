"""Loss and gradients against numbers, the optimiser against a dense one, masks, quantisation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from opensearch_clir.training import losses, quantise, static_model
from opensearch_clir.training.mixture import Batch
from opensearch_clir.training.static_model import Floats, Model, Optimiser
from opensearch_clir.training.tokenized import Ints, Tokens

SCALE = 5.0
PIECES, DIMENSION = 12, 6


def tokens(texts: list[list[int]]) -> Tokens:
    starts = np.cumsum([0, *(len(text) for text in texts)])
    return Tokens(np.array([i for text in texts for i in text], np.uint32), starts)


def single(left: list[int], right: list[int], keys: list[int] | None = None) -> Batch:
    rows = np.arange(len(left))
    numbers = np.array(keys or range(100, 100 + len(left)))
    return Batch((rows, np.array(left)), (rows, np.array(right)), numbers)


#: Texts 0 to 7; the unknown piece in two of them, twice the same piece in one.
TEXTS = tokens([[1, 2], [3, 3, 4], [5, 0], [6, 7, 8], [9], [10, 1], [2, 11, 0], [4, 5]])
BATCH = Batch(
    (np.array([0, 1, 2, 3]), np.array([0, 2, 4, 6])),
    (np.array([0, 1, 1, 2, 3]), np.array([1, 3, 7, 5, 7])),
    np.array([7, 8, 7, 9]),  # rows 0 and 2 are about the same thing
)


def model(seed: int = 0) -> Model:
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal((PIECES, DIMENSION)).astype(np.float32)
    return Model(direction, (0.3 * rng.standard_normal(PIECES)).astype(np.float32))


class Recorder(Optimiser):
    """Keeps gradients instead of moving the model."""

    def update(
        self,
        model: Model,
        rows: Ints,
        gradient: Floats,
        current: Floats,
        rate: float,
        gain_rate: float,
    ) -> None:
        self.rows, self.gradient, self.current = rows, gradient.copy(), current


def plain_loss(direction: Floats, gain: Floats) -> float:
    """Compute the loss of `BATCH` row by row, in double precision."""
    vectors = direction.astype(float) * np.exp(gain.astype(float))[:, None]

    def rows(side: tuple[Ints, Ints]) -> list[np.ndarray]:
        sums = [np.zeros(DIMENSION) for _ in BATCH.keys]
        for row, text in zip(*side, strict=True):
            for piece in TEXTS.ids[TEXTS.starts[text] : TEXTS.starts[text + 1]]:
                if piece:
                    sums[row] = sums[row] + vectors[piece]
        return [value / np.linalg.norm(value) for value in sums]

    left, right = rows(BATCH.left), rows(BATCH.right)
    count = len(left)
    hidden = {(0, 2), (2, 0)}
    total = 0.0
    for one, other in ((left, right), (right, left)):
        for i in range(count):
            odds = [np.exp(SCALE * one[i] @ other[j]) for j in range(count) if (i, j) not in hidden]
            total -= SCALE * one[i] @ other[i] - np.log(sum(odds))
    return float(total / (2 * count))


def test_the_loss_is_that_of_a_plain_implementation() -> None:
    made = model()
    loss = static_model.step(made, Recorder(PIECES), TEXTS, BATCH, 0, 0, SCALE)
    assert loss == pytest.approx(plain_loss(made.direction, made.gain), rel=1e-5)


def test_gradients_of_directions_and_gains_are_those_of_finite_differences() -> None:
    made, recorder = model(), Recorder(PIECES)
    static_model.step(made, recorder, TEXTS, BATCH, 0, 0, SCALE)
    by_direction = np.zeros((PIECES, DIMENSION))
    by_direction[recorder.rows] = recorder.gradient * np.exp(made.gain[recorder.rows])[:, None]
    by_gain = np.zeros(PIECES)
    by_gain[recorder.rows] = (recorder.gradient * recorder.current).sum(axis=1)
    tiny = 1e-5
    for piece in range(PIECES):
        moved = made.gain.astype(float)
        up, down = moved.copy(), moved.copy()
        up[piece] += tiny
        down[piece] -= tiny
        slope = (plain_loss(made.direction, up) - plain_loss(made.direction, down)) / (2 * tiny)  # type: ignore[arg-type]
        assert by_gain[piece] == pytest.approx(slope, abs=2e-5)
        for axis in range(DIMENSION):
            ahead, back = made.direction.astype(float), made.direction.astype(float)
            ahead[piece, axis] += tiny
            back[piece, axis] -= tiny
            slope = (plain_loss(ahead, made.gain) - plain_loss(back, made.gain)) / (2 * tiny)  # type: ignore[arg-type]
            assert by_direction[piece, axis] == pytest.approx(slope, abs=2e-5)
    assert not by_direction[0].any()


def test_steps_on_one_batch_bring_its_loss_down() -> None:
    made, optimiser = model(), Optimiser(PIECES)
    losses = [
        static_model.step(made, optimiser, TEXTS, BATCH, 0.05, 0.05, SCALE) for _ in range(40)
    ]
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize(
    ("batch", "hidden"),
    [
        (single([0, 2, 4], [1, 3, 5]), set()),
        (single([0, 2, 4], [1, 3, 5], [9, 9, 8]), {(0, 1), (1, 0)}),
        (single([0, 0, 4], [1, 3, 5]), {(0, 1), (1, 0)}),
        (single([0, 2, 4], [1, 5, 5]), {(1, 2), (2, 1)}),
        # The sides of the second row were exchanged: its right text is the first row's left.
        (single([0, 2, 4], [1, 0, 5]), {(0, 1)}),
    ],
)
def test_rows_about_the_same_thing_are_no_negatives(
    batch: Batch, hidden: set[tuple[int, int]]
) -> None:
    found = {(int(i), int(j)) for i, j in zip(*np.nonzero(losses._same(batch)), strict=True)}
    assert found == hidden


def test_a_masked_row_has_no_say() -> None:
    made, recorder = model(), Recorder(PIECES)
    pair = single([0, 3], [1, 4], [5, 5])
    assert static_model.step(made, recorder, TEXTS, pair, 0, 0, SCALE) == pytest.approx(0, abs=1e-6)
    assert np.abs(recorder.gradient).max() < 1e-6


def test_a_row_of_unknown_pieces_moves_nothing_and_is_finite() -> None:
    texts = tokens([[0], [1], [2], [3]])
    made, before = model(), model()
    loss = static_model.step(made, Optimiser(PIECES), texts, single([0, 2], [1, 3]), 0.1, 0, SCALE)
    assert np.isfinite(loss)
    assert np.isfinite(made.direction).all()
    np.testing.assert_array_equal(made.direction[0], before.direction[0])


def dense_step(
    made: Model, moments: list[Floats], count: Ints, gradient: Floats, rates: tuple[float, float]
) -> None:
    """Take a step of all rows, as a textbook would: square, average, unbias, divide."""
    decay = 0.99
    count += 1
    bias = 1 - decay**count
    by_direction = gradient * np.exp(made.gain)[:, None]
    by_gain = (gradient * made.direction * np.exp(made.gain)[:, None]).sum(axis=1)
    moments[0] += (1 - decay) * ((by_direction**2).mean(axis=1) - moments[0])
    moments[1] += (1 - decay) * (by_gain**2 - moments[1])
    made.direction -= rates[0] * by_direction / np.sqrt(moments[0] / bias)[:, None]
    made.gain -= rates[1] * by_gain / np.sqrt(moments[1] / bias)


def test_the_row_sparse_optimiser_equals_a_dense_one_on_touched_rows() -> None:
    rng = np.random.default_rng(3)
    touched = np.array([2, 3, 7])
    sparse_model, dense_model, before = model(), model(), model()
    optimiser = Optimiser(PIECES)
    moments = [np.zeros(PIECES, np.float32), np.zeros(PIECES, np.float32)]
    count = np.zeros(PIECES, np.int64)
    rates = (0.01, 0.02)
    for _ in range(5):
        gradient = rng.standard_normal((PIECES, DIMENSION)).astype(np.float32)
        current = static_model.folded(sparse_model)[touched]
        optimiser.update(sparse_model, touched, gradient[touched].copy(), current, *rates)
        dense_step(dense_model, moments, count, gradient, rates)
    for name in ("direction", "gain"):
        moved, dense = getattr(sparse_model, name), getattr(dense_model, name)
        np.testing.assert_allclose(moved[touched], dense[touched], rtol=1e-4, atol=1e-6)
        others = np.setdiff1d(np.arange(PIECES), touched)
        np.testing.assert_array_equal(moved[others], getattr(before, name)[others])
        assert np.abs(moved[touched] - getattr(before, name)[touched]).max() > 1e-3
    assert optimiser.count.tolist() == [5 if row in touched else 0 for row in range(PIECES)]


@given(
    arrays.arrays(
        np.float32,
        (5, 4),
        elements=st.floats(-1024, 1024, width=32) | st.floats(-(2**-17), 2**-17, width=32),
    )
)
def test_quantised_vectors_are_within_half_a_scale(vectors: Floats) -> None:
    rows, scales = quantise.quantised(vectors)
    assert rows.dtype == np.int8
    assert scales.dtype == np.float16
    wide = scales.astype(np.float64)[:, None]
    error = np.abs(rows * wide - vectors)
    assert (error <= 0.5 * wide * (1 + 1e-6)).all()
    zero = ~vectors.any(axis=1)
    assert (scales[zero] == 0).all()
    assert (scales[~zero] > 0).all()


def test_bags_cut_long_texts_and_passages_differently() -> None:
    long = tokens([list(range(1, 201)), [1] * 3])
    rows, texts = np.array([0, 1, 1]), np.array([0, 0, 1])
    offsets, ids = static_model.bags(long, (rows, texts), 3)
    assert np.diff(offsets).tolist() == [static_model.SINGLE_CAP, static_model.PART_CAP + 3, 0]
    assert ids[:3].tolist() == [1, 2, 3]
    assert ids[-3:].tolist() == [1, 1, 1]
