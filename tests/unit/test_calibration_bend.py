from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_cases import BACKGROUND, PLACES, TRUTH, drawn, topics
from opensearch_clir.calibration.bend import STRAIGHT, Bend, Bends
from opensearch_clir.calibration.bending import LEAST, bent, fit_bends, held_out
from opensearch_clir.calibration.choose import LEAVE_ALONE, choose
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.intercepts import recalibrated, shifted
from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.calibration.predict import FIRST, first, fused, log_odds, shown
from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.evaluation.folds import make_folds

BENDS = Bends(-2.0, Bend(-1.5, 1.2, 0.6), Bend(-1.0, 0.8, 0.4))

slopes = st.floats(0.05, 5)
bends = st.builds(Bend, st.floats(-10, 10), slopes, slopes)


def test_a_bend_by_hand() -> None:
    found = BENDS.of(np.array([-4.0, -2.0, 1.0, 1.0]), np.array([True, True, True, False]))
    # Matching: -1.5 + 1.2 * -2, -1.5, -1.5 + .6 * 3; the other: -1 + .4 * 3.
    assert found.tolist() == pytest.approx([-3.9, -1.5, 0.3, 0.2])


@given(bends, st.floats(-5, 5), st.lists(st.floats(-30, 30), min_size=2, max_size=20))
def test_hits_of_a_class_keep_their_order(bend: Bend, knot: float, scores: list[float]) -> None:
    before = np.array(sorted(set(scores)))
    assert (np.diff(bend.of(before, knot)) > 0).all() or np.diff(before).min() < 1e-9


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=20))
def test_no_bend_changes_no_digit(scores: list[float]) -> None:
    values = np.array(scores)
    assert STRAIGHT.of(values, values > 0).tolist() == scores


@given(bends, bends, st.floats(0, 1), st.floats(-30, 30))
def test_the_mean_of_bends_is_the_bend_of_means(
    one: Bend, other: Bend, share: float, score: float
) -> None:
    mixed = Bend.mean([(share, one), (1 - share, other)])
    value = np.array(score)
    expected = share * one.of(value, -2.0) + (1 - share) * other.of(value, -2.0)
    assert float(mixed.of(value, -2.0)) == pytest.approx(float(expected), abs=1e-9)


def test_json_and_what_is_refused_in_it() -> None:
    whole = replace(TRUTH, bends=BENDS)
    value = json.loads(json.dumps(whole.to_json()))
    assert Parameters.from_json(value) == whole
    assert "bends" not in TRUTH.to_json()
    assert Parameters.from_json(TRUTH.to_json()).bends == STRAIGHT
    for wrong, named in (
        ({"knot": 0.0}, "damaged"),
        ({**value["bends"], "knot": float("nan")}, "finite"),
        ({**value["bends"], "matching": {"at": 0.0, "below": 0.0, "above": 1.0}}, "> 0"),
        ({**value["bends"], "matching": {"at": 0.0, "below": 1.0, "above": -1.0}}, "> 0"),
        ({**value["bends"], "matching": {"at": 0.0, "below": 1.0}}, "damaged"),
    ):
        with pytest.raises(ConfigurationError, match=named):
            Parameters.from_json({**value, "bends": wrong})


def test_the_first_hits_are_counted_with_what_the_drawn_ones_stand_for() -> None:
    row = replace(drawn(TRUTH, queries=1, documents=5)[0], weight=np.array([1, 1, 8, 1, 200.0]))
    logits = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    assert first(row, logits, 10).tolist() == [True, True, True, False, False]
    assert first(row, logits, 100).tolist() == [True] * 5
    assert first(row, logits, 11).tolist() == [True, True, True, True, False]
    assert shown(row, logits).tolist() == [FIRST, FIRST, 8 * FIRST, 1.0, 200.0]


def bent_rows(queries: int = 160) -> tuple[list[Rows], Parameters]:
    truth = replace(TRUTH, bends=BENDS)
    return drawn(truth, queries=queries), truth


