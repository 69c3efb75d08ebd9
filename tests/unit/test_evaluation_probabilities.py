"""Judging scores as probabilities, against cases worked out by hand or drawn from known ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from opensearch_clir.cli.evaluate import _probabilities
from opensearch_clir.evaluation.probabilities import Shown, figures, judge, on_target, shown
from opensearch_clir.evaluation.report.page import render
from opensearch_clir.evaluation.report.read import Result
from opensearch_clir.evaluation.sets import Document, EvaluationSet, Query
from report_cases import content


def drawn(shift: float = 0.0, slope: float = 1.0, count: int = 40_000) -> Shown:
    """Return hits whose relevance follows a line in the log-odds of their scores."""
    rng = np.random.default_rng(7)
    logit = rng.normal(-2, 1.5, count)
    truth = 1 / (1 + np.exp(-(shift + slope * logit)))
    relevant = (rng.random(count) < truth).astype(np.float64)
    return Shown(1 / (1 + np.exp(-logit)), relevant, rng.integers(0, 100, count))


def test_probabilities_are_on_target() -> None:
    found = figures(drawn(), resamples=200)
    assert found["slope"] == pytest.approx(1.0, abs=0.05)
    assert found["intercept"] == pytest.approx(0.0, abs=0.07)
    assert found["ece"]["value"] < 0.01
    assert found["ece"]["low"] <= found["ece"]["value"] <= found["ece"]["high"] + 0.01
    assert found["brier_skill"] > 0.1
    assert found["on_target"] is True


@pytest.mark.parametrize(("shift", "slope"), [(1.0, 1.0), (-0.8, 1.0), (0.0, 0.5), (0.0, 1.6)])
def test_the_line_that_relevance_follows_is_found(shift: float, slope: float) -> None:
    found = figures(drawn(shift, slope), resamples=50)
    assert found["intercept"] == pytest.approx(shift, abs=0.12)
    assert found["slope"] == pytest.approx(slope, abs=0.08)
    assert found["on_target"] is False


def test_the_calibration_error_by_hand() -> None:
    score = np.repeat([0.2, 0.6], 50)
    relevant = np.tile([1.0, 0.0, 0.0, 0.0, 0.0], 20)  # a fifth of each half
    found = figures(Shown(score, relevant, np.arange(100)), resamples=50)
    assert found["ece"]["value"] == pytest.approx(0.2)
    assert found["base_rate"] == pytest.approx(0.2)
    # Errors of the two halves: .2 * .64 + .8 * .04 and .2 * .16 + .8 * .36.
    assert found["brier_skill"] == pytest.approx(1 - ((0.16 + 0.32) / 2) / 0.16)
    assert [b["pairs"] for b in found["bins"]] == [10] * 10


def test_one_topic_makes_the_interval_wide() -> None:
    spread, rng = drawn(count=2000), np.random.default_rng(1)
    one_sided = np.where(rng.random(2000) < 0.5, 0, 1)
    lumped = figures(Shown(spread.score, spread.relevant, one_sided), resamples=200)
    fine = figures(spread, resamples=200)
    assert lumped["ece"]["high"] >= lumped["ece"]["low"]
    assert fine["ece"]["high"] > fine["ece"]["value"]


def test_what_can_not_be_said() -> None:
    empty = figures(Shown(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.intp)))
    assert (empty["pairs"], empty["ece"], empty["slope"], empty["bins"]) == (0, None, None, [])
    none = figures(Shown(np.full(5, 0.1), np.zeros(5), np.arange(5)), resamples=10)
    assert none["brier_skill"] is None
    assert none["on_target"] is None
    # Scores that are all alike have no slope.
    flat = figures(Shown(np.full(4, 0.5), np.array([0.0, 1, 0, 1]), np.arange(4)), resamples=10)
    assert flat["slope"] is None
    few = figures(drawn(count=300), resamples=10)
    assert few["positives"] < 200
    assert few["on_target"] is None


def test_relevant_hits_that_scores_separate_give_no_line() -> None:
    score = np.array([0.1, 0.2, 0.8, 0.9])
    found = figures(Shown(score, np.array([0.0, 0, 1, 1]), np.arange(4)), resamples=10)
    assert found["slope"] is None or found["slope"] > 5


@pytest.mark.parametrize(
    "change", [{"ece": {"value": 0.05}}, {"slope": 1.3}, {"intercept": -0.31}, {"brier_skill": 0}]
)
def test_each_target_counts(change: dict[str, Any]) -> None:
    good = {"positives": 200, "ece": {"value": 0.04}, "slope": 0.8, "intercept": 0.3,
            "brier_skill": 0.01}  # fmt: skip
    assert on_target(good) is True
    assert on_target({**good, **change}) is False
    assert on_target({**good, **change, "positives": 199}) is None


def small_set() -> EvaluationSet:
    documents = {i: Document(i, i[0:2], "text") for i in ("en1", "en2", "fr1", "fr2")}
    queries = {"q": Query("q", "en", "a question"), "r": Query("r", "fr", "une question")}
    return EvaluationSet("small", documents, queries, {"q": {"en1": 1, "fr1": 1}, "r": {"fr2": 2}})


def test_hits_are_split_by_class_and_cut_at_the_depth() -> None:
    run = {"q": {"en1": 0.9, "fr1": 0.5, "en2": 0.4}, "r": {"en1": 0.3, "fr2": 0.2, "fr1": 0.1}}
    found = shown(small_set(), run, 2)
    assert found["matching"].score.tolist() == [0.9, 0.2]
    assert found["matching"].relevant.tolist() == [1.0, 1.0]
    assert found["non_matching"].score.tolist() == [0.5, 0.3]
    assert found["non_matching"].relevant.tolist() == [1.0, 0.0]
    assert set(judge(small_set(), run, resamples=10)) == {"10", "100"}


def test_the_report_plots_reliability() -> None:
    made = content()
    entry = figures(drawn(count=3000), resamples=20)
    made["systems"]["clir"]["probabilities"] = {"10": {"matching": entry, "non_matching": {}}}
    page = render([Result(made, "x")])
    assert "Scores as probabilities" in page
    assert page.count("stroke-dasharray") == 1
    assert "clir, first 10, same language" in page
    assert "Scores as probabilities" not in render([Result(content(), "x")])


def test_the_command_line_says_it_in_a_line() -> None:
    entry = figures(drawn(), resamples=20)
    empty = figures(Shown(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.intp)))
    (line,) = _probabilities("clir", {"10": {"non_matching": entry, "matching": empty}})
    assert line.startswith("clir probabilities, first 10, non-matching: calibration error 0.0")
    assert line.endswith("on target")
