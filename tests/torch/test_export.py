"""An exported static model gives the same vectors in sentence-transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opensearch_clir.encoders import StaticEncoder, load_encoder
from opensearch_clir.encoders.background import sample
from opensearch_clir.encoders.export import export_sentence_transformers
from test_encoder_support import SENTENCES, write_model


def texts(max_tokens: int) -> list[str]:
    every = [t for kinds in sample().values() for rows in kinds.values() for t in rows]
    long = [
        " ".join(every),
        "the library and the sea " * max_tokens,
        "図書館" * max_tokens,
    ]
    odd = [
        "",
        " ",
        "\n\t",
        "😀😀",
        "a😀b",
        "ꙮ",
        "Ｆｕｌｌ ｗｉｄｔｈ",
        "e\u0301",
        "\u200d",
        "<unk>",
    ]
    return [*SENTENCES, *every, *long, *odd]


@pytest.mark.parametrize("which", ["embedded", "tiny"])
def test_the_export_gives_the_same_vectors(which: str, tmp_path: Path) -> None:
    name = which if which == "embedded" else str(write_model(tmp_path / "tiny"))
    static = load_encoder(name)
    assert isinstance(static, StaticEncoder)
    export_sentence_transformers(static, tmp_path / "exported")
    exported = load_encoder(str(tmp_path / "exported"))
    assert exported.dimension == static.dimension
    assert len(exported.fingerprint) == 64

    rows = texts(static.max_tokens)
    expected = static.encode(rows, "passage")
    for role in ("query", "passage"):
        found = exported.encode(rows, "query" if role == "query" else "passage")
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_export_needs_no_prompts_and_has_the_cosine(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    export_sentence_transformers(
        StaticEncoder.load(write_model(tmp_path / "tiny")), tmp_path / "exported"
    )
    model = SentenceTransformer(str(tmp_path / "exported"), device="cpu")
    assert model.similarity_fn_name == "cosine"
    assert not any(model.prompts.values())
    # Unit vectors come out without asking for normalisation.
    norms = np.linalg.norm(model.encode(SENTENCES), axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-5)
