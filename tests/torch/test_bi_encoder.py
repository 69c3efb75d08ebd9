"""A bi-encoder from `clir train` to an encoder, by sentence-transformers' own trainer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opensearch_clir.encoders.base import encode
from opensearch_clir.encoders.registry import load_encoder
from opensearch_clir.encoders.sentence_transformers import SentenceTransformersEncoder
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.training import __main__ as command
from opensearch_clir.training.bi_encoder import train_bi_encoder
from opensearch_clir.training.bi_encoder_config import BiEncoderConfig
from tiny_cases import WORDS, write_body, write_data

HERE, THERE = [f"the {one}" for one, _ in WORDS], [f"die {other}" for _, other in WORDS]


def with_pooling(body: Path, folder: Path, **settings: Any) -> Path:
    """Write a transformer as a model of sentence-transformers."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(body), **settings)
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="module")
def base(body: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_pooling(body, tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


def config(base: Path, data: Path, work: Path, **changes: Any) -> BiEncoderConfig:
    given = {"batch": 8, "steps": 3, "rate": 2e-3, "every": 10, "max_tokens": 16, "words": 0}
    return BiEncoderConfig(
        kind="bi-encoder", base=str(base), work=work, data=data, **{**given, **changes}
    )


def silent(_: Mapping[str, Any]) -> None:
    """Report nothing."""


def trained(config: BiEncoderConfig, out: Path) -> SentenceTransformersEncoder:
    out.mkdir()
    train_bi_encoder(config, out, silent)
    encoder = load_encoder(str(out))
    assert isinstance(encoder, SentenceTransformersEncoder)
    return encoder


def weights(encoder: SentenceTransformersEncoder) -> np.ndarray:
    parts = [value.numpy().ravel() for _, value in sorted(encoder.model.state_dict().items())]
    return np.concatenate(parts)


def cosines(one: SentenceTransformersEncoder, other: SentenceTransformersEncoder) -> float:
    """Return the mean cosine of what two encoders say of the English texts."""
    vectors = encode(one, HERE, "query") * encode(other, HERE, "query")
    return float(vectors.sum(axis=1).mean())


def test_a_stopped_command_goes_on_as_if_never_stopped_and_prints_rows_alone(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "body").mkdir()
    base = with_pooling(write_body(tmp_path / "body", dropout=0.1), tmp_path / "base")
    capfd.readouterr()
    lines = {
        "kind": '"bi-encoder"', "base": '"base"', "data": json.dumps(str(data)), "words": 0,
        "work": '"work"', "batch": 8, "steps": 35, "every": 10, "rate": 2e-3, "max_tokens": 16,
    }  # fmt: skip
    file = tmp_path / "train.toml"
    file.write_text("".join(f"{key} = {value}\n" for key, value in lines.items()), "utf-8")
    arguments = [str(file), str(tmp_path / "out")]

    def stop(row: Mapping[str, Any]) -> None:
        if row.get("step") == 20:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "_print", stop)
        assert command.main(arguments) == command.INTERRUPTED
    assert "goes on" in capfd.readouterr().err
    assert not list((tmp_path / "out").iterdir())
    assert [path.name for path in (tmp_path / "work").glob("checkpoint-*")] == ["checkpoint-10"]
    # One that was cut short while it was written.
    (tmp_path / "work" / "checkpoint-20").mkdir()
    (tmp_path / "work" / "checkpoint-20" / "trainer_state.json").write_text("{", "utf-8")

    assert command.main(arguments) == 0
    out, err = capfd.readouterr()
    assert err == ""
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["stage"] for row in rows if "stage" in row] == ["pairs", "start", "done"]
    assert [row["step"] for row in rows if "step" in row] == [20, 30, 35]
    assert all(row["loss"] > 0 for row in rows if "step" in row)

    whole = config(base, data, tmp_path / "other", steps=35)
    other = trained(whole, tmp_path / "whole")
    found = load_encoder(str(tmp_path / "out"))
    assert isinstance(found, SentenceTransformersEncoder)
    np.testing.assert_array_equal(weights(found), weights(other))

    # Finished, but stopped before the model was in its place: nothing is trained again.
    again = trained(whole, tmp_path / "again")
    np.testing.assert_array_equal(weights(again), weights(other))
    with pytest.raises(ConfigurationError, match="another batch"):
        train_bi_encoder(replace(whole, batch=4), tmp_path / "new", silent)
    assert command.main(arguments) == 1
    assert "is not empty" in capfd.readouterr().err


