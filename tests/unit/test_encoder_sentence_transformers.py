"""The sentence-transformers adapter against a stand-in for the library (no torch)."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest

from opensearch_clir.encoders import encode, load_encoder
from opensearch_clir.encoders.prompts import _INSTRUCTION
from opensearch_clir.encoders.sentence_transformers import SentenceTransformersEncoder
from opensearch_clir.errors import EncoderError


class FakeModel:
    prompts: ClassVar[dict[str, str]] = {"query": "", "document": ""}
    max_seq_length = 128
    error: ClassVar[Exception | None] = None

    def __init__(self, source: str, device: str | None = None) -> None:
        if self.error:
            raise self.error
        self.calls: list[tuple[str, list[str], dict[str, Any]]] = []

    def get_sentence_embedding_dimension(self) -> int:
        return 3

    def encode(self, texts: Sequence[str], **options: Any) -> np.ndarray:
        return self.record("encode", texts, options)

    def record(self, method: str, texts: Sequence[str], options: dict[str, Any]) -> np.ndarray:
        self.calls.append((method, list(texts), options))
        return np.tile(np.array([1, 0, 0], np.float64), (len(texts), 1))


class NewerModel(FakeModel):
    def get_embedding_dimension(self) -> int:
        return 3

    def encode_query(self, texts: Sequence[str], **options: Any) -> np.ndarray:
        return self.record("encode_query", texts, options)

    def encode_document(self, texts: Sequence[str], **options: Any) -> np.ndarray:
        return self.record("encode_document", texts, options)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("sentence_transformers")
    module.SentenceTransformer = FakeModel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    return module


def write_folder(folder: Path, **files: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"model.safetensors": b"weights", "config.json": b"{}", "tokenizer.json": b"{}"}
    for name, content in (contents | files).items():
        (folder / name).write_bytes(content)
    return folder


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(EncoderError, match=r"pip install 'opensearch-clir\[sentence-tr"):
        load_encoder("intfloat/multilingual-e5-small")


def test_the_prompt_of_the_role_is_always_given(library: ModuleType) -> None:
    encoder = SentenceTransformersEncoder("m", query_prompt="q: ")
    assert encode(encoder, ["a", "b\ud800"], "query").dtype == np.float32
    encode(encoder, ["c"], "passage")
    (_, texts, first), (_, _, second) = encoder.model.calls
    assert texts == ["a", "b\ufffd"]
    assert (first["prompt"], second["prompt"]) == ("q: ", "")
    assert encoder.encode([], "query").shape == (0, 3)


def test_newer_libraries_have_a_method_per_role(library: ModuleType) -> None:
    library.SentenceTransformer = NewerModel  # type: ignore[attr-defined]
    encoder = SentenceTransformersEncoder("m")
    encoder.encode(["a"], "query")
    encoder.encode(["a"], "passage")
    assert [call[0] for call in encoder.model.calls] == ["encode_query", "encode_document"]


E5 = ("query: ", "passage: ")
NOMIC = ("search_query: ", "search_document: ")


@pytest.mark.parametrize(
    ("name", "stated", "given", "expected"),
    [
        ("m", {}, (None, None), ("", "")),
        ("m", {"query": "Q ", "document": "D "}, (None, None), ("Q ", "D ")),
        ("m", {"query": "Q ", "passage": "P "}, ("mine ", None), ("mine ", "P ")),
        ("m", {"query": "Q "}, ("", None), ("", "")),
        ("intfloat/multilingual-e5-small", {}, (None, None), E5),
        ("intfloat/e5-base-v2", {"query": "", "document": ""}, (None, None), E5),
        ("intfloat/e5-base-v2", {}, (None, ""), ("query: ", "")),
        ("intfloat/e5-base-v2", {"query": "Q "}, (None, None), ("Q ", "")),
        ("nomic-ai/nomic-embed-text-v1.5", {}, (None, None), NOMIC),
        ("intfloat/multilingual-e5-large-instruct", {}, (None, None), (_INSTRUCTION, "")),
        ("me/codee5-small", {}, (None, None), ("", "")),
    ],
)  # fmt: skip
def test_prompts_given_beat_stated_beat_known(
    library: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    stated: dict[str, str],
    given: tuple[str | None, str | None],
    expected: tuple[str, str],
) -> None:
    monkeypatch.setattr(FakeModel, "prompts", stated)
    encoder = load_encoder(name, query_prompt=given[0], passage_prompt=given[1])
    assert isinstance(encoder, SentenceTransformersEncoder)
    assert (encoder.prompts.query, encoder.prompts.passage) == expected


def test_the_fingerprint_of_a_folder(
    library: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fingerprint(folder: Path, query_prompt: str | None = None) -> str:
        return SentenceTransformersEncoder(folder, query_prompt=query_prompt).fingerprint

    folder = write_folder(tmp_path / "a")
    first = fingerprint(folder)
    (folder / "README.md").write_text("more")
    write_folder(folder / "onnx")
    assert fingerprint(folder) == first == fingerprint(write_folder(tmp_path / "b"))

    seen = {first, fingerprint(folder, "q: ")}
    write_folder(folder, **{"modules.json": b'[{"path": ""}, {"path": "2_Dense"}]'})
    seen.add(fingerprint(folder))
    write_folder(folder / "2_Dense")
    seen.add(fingerprint(folder))
    write_folder(folder, **{"model.safetensors": b"other"})
    seen.add(fingerprint(folder))
    monkeypatch.setattr(FakeModel, "max_seq_length", 64)
    seen.add(fingerprint(folder))
    assert len(seen) == 6


def test_files_in_the_hub_cache_are_known_by_their_name(
    library: ModuleType, tmp_path: Path
) -> None:
    folder = write_folder(tmp_path / "snapshot")
    expected = SentenceTransformersEncoder(folder).fingerprint
    weights = folder / "model.safetensors"
    blob = tmp_path / hashlib.sha256(weights.read_bytes()).hexdigest()
    weights.rename(blob)
    weights.symlink_to(blob)
    assert SentenceTransformersEncoder(folder).fingerprint == expected


@pytest.mark.parametrize(
    ("files", "message"),
    [({"modules.json": b"{"}, "can't read the model's files"), ({}, "no model weights")],
)
def test_a_folder_without_a_fingerprint(
    library: ModuleType, tmp_path: Path, files: dict[str, bytes], message: str
) -> None:
    folder = write_folder(tmp_path / "a", **files)
    (folder / "model.safetensors").unlink()
    with pytest.raises(EncoderError, match=message):
        _ = SentenceTransformersEncoder(folder).fingerprint


def test_a_failed_load_is_one_line_without_secrets(
    library: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = (
        "401 for\nhttps://me:pass@hub.example/m?token=abc123 with Bearer abc.def and "
        "hf_AbCdEf012345 " + "x" * 500
    )
    monkeypatch.setattr(FakeModel, "error", OSError(message))
    with pytest.raises(EncoderError) as caught:
        load_encoder("someone/private")
    text = str(caught.value)
    assert "'someone/private'" in text
    assert "\n" not in text
    assert len(text) < 600
    assert not any(s in text for s in ("pass", "abc123", "abc.def", "hf_A"))


def test_a_failing_model_is_an_encoder_error(
    library: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: FakeModel, *args: object) -> None:
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(FakeModel, "record", fail)
    with pytest.raises(EncoderError, match="'m' failed: CUDA out of memory"):
        SentenceTransformersEncoder("m").encode(["a"], "query")
