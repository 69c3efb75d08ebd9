"""The static encoder on a tiny model with random weights."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensearch_clir.encoders import StaticEncoder, encode
from test_encoder_support import DIMENSION, SENTENCES, write_model

# Surrogates included: JSON and file names can carry them into texts.
ANY_TEXT = st.text(st.characters(), max_size=60)
NATURAL = st.lists(st.sampled_from(SENTENCES), max_size=4).map(" ".join)
TEXTS = st.lists(ANY_TEXT | NATURAL, max_size=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> StaticEncoder:
    return StaticEncoder.load(folder)


def by_definition(encoder: StaticEncoder, folder: Path, text: str) -> np.ndarray:
    rows = np.load(folder / "weights.npy").astype(np.float64)
    scales = np.load(folder / "scales.npy").astype(np.float64)
    ids = encoder.tokenizer.encode(text, add_special_tokens=False).ids[: encoder.max_tokens]
    total = (rows[ids] * scales[ids, None]).sum(axis=0) if ids else np.zeros(DIMENSION)
    norm = np.linalg.norm(total)
    return total / norm if norm > 0 else total


def test_vectors_follow_the_definition(encoder: StaticEncoder, folder: Path) -> None:
    texts = [*SENTENCES, "", "sea", "library " * 200]
    expected = np.array([by_definition(encoder, folder, text) for text in texts])
    found = encoder.encode(texts, "passage")
    assert found.dtype == np.float32
    assert found.shape == (len(texts), DIMENSION)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_empty_text_is_zero(encoder: StaticEncoder) -> None:
    assert not encoder.encode([""], "query").any()


def test_an_unknown_piece_adds_nothing(encoder: StaticEncoder) -> None:
    # Unknown characters leave the space before them, which the tiny model knows.
    unknown, space = encoder.encode(["ꙮ", "▁"], "query")
    np.testing.assert_array_equal(unknown, space)
    np.testing.assert_array_equal(*encoder.encode(["sea", "seaꙮ"], "query"))


def test_roles_make_no_difference(encoder: StaticEncoder) -> None:
    as_query, as_passage = (encoder.encode(SENTENCES, role) for role in ("query", "passage"))
    np.testing.assert_array_equal(as_query, as_passage)


@settings(deadline=None)
@given(texts=TEXTS)
def test_rows_are_unit_or_zero_for_any_text(encoder: StaticEncoder, texts: list[str]) -> None:
    vectors = encode(encoder, texts, "passage")
    assert vectors.shape == (len(texts), DIMENSION)
    norms = np.linalg.norm(vectors, axis=1)
    assert np.all((norms == 0) | (np.abs(norms - 1) < 1e-5))


@settings(deadline=None)
@given(texts=TEXTS, seed=st.integers(0, 99))
def test_a_row_depends_on_its_text_alone(
    encoder: StaticEncoder, texts: list[str], seed: int
) -> None:
    together = encoder.encode(texts, "passage")
    order = np.random.default_rng(seed).permutation(len(texts))
    shuffled = encoder.encode([texts[i] for i in order], "passage")
    np.testing.assert_array_equal(shuffled, together[order])
    for row, text in zip(together, texts, strict=True):
        np.testing.assert_allclose(encoder.encode([text], "passage")[0], row, atol=1e-6)


def test_more_texts_than_one_batch(encoder: StaticEncoder) -> None:
    texts = [SENTENCES[i % len(SENTENCES)] for i in range(2500)]
    vectors = encoder.encode(texts, "passage")
    once = encoder.encode(SENTENCES, "passage")
    np.testing.assert_array_equal(vectors, once[np.arange(2500) % len(SENTENCES)])


def test_only_the_first_pieces_of_a_long_text_count(encoder: StaticEncoder) -> None:
    start = "the library opens " * encoder.max_tokens
    long = start + "sand " * 2_000_000  # 10 MB
    np.testing.assert_array_equal(*encoder.encode([start, long], "passage"))


def test_surrogate_pairs_are_joined_and_lone_ones_ignored(encoder: StaticEncoder) -> None:
    pair, emoji, lone, replaced = encoder.encode(
        ["sea \ud83d\ude00", "sea 😀", "sea \ud83d", "sea \ufffd"], "query"
    )
    np.testing.assert_array_equal(pair, emoji)
    np.testing.assert_array_equal(lone, replaced)


def test_token_vectors_add_up_to_the_text(encoder: StaticEncoder) -> None:
    for text in SENTENCES:
        tokens = encoder.token_vectors(text)
        assert tokens.shape[1] == DIMENSION
        total = tokens.sum(axis=0)
        expected = encoder.encode([text], "passage")[0]
        np.testing.assert_allclose(total / np.linalg.norm(total), expected, atol=1e-5)
    assert encoder.token_vectors("").shape == (0, DIMENSION)


def test_threads_share_an_encoder(folder: Path) -> None:
    fresh = StaticEncoder.load(folder)  # its tokenizer is built by whichever thread is first
    expected = StaticEncoder.load(folder).encode(SENTENCES, "passage")
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: fresh.encode(SENTENCES, "passage"), range(64)))
    for result in results:
        np.testing.assert_array_equal(result, expected)


FORK = """
import os, sys
from opensearch_clir.encoders import StaticEncoder
encoder = StaticEncoder.load(sys.argv[1])
encoder.encode(["the sea", "the library"] * 50)
child = os.fork()
if child == 0:
    encoder.encode(["the sea", "the library"] * 50)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(os.environ.get("TOKENIZERS_PARALLELISM"))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize(("given", "left"), [(None, "None"), ("true", "true")])
def test_a_forked_process_encodes_without_hanging_or_warning(
    folder: Path, given: str | None, left: str
) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "TOKENIZERS_PARALLELISM"}
    if given:
        environment["TOKENIZERS_PARALLELISM"] = given
    done = subprocess.run(
        [sys.executable, "-c", FORK, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", left)