def test_translations_are_learned_and_the_folder_is_an_encoder(
    base: Path, data: Path, tmp_path: Path
) -> None:
    encoder = trained(config(base, data, tmp_path / "work", steps=120), tmp_path / "out")
    scores = encode(encoder, HERE, "query") @ encode(encoder, THERE, "passage").T
    assert (scores.argmax(axis=1) == np.arange(len(WORDS))).sum() >= 7
    assert encoder.max_tokens == load_encoder(str(base)).max_tokens  # type: ignore[attr-defined]


def test_a_teacher_holds_english_where_it_was(base: Path, data: Path, tmp_path: Path) -> None:
    before = SentenceTransformersEncoder(base)
    free = trained(config(base, data, tmp_path / "a", steps=40), tmp_path / "free")
    chosen = {"steps": 40, "teacher": str(base), "distillation": 10.0}
    held = trained(config(base, data, tmp_path / "b", **chosen), tmp_path / "held")
    assert cosines(held, before) > cosines(free, before) + 0.05
    small = config(base, data, tmp_path / "c", **{**chosen, "steps": 3})
    whole = trained(small, tmp_path / "whole")
    cached = trained(replace(small, work=tmp_path / "d", mini_batch=3), tmp_path / "cached")
    np.testing.assert_allclose(weights(cached), weights(whole), atol=1e-4)
    assert np.abs(weights(cached) - weights(before)).max() > 1e-3


def test_the_prompts_of_the_base_are_used_and_stated(
    body: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sentence_transformers import SentenceTransformer

    prompts = {"query": "the ", "passage": "die "}
    base = with_pooling(body, tmp_path / "prompted", prompts=prompts)
    asked: set[str | None] = set()
    real = SentenceTransformer.preprocess

    def seen(self: Any, inputs: Any, prompt: str | None = None, **more: Any) -> Any:
        asked.add(prompt)
        return real(self, inputs, prompt=prompt, **more)

    monkeypatch.setattr(SentenceTransformer, "preprocess", seen)
    out = tmp_path / "out"
    out.mkdir()
    # No held-out pairs: nothing but the training has asked.
    train_bi_encoder(config(base, data, tmp_path / "work", negatives=1), out, silent)
    assert asked == {"the ", "die "}
    found = SentenceTransformersEncoder(out)
    assert (found.prompts.query, found.prompts.passage) == ("the ", "die ")


def test_documents_alone_do_and_the_base_may_be_kept(base: Path, tmp_path: Path) -> None:
    documents = [
        {"id": str(i), "lang": "de", "title": THERE[i % 8], "text": f"{HERE[i % 8]}. {i} {i}."}
        for i in range(12)
    ]
    file = tmp_path / "corpus.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in documents), "utf-8")
    rows: list[Mapping[str, Any]] = []
    (tmp_path / "out").mkdir()
    chosen = BiEncoderConfig("bi-encoder", str(base), tmp_path / "work", corpus=file, steps=2)
    train_bi_encoder(replace(chosen, keep=1.0), tmp_path / "out", rows.append)
    assert rows[1]["documents"] == 12
    kept = SentenceTransformersEncoder(tmp_path / "out")
    np.testing.assert_allclose(weights(kept), weights(SentenceTransformersEncoder(base)), atol=1e-6)


def test_models_that_do_not_do_are_named(base: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for changes, message in (
        ({"base": "embedded"}, "'embedded' is a static model"),
        ({"teacher": "embedded", "distillation": 1.0}, "256 dimensions, the base of 32"),
    ):
        chosen = replace(config(base, data, tmp_path / "work"), **changes)
        with pytest.raises(ConfigurationError, match=message):
            train_bi_encoder(chosen, tmp_path / "out", silent)
