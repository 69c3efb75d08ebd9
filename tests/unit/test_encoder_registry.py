"""Encoders by name, and the export of a static one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from opensearch_clir.encoders import StaticEncoder, load_encoder
from opensearch_clir.encoders.export import export_sentence_transformers
from opensearch_clir.errors import ConfigurationError, EncoderError
from test_encoder_support import DIMENSION, SENTENCES, write_model


def test_the_embedded_model_is_there_and_works() -> None:
    encoder = load_encoder("embedded")
    assert encoder.name == "embedded"
    vectors = encoder.encode(["a cat on the roof", "eine Katze auf dem Dach", "tax law"], "query")
    assert vectors.shape == (3, encoder.dimension)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


def test_a_folder_of_a_static_model(tmp_path: Path) -> None:
    encoder = load_encoder(str(write_model(tmp_path / "tiny")))
    assert isinstance(encoder, StaticEncoder)
    assert encoder.name == str(tmp_path / "tiny")


@pytest.mark.parametrize("prompt", [{"query_prompt": "q: "}, {"passage_prompt": "p: "}])
def test_a_static_model_refuses_prompts(tmp_path: Path, prompt: dict[str, str]) -> None:
    name = str(write_model(tmp_path))
    with pytest.raises(ConfigurationError, match="takes no prompts"):
        load_encoder(name, **prompt)
    assert load_encoder(name, query_prompt="", passage_prompt="").dimension == DIMENSION


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="name is empty"):
        load_encoder(" ")


def read_safetensors(model: Path) -> np.ndarray:
    content = (model / "0_StaticEmbedding" / "model.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    assert length % 8 == 0
    entry = json.loads(content[8 : 8 + length])["embedding.weight"]
    assert entry["data_offsets"] == [0, len(content) - 8 - length]
    return np.frombuffer(content[8 + length :], "<f4").reshape(entry["shape"])


def test_the_export_holds_the_vectors_and_the_tokenizer(tmp_path: Path) -> None:
    encoder = StaticEncoder.load(write_model(tmp_path / "tiny"))
    target = tmp_path / "exported" / "model"
    for _ in range(2):  # a second export replaces the first
        export_sentence_transformers(encoder, target)
    np.testing.assert_array_equal(read_safetensors(target), encoder.dequantised())
    tokenizer = json.loads((target / "0_StaticEmbedding" / "tokenizer.json").read_text("utf-8"))
    assert tokenizer["truncation"]["max_length"] == encoder.max_tokens
    assert tokenizer["padding"] is None
    assert encoder.tokenizer.truncation is None
    modules = json.loads((target / "modules.json").read_text("utf-8"))
    assert [(m["path"], m["type"].rsplit(".", 1)[1]) for m in modules] == [
        ("0_StaticEmbedding", "StaticEmbedding"),
        ("1_Normalize", "Normalize"),
    ]
    assert all((target / m["path"]).is_dir() for m in modules)


def test_an_export_to_a_place_that_cant_be_written(tmp_path: Path) -> None:
    encoder = StaticEncoder.load(write_model(tmp_path / "tiny"))
    (tmp_path / "file").write_text("")
    with pytest.raises(EncoderError, match="can't write the model"):
        export_sentence_transformers(encoder, tmp_path / "file")


def test_vectors_of_all_pieces_give_those_of_a_text(tmp_path: Path) -> None:
    encoder = StaticEncoder.load(write_model(tmp_path))
    table = encoder.dequantised()
    ids = encoder.tokenizer.encode(SENTENCES[0]).ids
    mean = table[ids].mean(axis=0)
    expected = encoder.encode([SENTENCES[0]])[0]
    np.testing.assert_allclose(mean / np.linalg.norm(mean), expected, atol=1e-5)
