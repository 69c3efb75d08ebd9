"""Intervals, tests and corrections against exact values, other libraries and simulation."""

from __future__ import annotations

import importlib.util
import itertools
import json
import math
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.evaluation import statistics
from opensearch_clir.evaluation.significance import (
    NOT_DISTINGUISHABLE,
    flips_for,
    holm,
    sign_flip_p,
    verdict,
)
from opensearch_clir.evaluation.statistics import (
    METHODS,
    Interval,
    TopicTable,
    intervals,
    mean_interval,
    topic_table,
)
from opensearch_clir.evaluation.summary import compare, summarise

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def load_coverage() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "bootstrap_coverage", BENCHMARKS / "bootstrap_coverage.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table_of(sums: np.ndarray, counts: np.ndarray | None = None) -> TopicTable:
    values = np.asarray(sums, dtype=float)
    filled = np.ones_like(values) if counts is None else np.asarray(counts, dtype=float)
    return TopicTable(tuple(f"c{n}" for n in range(values.shape[1])), values, filled)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("topics", "simulations"), [(50, 3000), (100, 2000), (250, 800)])
def test_95_percent_intervals_hold_the_truth_in_93_to_97_percent(
    topics: int, simulations: int, method: str
) -> None:
    found = load_coverage().coverage(topics, simulations, 600, seed=7, method=method)
    # Fewer simulations than in the script, so their own standard error is allowed for, twice.
    noise = 2 * math.sqrt(0.95 * 0.05 / simulations)
    for name, shares in found.items():
        assert 0.93 - noise <= shares["covers"] <= 0.97 + noise, (name, shares)


def test_values_are_added_up_by_topic() -> None:
    topics = {"a": "t2", "b": "t1", "c": "t2", "d": "t3"}
    table = topic_table(topics, {"x": {"a": 1.0, "b": 2.0, "c": 4.0}, "y": {"b": 3.0}})
    assert table.columns == ("x", "y")
    assert table.sums.tolist() == [[2.0, 3.0], [5.0, 0.0]]
    assert table.counts.tolist() == [[1.0, 1.0], [2.0, 0.0]]


@pytest.mark.parametrize("method", METHODS)
def test_the_interval_is_that_of_scipy_but_for_the_expansion(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(3).beta(0.5, 1.5, 60)
    plain = scipy.stats.norm.ppf
    monkeypatch.setattr(statistics, "stdtrit", lambda df, p: plain(p) * math.sqrt(df / (df + 1)))
    topics = {f"q{n}": f"t{n}" for n in range(60)}
    ours = mean_interval(
        topics, {f"q{n}": v for n, v in enumerate(values)}, resamples=100_000, method=method
    )
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=100_000, method=method, rng=np.random.default_rng(1)
    ).confidence_interval
    assert ours.value == pytest.approx(values.mean(), abs=1e-12)
    assert ours.low == pytest.approx(theirs.low, abs=1e-3)
    assert ours.high == pytest.approx(theirs.high, abs=1e-3)


