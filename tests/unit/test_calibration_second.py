from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from evidence_cases import BACKGROUND, TRUTH, drawn, topics
from opensearch_clir.calibration.bundle import Bundle
from opensearch_clir.calibration.fit_second import Windowed, fit_second, with_second
from opensearch_clir.calibration.logistic import sigmoid
from opensearch_clir.calibration.predict import log_odds
from opensearch_clir.calibration.reranking import choose_second
from opensearch_clir.calibration.second import SecondLine, SecondStage
from opensearch_clir.errors import ConfigurationError, DataError
from rerank_cases import ByTable
from test_bundles_format import EARLIER, bundle

STAGE = SecondStage(
    "mine", "f", SecondLine(0.0, 1.0, 0.5, 0.1, 2.0), SecondLine(-1.0, 0.9, 1.5, 0.2, 3.0),
    {"fr>en": (0.3, 1.0)}, "test",
)  # fmt: skip


def windows(weight: float, *, shift: float = 0.0, queries: int = 200) -> list[Windowed]:
    """Queries whose relevance follows the first stage and `weight` times the reranker's z.

    Scores lie at 5 with a deviation of 2; across languages `shift` higher.
    """
    rng = np.random.default_rng(1)
    found = []
    for rows in drawn(TRUTH, queries=queries):
        first = log_odds(rows, TRUTH, BACKGROUND)
        z = rng.normal(size=len(first))
        p = sigmoid(first + weight * z)
        relevant = (rng.random(len(first)) < p).astype(np.float64)
        scores = 5 + 2 * z + shift * ~rows.matching
        found.append(Windowed(replace(rows, relevant=relevant), first, scores))
    return found


def test_a_reranker_that_knows_more_is_weighed_as_it_should_be() -> None:
    some = windows(1.5, shift=40.0)
    found = choose_second(some, topics([w.rows for w in some]), ByTable({}))
    assert found.stage is not None
    for line in (found.stage.matching, found.stage.non_matching):
        assert line.weight == pytest.approx(1.5, abs=0.25)
        assert line.keep == pytest.approx(1.0, abs=1e-6)
        assert line.scale == pytest.approx(2.0, abs=0.1)
    assert found.stage.matching.location == pytest.approx(5, abs=0.1)
    assert found.stage.non_matching.location == pytest.approx(45, abs=0.1)
    without, kept = found.trials[0], found.trials[1]
    assert kept.ndcg > without.ndcg + 0.02


def test_a_reranker_that_knows_nothing_is_left_out() -> None:
    some = windows(0.0)
    found = choose_second(some, topics([w.rows for w in some]), ByTable({}))
    assert found.stage is None
    assert found.chosen == "without the reranker"


def test_a_biased_reranker_can_t_undo_the_calibration() -> None:
    """What it says of one language only is worth no more than what it is right about."""
    plain, biased = windows(1.0), windows(1.0, shift=1000.0)
    one, other = fit_second(plain, "r", "f"), fit_second(biased, "r", "f")
    for a, b in zip(plain, biased, strict=True):
        np.testing.assert_allclose(with_second(a, one), with_second(b, other), atol=1e-6)


def test_a_reranker_that_is_wrong_has_no_weight() -> None:
    stage = fit_second(windows(-1.0), "r", "f")
    assert (stage.matching.weight, stage.non_matching.weight) == (0.0, 0.0)


def test_what_was_not_scored_keeps_its_log_odds() -> None:
    some = windows(1.0, queries=40)
    holes = [replace(w, scores=np.where(np.arange(len(w.scores)) % 2, np.nan, w.scores))
             for w in some]  # fmt: skip
    found = with_second(holes[0], fit_second(holes, "r", "f"))
    np.testing.assert_array_equal(found[1::2], holes[0].log_odds[1::2])
    assert (found[::2] != holes[0].log_odds[::2]).all()
    nothing = [replace(w, scores=np.full(len(w.scores), np.nan)) for w in some]
    stage = fit_second(nothing, "r", "f")
    np.testing.assert_array_equal(with_second(nothing[0], stage), nothing[0].log_odds)


def test_log_odds_that_are_too_sure_are_taken_back() -> None:
    some = [replace(w, log_odds=4 * w.log_odds) for w in windows(1.5)]
    found = choose_second(some, topics([w.rows for w in some]), ByTable({}))
    assert found.stage is not None
    assert found.stage.non_matching.keep == pytest.approx(0.25, abs=0.05)


def test_places_of_pairs_are_found_where_they_are() -> None:
    some = [
        replace(w, scores=w.scores + 100.0 * (w.rows.documents == "fr") * (w.rows.lang == "en"))
        for w in windows(1.5)
    ]
    found = choose_second(some, topics([w.rows for w in some]), ByTable({}))
    assert found.stage is not None
    assert found.chosen.endswith("places of pairs")
    locations = {pair: place[0] for pair, place in found.stage.places.items()}
    assert locations["en>fr"] > locations["de>fr"] + 50


def test_weights_survive_json_and_damage_is_seen() -> None:
    assert SecondStage.from_json(json.loads(json.dumps(STAGE.to_json()))) == STAGE
    good = STAGE.to_json()
    bad = [
        {},
        {**good, "matching": {**good["matching"], "scale": 0.0}},
        {**good, "matching": {**good["matching"], "weight": -1.0}},
        {**good, "non_matching": {**good["non_matching"], "at": float("nan")}},
        {**good, "places": {"fr>en": [0.0]}},
        {**good, "places": []},
        {**good, "matching": {"at": 1.0}},
    ]
    for value in bad:
        with pytest.raises(ConfigurationError, match="weights of a reranker"):
            SecondStage.from_json(value)


def test_a_bundle_holds_them_and_earlier_bundles_are_read_as_before() -> None:
    made = bundle(second=STAGE)
    assert Bundle.from_json(json.loads(json.dumps(made.to_json()))) == made
    assert made.checksum != bundle().checksum == EARLIER
    assert "second" not in bundle().to_json()
    edited = made.to_json()
    edited["second"]["matching"]["weight"] = 9.0
    with pytest.raises(DataError, match="was changed"):
        Bundle.from_json(edited)
