from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evidence_cases import BACKGROUND, PLACES, TRUTH, drawn, topics
from opensearch_clir.calibration.bundle import Trial
from opensearch_clir.calibration.choose import LEAVE_ALONE, choose
from opensearch_clir.calibration.design import Design
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.groups import across, choose_across, pair_offsets
from opensearch_clir.calibration.intercepts import recalibrated, shifted, with_prevalence
from opensearch_clir.calibration.logistic import logistic, sigmoid
from opensearch_clir.calibration.parameters import DensePair, PairPlace
from opensearch_clir.calibration.places import differing, measure_places
from opensearch_clir.calibration.predict import log_odds, scores
from opensearch_clir.calibration.pseudo import LONGEST, pseudo_query
from opensearch_clir.calibration.sample import Sampled
from opensearch_clir.calibration.trials import select
from opensearch_clir.errors import ConfigurationError, DataError


def test_the_truth_is_left_alone() -> None:
    rows = drawn(TRUTH)
    found = choose(rows, topics(rows), TRUTH, PLACES, origin="test")
    assert found.name == LEAVE_ALONE
    assert found.parameters is TRUTH


def test_wrong_intercepts_alone_are_what_is_corrected() -> None:
    rows = drawn(TRUTH, queries=160)
    found = choose(rows, topics(rows), shifted(TRUTH, 2.0, 2.0), PLACES, origin="test")
    assert found.name == "intercepts"
    assert found.parameters.matching.intercept == pytest.approx(-4.0, abs=0.3)
    assert found.parameters.own == TRUTH.own


def test_wrong_weights_are_fitted() -> None:
    rows = drawn(TRUTH, queries=160)
    wrong = replace(TRUTH, own=0.1, non_matching=DensePair(-5.0, 0.1))
    found = choose(rows, topics(rows), wrong, PLACES, origin="test")
    assert found.name.startswith("all weights")
    assert found.parameters.non_matching.slope == pytest.approx(2.0, abs=0.5)
    assert found.trials[0].name == LEAVE_ALONE
    assert found.trials[0].ndcg_behind > 3 * found.trials[0].ndcg_error


def test_log_odds_of_pairs_are_found_where_they_are() -> None:
    pairs = {"de>fr": PairPlace(0.05, 0.1, 3.0), "en>fr": PairPlace(0.05, 0.1, -3.0)}
    rows = drawn(replace(TRUTH, pairs=pairs), queries=160)
    found = choose(rows, topics(rows), TRUTH, PLACES, origin="test")
    assert "log-odds of pairs" in found.name
    offsets = {pair: place.offset for pair, place in found.parameters.pairs.items()}
    assert offsets["de>fr"] > 1 > -1 > offsets["en>fr"]


def test_too_few_topics_say_how_many_are_needed() -> None:
    rows = drawn(TRUTH, queries=30)
    with pytest.raises(DataError, match=r"15 topics are too few.*at least 20"):
        choose(rows, topics(rows), TRUTH, PLACES, origin="test")


@pytest.mark.parametrize(("same", "named"), [(True, "another language"), (False, "own language")])
def test_judgments_of_one_class_are_refused(same: bool, named: str) -> None:
    rows = [replace(r, relevant=r.relevant * (r.matching == same)) for r in drawn(TRUTH)]
    with pytest.raises(DataError, match=named):
        choose(rows, topics(rows), TRUTH, PLACES, origin="test")


def test_too_few_of_a_class_say_how_many_are_needed() -> None:
    rows = drawn(TRUTH)
    kept = [replace(r, relevant=r.relevant * (r.matching | (r.query == "q0"))) for r in rows]
    with pytest.raises(DataError, match="at least 20"):
        choose(kept, topics(rows), TRUTH, PLACES, origin="test")


def trial(name: str, behind: float, error: float, loss: float, loss_error: float) -> Trial:
    return Trial(name, 0.5 - behind, behind, error, 1 + loss, loss, loss_error)


def test_the_simplest_within_one_standard_error_wins() -> None:
    assert select([trial("a", 0.01, 0.02, 0, 0), trial("b", 0.0, 0.0, 0, 0)]) == 0
    assert select([trial("a", 0.03, 0.02, 0, 0), trial("b", 0.0, 0.0, 0, 0)]) == 1


def test_of_equal_rankings_the_better_probabilities_win() -> None:
    assert select([trial("a", 0.01, 0.02, 0.5, 0.1), trial("b", 0.0, 0.0, 0, 0)]) == 1
    assert select([trial("a", 0.01, 0.02, 0.05, 0.1), trial("b", 0.0, 0.0, 0, 0)]) == 0


def test_ndcg_is_that_of_the_definition() -> None:
    words = np.zeros((4, 5))
    cosine = np.array([0.4, 0.3, 0.2, 0.1])
    relevant = np.array([0.0, 1.0, 0.0, 1.0])
    row = Rows("q", "en", np.array(["en"] * 4), cosine, words, relevant, np.ones(4))
    found = scores([row], TRUTH, BACKGROUND).ndcg[0]
    ideal = 1 + 1 / np.log2(3)
    assert found == pytest.approx((1 / np.log2(3) + 1 / np.log2(5)) / ideal)