def test_a_known_bend_is_found_again() -> None:
    rows, _ = bent_rows(400)
    logits = [fused(row, TRUTH, BACKGROUND) for row in rows]
    found = fit_bends(rows, logits, knot=BENDS.knot)
    for one, truth in ((found.matching, BENDS.matching), (found.non_matching, BENDS.non_matching)):
        assert (one.at, one.below, one.above) == pytest.approx(
            (truth.at, truth.below, truth.above), abs=0.15
        )


def test_scores_that_mislead_keep_the_order_of_hits() -> None:
    rows = [replace(row, relevant=1 - row.relevant) for row in drawn(TRUTH)]
    found = fit_bends(rows, [fused(row, TRUTH, BACKGROUND) for row in rows])
    assert min(found.matching.below, found.non_matching.below) == LEAST


def test_no_hit_is_scored_by_weights_that_saw_its_topic() -> None:
    rows = drawn(TRUTH, queries=40)
    where = topics(rows)
    asked: list[set[str]] = []

    def make(some: Sequence[Rows]) -> Parameters:
        asked.append({where[row.query] for row in some})
        # The number of the fit shows in the log-odds.
        return shifted(TRUTH, float(len(asked)), float(len(asked)))

    found = held_out(rows, where, make, BACKGROUND)
    folds = make_folds(where)
    for row, logits in zip(rows, found, strict=True):
        moved = logits - fused(row, TRUTH, BACKGROUND)
        assert np.ptp(moved) < 1e-9
        number = round(float(moved[0]))
        assert number == folds[row.query] + 1
        assert where[row.query] not in asked[number - 1]


def test_too_little_to_hold_some_out_leaves_no_bend() -> None:
    rows, truth = bent_rows(60)
    few = rows[:8]
    assert bent(few, topics(few), lambda _: truth, BACKGROUND).bends == STRAIGHT

    def make(some: Sequence[Rows]) -> Parameters:
        if len(some) < len(rows):
            raise DataError("too few")
        return truth

    assert bent(rows, topics(rows), make, BACKGROUND) == replace(truth, bends=STRAIGHT)
    with pytest.raises(DataError, match="too few"):
        bent(rows[:-1], topics(rows), make, BACKGROUND)


def test_a_bend_is_chosen_where_there_is_one_and_only_there() -> None:
    rows, _ = bent_rows()
    found = choose(rows, topics(rows), TRUTH, PLACES, origin="test")
    assert found.name.endswith(", bend")
    assert found.parameters.bends.matching.above < found.parameters.bends.matching.below
    last = found.trials[-1]
    assert last.name == found.name
    assert last.shown_behind == 0.0
    straight = drawn(TRUTH, queries=160)
    assert choose(straight, topics(straight), TRUTH, PLACES, origin="test").name == LEAVE_ALONE


def test_intercepts_move_behind_the_bend() -> None:
    rows, truth = bent_rows()
    wrong = shifted(truth, 1.5, -1.5)
    assert wrong.matching == truth.matching
    gap = log_odds(rows[0], wrong, BACKGROUND) - log_odds(rows[0], truth, BACKGROUND)
    assert np.where(rows[0].matching, gap - 1.5, gap + 1.5) == pytest.approx(0, abs=1e-9)
    found = recalibrated(rows, wrong, BACKGROUND, "test")
    assert found.bends.matching.at == pytest.approx(BENDS.matching.at, abs=0.2)


def test_what_makes_the_weights_also_makes_those_of_the_result() -> None:
    rows, truth = bent_rows(60)
    found = bent(rows, topics(rows), lambda _: truth, BACKGROUND)
    assert replace(found, bends=BENDS) == truth
    assert found.bends != BENDS


@pytest.mark.parametrize("log_odds", [-9.0, -2.5, -2.0, -1.5, 4.0])
def test_before_undoes_the_bend(log_odds: float) -> None:
    bend = Bend(-1.2, 0.4, 1.7)
    bent = float(bend.of(np.array([log_odds]), -2.0)[0])
    assert bend.before(bent, -2.0) == pytest.approx(log_odds)
