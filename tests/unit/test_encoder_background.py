"""The sample of unrelated texts, and what is measured over it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from opensearch_clir.encoders import StaticEncoder
from opensearch_clir.encoders.background import MIN_SCALE, measure, sample
from opensearch_clir.encoders.base import Role, Vectors
from opensearch_clir.errors import EncoderError
from opensearch_clir.languages import LANGUAGES
from test_encoder_support import write_model


class Drawn:
    """Random vectors around one direction per role and language."""

    name, dimension, fingerprint = "drawn", 64, "0"

    def __init__(self, shared: float, own: float, known: int = 10_000) -> None:
        self.shared, self.own, self.known = shared, own, known
        self.roles: list[Role] = []

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        self.roles.append(role)
        of = {
            text: place
            for place, kinds in enumerate(sample().values())
            for rows in kinds.values()
            for text in rows
        }
        rng = np.random.default_rng(len(self.roles))
        vectors = rng.standard_normal((len(texts), self.dimension)) * 0.1
        vectors[:, 63] += self.shared
        vectors[np.arange(len(texts)), [of[text] for text in texts]] += self.own
        vectors[self.known :] = 0
        return vectors.astype(np.float32)


def test_the_sample_covers_languages_and_scripts() -> None:
    texts = sample()
    assert len(texts) >= 10
    assert len({LANGUAGES[code].script for code in texts}) >= 5
    for kinds in texts.values():
        assert len(set(kinds["passages"])) >= 16
        assert len(set(kinds["questions"])) >= 10
    everything = [t for kinds in texts.values() for rows in kinds.values() for t in rows]
    assert len(set(everything)) == len(everything) <= 350
    assert all(t == t.strip() == unicodedata.normalize("NFC", t) for t in everything)


def test_location_and_scale_are_mean_and_deviation() -> None:
    found = measure(Drawn(shared=1.0, own=1.0))
    # cos = (shared² + own² if the language is the same) / (shared² + own² + 64 · 0.01)
    assert found["matching"][0] == pytest.approx(2 / 2.64, abs=0.02)
    assert found["non_matching"][0] == pytest.approx(1 / 2.64, abs=0.02)
    assert all(0.02 < scale < 0.2 for _, scale in found.values())


def test_questions_are_queries_and_passages_passages() -> None:
    encoder = Drawn(shared=1.0, own=0.0)
    measure(encoder)
    assert sorted(encoder.roles) == ["passage", "query"]


def test_outliers_are_pulled_in() -> None:
    class Copying(Drawn):
        def encode(self, texts: Sequence[str], role: Role) -> Vectors:
            vectors = super().encode(texts, role)
            vectors[::25] = 0
            vectors[::25, 40] = 5.0  # pairs of cosine 1 among those near 0.6
            return vectors

    plain, copying = measure(Drawn(1.5, 0.0)), measure(Copying(1.5, 0.0))
    for kind in ("matching", "non_matching"):
        assert copying[kind][0] == pytest.approx(plain[kind][0], abs=0.05)


def test_the_scale_has_a_floor() -> None:
    class Constant(Drawn):
        def encode(self, texts: Sequence[str], role: Role) -> Vectors:
            return np.ones((len(texts), self.dimension), dtype=np.float32)

    assert measure(Constant(0, 0))["matching"] == (pytest.approx(1.0), MIN_SCALE)


def test_unknown_texts_are_left_out_or_refused() -> None:
    whole, part = measure(Drawn(1.0, 1.0)), measure(Drawn(1.0, 1.0, known=60))
    assert part["non_matching"][0] == pytest.approx(whole["non_matching"][0], abs=0.03)
    with pytest.raises(EncoderError, match="knows too few"):
        measure(Drawn(1.0, 1.0, known=3))


def test_a_static_model_is_measured(tmp_path: Path) -> None:
    found = measure(StaticEncoder.load(write_model(tmp_path)))
    assert found["matching"][0] > found["non_matching"][0]