def test_queries_of_one_topic_are_drawn_together() -> None:
    values = {f"q{n}": float(n // 10 % 2) for n in range(400)}
    alone = mean_interval({query: query for query in values}, values, resamples=2000)
    together = mean_interval({q: f"t{int(q[1:]) // 10}" for q in values}, values, resamples=2000)
    ratio = (together.high - together.low) / (alone.high - alone.low)
    assert ratio == pytest.approx(math.sqrt(10), rel=0.15)
    assert (alone.topics, together.topics) == (400, 40)


def test_a_resample_without_topics_for_a_pair_leaves_it_out() -> None:
    counts = np.ones((30, 2))
    counts[3:, 1] = 0
    sums = np.full((30, 2), 0.25)
    sums[:, 1] = [0.8, 0.8, 0.8] + [0.0] * 27
    averages = {"both": ["c0", "c1"], "rare": ["c1"]}
    found = intervals(table_of(sums, counts), averages, method="percentile", resamples=4000)
    # Without its 3 topics (p = .9^30 = .042 > .025) the average is that of the other pair.
    assert found["both"].value == pytest.approx((0.25 + 0.8) / 2)
    assert found["both"].low == pytest.approx(0.25)
    assert found["rare"] == Interval(pytest.approx(0.8), pytest.approx(0.8), pytest.approx(0.8), 3)


def test_intervals_follow_the_seed_and_not_the_memory_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = table_of(np.random.default_rng(0).random((40, 3)))
    averages = {"a": ["c0"], "b": ["c1", "c2"]}
    first = intervals(table, averages, resamples=500, seed=2)
    assert intervals(table, averages, resamples=500, seed=3) != first
    monkeypatch.setattr(statistics, "BUDGET", 3000)
    second = intervals(table, averages, resamples=500, seed=2)
    for name in averages:
        assert second[name].low == pytest.approx(first[name].low, abs=1e-12)


def test_too_little_data_gives_no_interval() -> None:
    assert mean_interval({"q": "t"}, {"q": 0.5}).as_json() == {
        "value": 0.5,
        "low": None,
        "high": None,
        "topics": 1,
    }
    nothing = mean_interval({}, {})
    assert math.isnan(nothing.value)
    assert nothing.topics == 0
    constant = mean_interval({"p": "s", "q": "t"}, {"p": 0.5, "q": 0.5})
    assert (constant.low, constant.high) == (0.5, 0.5)


def test_wrong_arguments_are_refused() -> None:
    for wrong in ({"method": "t"}, {"level": 1.0}, {"resamples": 0}):
        with pytest.raises(ConfigurationError, match="use bca or percentile"):
            mean_interval({"q": "t"}, {"q": 1.0}, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="at least 1"):
        sign_flip_p(table_of(np.ones((2, 1))), {"a": ["c0"]}, flips=0)


def test_ten_thousand_resamples_of_two_thousand_queries_take_seconds() -> None:
    rng = np.random.default_rng(0)
    queries = [f"q{n}" for n in range(2000)]
    topics = {query: query for query in queries}
    values = dict(zip(queries, rng.random(2000).tolist(), strict=True))
    pairs = {("l", str(n)): dict(list(values.items())[n::20]) for n in range(20)}
    started = time.perf_counter()
    summarise(topics, values, pairs)
    assert time.perf_counter() - started < 30


@given(
    st.lists(st.floats(-1, 1).map(lambda x: round(x, 2)), min_size=1, max_size=9),
    st.lists(st.integers(1, 3), min_size=9, max_size=9),
)
def test_few_topics_are_tested_exactly(differences: list[float], sizes: list[int]) -> None:
    counts = np.array(sizes[: len(differences)], dtype=float)[:, None]
    sums = np.array(differences)[:, None] * counts
    p = sign_flip_p(table_of(sums, counts), {"all": ["c0"]})["all"]
    observed = abs(sums.sum())
    patterns = [
        abs(sum(sign * value for sign, value in zip(signs, sums[:, 0], strict=True)))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    assert p == pytest.approx(np.mean([found >= observed - 1e-9 for found in patterns]))


def test_random_flips_agree_with_scipy_and_are_fine_enough() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(0.12, 0.5, (60, 3))
    values[:, 2] += 2
    table = table_of(values)
    averages = {"a": ["c0"], "b": ["c1"], "strong": ["c2"], "mean": ["c0", "c1"]}
    p = sign_flip_p(table, averages, flips=50_000)
    for name, column in (("a", values[:, 0]), ("b", values[:, 1]), ("mean", values[:, :2].mean(1))):
        expected = scipy.stats.permutation_test(
            (column,),
            np.mean,
            permutation_type="samples",
            n_resamples=50_000,
            rng=np.random.default_rng(2),
        ).pvalue
        assert p[name] == pytest.approx(expected, abs=0.01)
    assert p["strong"] == 1 / 50_001
    assert p == sign_flip_p(table, averages, flips=50_000)
    assert all(1 / (flips_for(tests) + 1) < 0.05 / tests for tests in (1, 50, 529, 10_000))


def test_p_is_uniform_where_nothing_differs() -> None:
    values = np.random.default_rng(11).normal(0, 1, (40, 400))
    averages = {f"c{n}": [f"c{n}"] for n in range(400)}
    p = np.array(list(sign_flip_p(table_of(values), averages, flips=2000).values()))
    assert scipy.stats.kstest(p, "uniform").pvalue > 0.01
    assert sign_flip_p(table_of(np.zeros((40, 1))), {"c0": ["c0"]}) == {"c0": 1.0}
    assert sign_flip_p(topic_table({}, {"x": {}}), {"x": ["x"]}) == {"x": 1.0}


def test_holm_worked_out_by_hand() -> None:
    p = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    # Sorted .005·4, .01·3, .03·2, .04·1, never falling.
    assert holm(p) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert list(holm(p)) == list(p)
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_verdicts() -> None:
    assert verdict(Interval(0.1, 0.01, 0.2, 50)) == "better"
    assert verdict(Interval(-0.1, -0.2, -0.01, 50)) == "worse"
    assert verdict(Interval(0.1, -0.01, 0.2, 50)) == NOT_DISTINGUISHABLE
    assert verdict(Interval(0.1, math.nan, math.nan, 1)) == NOT_DISTINGUISHABLE


def made_up(shift: float) -> tuple[dict[str, float], dict[tuple[str, str], dict[str, float]]]:
    rng = np.random.default_rng(1)
    values = {f"q{n}": float(v) for n, v in enumerate(rng.random(60) * 0.5)}
    shifted = {query: value + shift * (0.5 + value) for query, value in values.items()}
    pairs = {
        ("fr", "fr"): shifted,
        ("fr", "en"): {query: shifted[query] for query in list(shifted)[:30]},
        ("fr", "ja"): {query: shifted[query] for query in list(shifted)[:5]},
    }
    return shifted, pairs


def test_a_summary_averages_pairs_with_enough_topics() -> None:
    topics = {f"q{n}": f"t{n}" for n in range(60)}
    pooled, pairs = made_up(0)
    found = summarise(topics, pooled, pairs, resamples=500)
    assert found.pooled.value == pytest.approx(np.mean(list(pooled.values())))
    assert found.cross is not None
    assert found.cross.value == found.pairs["fr>en"].value
    assert found.small == ("fr>ja",)
    assert found.pairs["fr>ja"].topics == 5
    written = json.loads(json.dumps(found.as_json()))
    assert written["same"] == written["pairs"]["fr>fr"] == written["pooled"]
    none = summarise(topics, pooled, {}, resamples=50)
    assert none.as_json()["same"] is None
    with pytest.raises(DataError, match="no values"):
        summarise(topics, {}, {})


def test_two_systems_are_compared_query_by_query() -> None:
    topics = {f"q{n}": f"t{n}" for n in range(60)}
    found = compare(topics, made_up(0.1), made_up(0), resamples=500)
    assert found.verdict("pooled") == "better"
    assert found.differences["pooled"].value == pytest.approx(
        np.mean([0.1 * (0.5 + v) for v in made_up(0)[0].values()])
    )
    assert found.p["pooled"] == 1 / 10_001
    assert found.adjusted == {"fr>fr": found.p["fr>fr"]}
    written = found.as_json()
    assert set(written) == {"pooled", "same", "cross", "pairs"}
    assert set(written["pairs"]["fr>fr"]) == {
        *("diff", "low", "high", "topics", "p", "verdict", "p_holm")
    }
    same = compare(topics, made_up(0), made_up(0), resamples=500)
    assert same.verdict("pooled") == NOT_DISTINGUISHABLE
    assert same.p["pooled"] == 1.0


def test_systems_run_on_other_queries_are_not_compared() -> None:
    topics = {f"q{n}": f"t{n}" for n in range(60)}
    values, pairs = made_up(0)
    fewer = {query: value for query, value in values.items() if query != "q7"}
    with pytest.raises(DataError, match="pooled: only one of the systems was run on q7"):
        compare(topics, (values, {}), (fewer, {}))
    with pytest.raises(DataError, match="different language pairs"):
        compare(topics, (values, pairs), (values, {}))