def test_a_design_with_groups_is_the_dense_one() -> None:
    rng = np.random.default_rng(0)
    columns, groups = rng.normal(size=(200, 3)), rng.integers(0, 4, 200)
    dense = np.column_stack((columns, groups[:, None] == np.arange(4)))
    target = (rng.random(200) < 0.4).astype(np.float64)
    weight, prior, ridge = rng.uniform(1, 3, 200), np.zeros(7), np.full(7, 0.7)
    one = logistic(Design(columns, groups, 4), target, weight, prior, ridge, range(7))
    other = logistic(dense, target, weight, prior, ridge, range(7))
    assert one == pytest.approx(other, abs=1e-6)


def test_intercepts_follow_the_data_and_nothing_else_moves() -> None:
    rows = drawn(TRUTH, queries=200)
    found = recalibrated(rows, shifted(TRUTH, -3.0, 1.0), BACKGROUND, "test")
    assert found.matching.intercept == pytest.approx(-4.0, abs=0.2)
    assert found.non_matching.intercept == pytest.approx(-5.0, abs=0.2)
    assert (found.own, found.matching.slope) == (TRUTH.own, TRUTH.matching.slope)


@pytest.mark.parametrize("prevalence", [1e-6, 0.01, 0.9])
def test_a_stated_prevalence_is_met(prevalence: float) -> None:
    rows = drawn(TRUTH)
    found = with_prevalence(rows, TRUTH, BACKGROUND, prevalence)
    p = np.concatenate([sigmoid(log_odds(row, found, BACKGROUND)) for row in rows])
    assert p.mean() == pytest.approx(prevalence, rel=1e-6)


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -1.0, float("nan")])
def test_an_impossible_prevalence_is_refused(prevalence: float) -> None:
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        with_prevalence(drawn(TRUTH, queries=2), TRUTH, BACKGROUND, prevalence)


def test_translations_tell_pairs_apart_and_leave_the_class_where_it_was() -> None:
    pairs = {"de>fr": PairPlace(0.05, 0.1, 2.0), "en>fr": PairPlace(0.05, 0.1, -2.0)}
    rows = across(drawn(replace(TRUTH, pairs=pairs), queries=300))
    found = choose_across(rows, topics(rows), TRUTH, PLACES)
    assert "log-odds of pairs" in found.name
    offsets = [place.offset for place in found.parameters.pairs.values()]
    assert np.mean(offsets) == pytest.approx(0.0, abs=1e-9)
    assert found.parameters.pairs["de>fr"].offset > found.parameters.pairs["en>fr"].offset + 2
    assert found.parameters.non_matching == TRUTH.non_matching


def test_translations_without_differences_change_nothing() -> None:
    rows = across(drawn(TRUTH, queries=200))
    assert choose_across(rows, topics(rows), TRUTH, PLACES).name == LEAVE_ALONE
    strong = pair_offsets(rows, TRUTH, BACKGROUND, 1e9)
    assert all(abs(place.offset) < 1e-4 for place in strong.pairs.values())


def document(id_: str, lang: str = "en", heading: str = "", body: str = "") -> Sampled:
    return Sampled(id_, lang, heading, body, np.ones(2), None)


def test_headings_are_questions() -> None:
    assert pseudo_query(document("a", heading="Reset\nthe  pump")) == "Reset the pump"


def test_without_a_heading_some_words_of_a_sentence_are() -> None:
    body = "Short one. The coolant reservoir of the pump must be emptied first!"
    assert pseudo_query(document("a", body=body)) == "coolant reservoir pump emptied first!"
    assert (
        pseudo_query(document("a", body="冷却水タンクを空にしてください。")) == "冷却水タンクを空"
    )
    assert pseudo_query(document("a", body="x" * (LONGEST + 1))) is None
    assert pseudo_query(document("a")) is None


class Tilted:
    """Questions point along the first axis, more so in German."""

    name, fingerprint, dimension = "tilted", "f" * 64, 2

    def encode(
        self, texts: list[str], role: str
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        angles = [0.2 if text.startswith("de") else 1.2 for text in texts]
        noise = np.random.default_rng(len(texts)).normal(0, 0.05, len(angles))
        angle = np.array(angles) + noise
        return np.column_stack((np.cos(angle), np.sin(angle))).astype(np.float32)


def test_places_of_pairs_say_how_a_pair_differs_from_its_class() -> None:
    found = []
    for lang in ("de", "en"):
        for number in range(60):
            vector = np.array([1.0, 0.01 * (number % 7)])
            heading = f"{lang} heading {number}"
            found.append(Sampled(f"{lang}{number}", lang, heading, "", vector, None))
    places = measure_places(Tilted(), found, BACKGROUND)  # type: ignore[arg-type]
    assert set(places.pairs) == {"de>de", "de>en", "en>de", "en>en"}
    assert places.pairs["de>en"][0] > BACKGROUND["non_matching"][0] > places.pairs["en>de"][0]
    middle = (places.pairs["de>en"][0] + places.pairs["en>de"][0]) / 2
    assert middle == pytest.approx(BACKGROUND["non_matching"][0], abs=1e-6)
    assert differing(places) > 0.25
    assert differing(PLACES) == 0.0


def test_a_language_with_few_documents_has_no_place() -> None:
    few = [Sampled(f"d{n}", "de", "de text", "", np.ones(2), None) for n in range(9)]
    assert measure_places(Tilted(), few, BACKGROUND).pairs == {}  # type: ignore[arg-type]
