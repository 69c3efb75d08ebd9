"""Late interaction with the first hits."""

from __future__ import annotations

import numpy as np
import pytest

from opensearch_clir.calibration.second import SecondLine, SecondStage
from opensearch_clir.rerank import Candidate, load_reranker, scored
from opensearch_clir.rerank.base import compares, unfitted
from opensearch_clir.rerank.first_hits import HITS, FirstHits
from opensearch_clir.rerank.options import Rerank, by_default
from opensearch_clir.rerank.registry import EMBEDDED, EMBEDDED_HITS
from opensearch_clir.rerank.search import stage_for
from rerank_cases import ByTable

TEXTS = [
    "Connect the printer to a wireless network",
    "Drucker mit dem WLAN verbinden",
    "The printer does not find its network",
    "Bake the bread for forty minutes in the oven",
    "Connecter l'imprimante au réseau sans fil",
    "Invoices are sent by mail every month",
]


@pytest.fixture(scope="module")
def reranker() -> FirstHits:
    found = load_reranker(EMBEDDED_HITS)
    assert isinstance(found, FirstHits)
    return found


def test_scores_are_those_of_the_definition(reranker: FirstHits) -> None:
    one = load_reranker(EMBEDDED)
    means = []
    for place, text in enumerate(TEXTS):
        others = [n for n in range(HITS) if n != place]
        # The first texts as questions: no piece comes twice in them, which would weigh more there.
        values = [one.score(TEXTS[n], [text], 60.0)[0] for n in others]
        means.append(np.average(values, weights=[1 / (n + 1) for n in others]))
    expected = (np.array(means) - np.mean(means)) / np.std(means)
    np.testing.assert_allclose(reranker.score("any", TEXTS, 60.0), expected, atol=1e-5)


def test_what_says_the_same_in_another_language_beats_another_matter(reranker: FirstHits) -> None:
    found = reranker.score("any", TEXTS, 60.0)
    assert found[4] > found[5]
    assert found[4] > found[3]
    assert found.mean() == pytest.approx(0, abs=1e-6)
    assert found.std() == pytest.approx(1, abs=1e-6)


def test_the_question_is_not_read_and_later_texts_don_t_depend_on_their_order(
    reranker: FirstHits,
) -> None:
    found = reranker.score("printer", TEXTS, 60.0)
    np.testing.assert_array_equal(found, reranker.score("bread", TEXTS, 60.0))
    turned = [*TEXTS[:3], *reversed(TEXTS[3:])]
    again = reranker.score("printer", turned, 60.0)
    np.testing.assert_allclose(again, [*found[:3], *found[:2:-1]], atol=1e-6)


@pytest.mark.parametrize(
    ("texts", "known"),
    [
        ([], []),
        (["printer"], [False]),
        (["!!!", "printer"], [False, False]),
        (["!!!", "printer", "Drucker", "?"], [False, True, True, False]),
        (["printer", "printer", "printer"], [True, True, True]),
    ],
)
def test_texts_that_can_t_be_compared_are_not_scored(
    reranker: FirstHits, texts: list[str], known: list[bool]
) -> None:
    found = reranker.score("q", texts, 60.0)
    np.testing.assert_array_equal(np.isfinite(found), np.array(known, dtype=bool))


def test_equal_texts_are_no_evidence(reranker: FirstHits) -> None:
    np.testing.assert_allclose(reranker.score("q", ["the printer"] * 5, 60.0), 0, atol=1e-3)


def test_what_there_is_no_time_for_is_not_scored(reranker: FirstHits) -> None:
    candidates = [Candidate(str(i), "en", text) for i, text in enumerate(TEXTS * 20)]
    found = scored(reranker, "q", candidates, 1e-9)
    assert np.isfinite(found[:16]).all()
    assert np.isnan(found[16:]).all()


def test_ten_megabytes_are_read_at_their_beginning(reranker: FirstHits) -> None:
    candidates = [Candidate(str(i), "en", "printer paper " * 800_000) for i in range(5)]
    assert np.isfinite(scored(reranker, "q", candidates)).all()


def test_it_says_how_it_is_to_be_used(reranker: FirstHits) -> None:
    assert (compares(reranker), unfitted(reranker)) == (True, 0.2)
    other = load_reranker(EMBEDDED)
    assert (compares(other), unfitted(other)) == (False, 0.1)
    assert (compares(ByTable({})), unfitted(ByTable({}))) == (False, 1.0)
    assert reranker.fingerprint != other.fingerprint
    stage, fitted, why = stage_for(None, reranker, np.array([0.0, 1.0, 2.0]))
    assert (stage.matching.weight, fitted) == (0.2, False)
    assert "clir calibrate" in why


def weights(name: str, fingerprint: str) -> SecondStage:
    line = SecondLine(0.0, 1.0, 0.2, 0.0, 1.0)
    return SecondStage(name, fingerprint, line, line)


def test_it_is_used_where_the_index_has_weights_for_it(reranker: FirstHits) -> None:
    stage = weights(EMBEDDED_HITS, reranker.fingerprint)
    assert by_default(stage, 10, 0, None, {"aggs": {}}) == Rerank(EMBEDDED_HITS)
    embedded = weights(EMBEDDED, load_reranker(EMBEDDED).fingerprint)
    assert by_default(embedded, 10, 90, None, {}) == Rerank(EMBEDDED)


def test_it_is_not_used_where_that_would_change_more_than_an_order(reranker: FirstHits) -> None:
    stage = weights(EMBEDDED_HITS, reranker.fingerprint)
    assert by_default(None, 10, 0, None, {}) is None
    assert by_default(weights(EMBEDDED_HITS, "older"), 10, 0, None, {}) is None
    table = ByTable({})
    assert by_default(weights(table.name, table.fingerprint), 10, 0, None, {}) is None
    assert by_default(stage, 10, 91, None, {}) is None
    assert by_default(stage, 0, 0, None, {"aggs": {}}) is None
    assert by_default(stage, 10, 0, 0.5, {}) is None
    assert by_default(stage, 10, 0, None, {"sort": [{"date": "asc"}]}) is None
    assert by_default(stage, 10, 0, None, {"search_after": [1]}) is None
