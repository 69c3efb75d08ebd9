"""The files of a static model: fingerprints, and what is said about missing or damaged ones."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opensearch_clir.encoders import StaticEncoder
from opensearch_clir.errors import EncoderError
from test_encoder_support import SENTENCES, write_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny")


def edit_config(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def truncate(folder: Path) -> None:
    with (folder / "weights.npy").open("r+b") as stream:
        stream.truncate(500)


def test_plain_and_compressed_tokenizers_are_the_same_model(tmp_path: Path) -> None:
    packed = StaticEncoder.load(write_model(tmp_path / "a"))
    plain = StaticEncoder.load(write_model(tmp_path / "b", compressed=False))
    assert packed.fingerprint == plain.fingerprint
    np.testing.assert_array_equal(packed.encode(SENTENCES), plain.encode(SENTENCES))


def test_the_fingerprint_changes_with_all_that_changes_a_vector(folder: Path) -> None:
    seen = {StaticEncoder.load(folder).fingerprint}
    assert StaticEncoder.load(folder).fingerprint in seen
    edit_config(folder, name="another name", languages=[])
    assert StaticEncoder.load(folder).fingerprint in seen

    edit_config(folder, max_tokens=32)
    seen.add(StaticEncoder.load(folder).fingerprint)
    for name in ("weights.npy", "scales.npy"):
        array = np.load(folder / name)
        array[1:3] = array[2:4]
        np.save(folder / name, array)
        seen.add(StaticEncoder.load(folder).fingerprint)
    text = gzip.decompress((folder / "tokenizer.json.gz").read_bytes())
    (folder / "tokenizer.json.gz").write_bytes(gzip.compress(text + b"\n"))
    seen.add(StaticEncoder.load(folder).fingerprint)
    assert len(seen) == 5


def test_digests_in_the_configuration_are_verified(folder: Path) -> None:
    digest = hashlib.sha256((folder / "weights.npy").read_bytes()).hexdigest()
    edit_config(folder, fingerprint={"weights": digest})
    assert len(StaticEncoder.load(folder).fingerprint) == 64
    edit_config(folder, fingerprint={"weights": digest, "scales": "0" * 64})
    with pytest.raises(EncoderError, match="the scales are not those"):
        _ = StaticEncoder.load(folder).fingerprint


@pytest.mark.parametrize("name", ["config.json", "weights.npy", "scales.npy"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(EncoderError, match=name):
        StaticEncoder.load(folder)


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (truncate, "weights.npy"),
    (lambda f: (f / "weights.npy").write_bytes(b"none"), "weights.npy"),
    (lambda f: (f / "weights.npy").write_bytes(b""), "weights.npy"),
    (lambda f: np.save(f / "scales.npy", np.ones(3, np.float16)), r"scales.npy.*float16 \(3,\)"),
    (lambda f: edit_config(f, dimension=17), r"weights.npy.*17"),
    (lambda f: edit_config(f, dimension="16"), "'dimension' must be a positive integer"),
    (lambda f: edit_config(f, max_tokens=0), "'max_tokens' must be"),
    (lambda f: (f / "config.json").write_text("{"), "config.json: not valid JSON"),
    (lambda f: (f / "config.json").write_text("[]"), "config.json: not a JSON object"),
    (lambda f: (f / "config.json").write_bytes(b"\xff"), "config.json: not valid JSON"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_damaged_file_is_named(
    folder: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(folder)
    with pytest.raises(EncoderError, match=message):
        StaticEncoder.load(folder)


def test_scales_must_be_finite(folder: Path) -> None:
    scales = np.load(folder / "scales.npy")
    scales[2] = np.nan
    np.save(folder / "scales.npy", scales)
    with pytest.raises(EncoderError, match="negative or not finite"):
        StaticEncoder.load(folder)


@pytest.mark.parametrize("content", [None, b"", b"no gzip", gzip.compress(b"{}")])
def test_a_damaged_tokenizer_is_reported_when_it_is_needed(
    folder: Path, content: bytes | None
) -> None:
    path = folder / "tokenizer.json.gz"
    path.unlink() if content is None else path.write_bytes(content)
    encoder = StaticEncoder.load(folder)
    with pytest.raises(EncoderError, match="tokenizer"):
        encoder.encode(["sea"], "query")


def test_a_tokenizer_with_more_pieces_than_rows(folder: Path) -> None:
    for name in ("weights.npy", "scales.npy"):
        np.save(folder / name, np.load(folder / name)[:-5])
    edit_config(folder, vocabulary=len(np.load(folder / "scales.npy")))
    with pytest.raises(EncoderError, match="files belong to different models"):
        StaticEncoder.load(folder).encode(["sea"])
