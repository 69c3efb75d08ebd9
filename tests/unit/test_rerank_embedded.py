"""Late interaction with the embedded model."""

from __future__ import annotations

import time

import numpy as np
import pytest

from opensearch_clir.encoders.registry import EMBEDDED, load_encoder
from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.errors import ConfigurationError, RerankerError
from opensearch_clir.rerank import Candidate, load_reranker, scored
from opensearch_clir.rerank.base import Evidence
from opensearch_clir.rerank.embedded import SHARPNESS, LateInteraction

PRINTER = "How to connect the printer to the network"


@pytest.fixture(scope="module")
def reranker() -> LateInteraction:
    found = load_reranker(EMBEDDED)
    assert isinstance(found, LateInteraction)
    return found


def by_hand(query: str, text: str) -> float:
    """MaxSim piece by piece, as its definition says."""
    encoder = load_encoder(EMBEDDED)
    assert isinstance(encoder, StaticEncoder)
    asked, found = encoder.token_vectors(query), encoder.token_vectors(text)
    units = found / np.linalg.norm(found, axis=1, keepdims=True)
    total = weight = 0.0
    for row in asked:
        length = float(np.linalg.norm(row))
        total += length**SHARPNESS * max(0.0, float((units @ (row / length)).max()))
        weight += length**SHARPNESS
    return total / weight


def test_scores_are_those_of_the_definition(reranker: LateInteraction) -> None:
    texts = [PRINTER, "l'imprimante ne marche pas", "a cat sat on the mat", "打印机 连接"]
    found = reranker.score("printer network network", texts, 60.0)
    expected = [by_hand("printer network network", text) for text in texts]
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_every_word_found_is_one(reranker: LateInteraction) -> None:
    assert reranker.score(PRINTER, [f"{PRINTER} and more"], 60.0)[0] == pytest.approx(1, abs=1e-3)


def test_a_translation_beats_what_is_about_something_else(reranker: LateInteraction) -> None:
    texts = ["Die Katze schläft auf dem Sofa", "Drucker mit dem Netzwerk verbinden"]
    low, high = reranker.score(PRINTER, texts, 60.0)
    assert high > low + 0.2


def test_a_score_depends_on_its_text_alone(reranker: LateInteraction) -> None:
    texts = ["Drucker verbinden", PRINTER, "Die Katze"] * 20
    together = reranker.score(PRINTER, texts, 60.0)
    alone = [reranker.score(PRINTER, [text], 60.0)[0] for text in texts[:3]]
    np.testing.assert_allclose(together, np.tile(alone, 20), atol=1e-6)


@pytest.mark.parametrize("text", ["", " \n\t", "!!! ??? ...", "\ud800"])
def test_a_text_without_words_is_not_scored(reranker: LateInteraction, text: str) -> None:
    found = scored(reranker, PRINTER, [Candidate("a", "en", text), Candidate("b", "en", "printer")])
    assert np.isnan(found[0])
    assert found[1] > 0


def test_a_question_without_words_scores_nothing(reranker: LateInteraction) -> None:
    assert np.isnan(scored(reranker, "?!", [Candidate("a", "en", PRINTER)])).all()


def test_ten_megabytes_take_no_longer_than_their_beginning(reranker: LateInteraction) -> None:
    text = "printer paper " * 800_000
    started = time.process_time()
    found = scored(reranker, PRINTER, [Candidate(str(i), "en", text) for i in range(20)])
    assert time.process_time() - started < 10
    assert np.isfinite(found).all()


def test_what_there_is_no_time_for_is_not_scored(reranker: LateInteraction) -> None:
    candidates = [Candidate(str(i), "en", PRINTER) for i in range(100)]
    found = scored(reranker, PRINTER, candidates, 1e-9)
    assert np.isfinite(found[:16]).all()
    assert np.isnan(found[16:]).all()
    assert np.isnan(scored(reranker, PRINTER, candidates, 0.0)).all()


class Odd:
    """Returns whatever it is given."""

    name = fingerprint = "odd"

    def __init__(self, scores: list[float]) -> None:
        self.scores = scores

    def score(self, query: str, texts: object, seconds: float) -> Evidence:
        return np.array(self.scores)


def test_scores_are_checked() -> None:
    candidates = [Candidate("a", "en", "a"), Candidate("b", "en", "b")]
    found = scored(Odd([np.inf, 1.0]), "q", candidates)
    np.testing.assert_array_equal(found, [np.nan, 1.0])
    with pytest.raises(RerankerError, match=r"shape \(3,\) for 2 texts"):
        scored(Odd([1.0, 2.0, 3.0]), "q", candidates)
    assert len(scored(Odd([1.0]), "q", [])) == 0


def test_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_reranker(EMBEDDED) is load_reranker(EMBEDDED)
    with pytest.raises(ConfigurationError, match="empty"):
        load_reranker(" ")
    with pytest.raises(RerankerError, match="no such folder"):
        load_reranker("./nowhere/at/all")
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(RerankerError, match="pip install"):
        load_reranker("owner/some-cross-encoder")
