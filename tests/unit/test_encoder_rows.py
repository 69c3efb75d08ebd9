"""Rows of a static model as codes: packing, decoding, coding."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensearch_clir.encoders import StaticEncoder
from opensearch_clir.encoders.rows import BOOK, PART, CodedRows, packed, unpacked
from opensearch_clir.errors import EncoderError
from opensearch_clir.training import artefact
from opensearch_clir.training.codebook import coded, rotated
from test_encoder_support import SENTENCES, train_tokenizer


@given(st.lists(st.lists(st.integers(0, BOOK - 1), min_size=4, max_size=4), max_size=5))
def test_unpacking_undoes_packing(codes: list[list[int]]) -> None:
    given_codes = np.array(codes, dtype=np.int64).reshape(-1, 4)
    small = packed(given_codes)
    assert small.shape == (len(codes), 6)
    np.testing.assert_array_equal(unpacked(small), given_codes)


def test_rows_are_put_together_from_the_codebook() -> None:
    book = np.random.default_rng(1).standard_normal((BOOK, PART)).astype(np.float16)
    codes = np.array([[0, 4095], [17, 256]])
    rows = CodedRows(packed(codes), book)
    assert len(rows) == 2
    expected = np.concatenate([book[17], book[256]]).astype(np.float32)
    np.testing.assert_array_equal(rows.take(np.array([1]))[0], expected)
    np.testing.assert_array_equal(rows.take(slice(1, 2))[0], expected)


def vectors(size: int = 3000, dimension: int = 16) -> np.ndarray:
    rng = np.random.default_rng(3)
    # Components of very different size, as principal components are.
    found = rng.standard_normal((size, dimension)) * np.linspace(3, 0.1, dimension)
    return (found * np.exp(rng.standard_normal((size, 1)))).astype(np.float32)


def test_turning_keeps_cosines() -> None:
    plain = vectors(50)
    turned = rotated(plain, 1)
    np.testing.assert_allclose(turned @ turned.T, plain @ plain.T, atol=1e-3)
    assert not np.allclose(turned, plain)


def test_coded_rows_are_near_and_repeatable() -> None:
    plain = rotated(vectors(), 1)
    plain[7] = 0
    codes, scales, book = coded(plain, seed=1)
    assert (codes.dtype, scales.dtype, book.shape) == (np.uint8, np.float16, (BOOK, PART))
    rows = CodedRows(codes, book).take(slice(None)) * scales[:, None].astype(np.float32)
    # Three bits a component by the best scalar quantiser leave .0345 of a normal variable's energy.
    assert ((rows - plain) ** 2).sum() / (plain**2).sum() < 0.0345
    assert not rows[7].any()
    for one, other in zip((codes, scales, book), coded(plain, seed=1), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coded")
    tokenizer = train_tokenizer()
    plain = vectors(tokenizer.get_vocab_size())
    artefact.write(folder, tokenizer, plain, {"max_tokens": 64})
    return folder


def test_a_coded_model_is_loaded(model: Path) -> None:
    encoder = StaticEncoder.load(model)
    found = encoder.encode(SENTENCES)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    summed = encoder.token_vectors(SENTENCES[0]).sum(axis=0)
    np.testing.assert_allclose(found[0], summed / np.linalg.norm(summed), atol=1e-5)
    assert len(encoder.fingerprint) == 64


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda f: np.save(f / "codebook.npy", np.zeros((3, 4), np.float16)), "codebook.npy"),
        (
            lambda f: np.save(f / "codebook.npy", np.full((BOOK, PART), np.nan, np.float16)),
            "not finite",
        ),
        (lambda f: np.save(f / "weights.npy", np.zeros((3, 6), np.uint8)), "weights.npy"),
        (lambda f: edit(f, dimension=12), "can't be kept as codes"),
    ],
)
def test_a_damaged_coded_model_is_an_error(
    model: Path, tmp_path: Path, damage: object, told: str
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(model, folder)
    assert callable(damage)
    damage(folder)
    with pytest.raises(EncoderError, match=told):
        StaticEncoder.load(folder)


def test_the_codebook_belongs_to_the_fingerprint(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(model, folder)
    book = np.load(folder / "codebook.npy")
    np.save(folder / "codebook.npy", book[::-1])
    with pytest.raises(EncoderError, match="the codebook are not those"):
        _ = StaticEncoder.load(folder).fingerprint


def edit(folder: Path, **values: int) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
