from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensearch_clir.calibration.fit import fit, logistic
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.parameters import Parameters, builtin
from opensearch_clir.errors import ConfigurationError, DataError
from query_cases import PARAMETERS

TRUTH = {True: (-4.0, 1.0, 5.0), False: (-3.0, 1.5, 2.0)}


def sampled(seed: int, queries: int = 60, documents: int = 300) -> list[Rows]:
    """Rows drawn from known coefficients."""
    rng = np.random.default_rng(seed)
    rows = []
    for query in range(queries):
        matching = rng.random(documents) < 0.4
        z, x = rng.normal(size=documents), rng.random(documents)
        a, b, w = np.array([TRUTH[bool(m)] for m in matching]).T
        relevant = rng.random(documents) < 1 / (1 + np.exp(-(a + b * z + w * x)))
        weight = np.ones(documents)
        rows.append(Rows(str(query), matching, z, x, relevant.astype(float), weight))
    return rows


def test_known_coefficients_are_found_again() -> None:
    found = fit(sampled(0), PARAMETERS, origin="test", ridge=1e-3)
    assert (found.matching.intercept, found.matching.slope, found.own) == pytest.approx(
        TRUTH[True], abs=0.35
    )
    assert (found.non_matching.intercept, found.non_matching.slope, found.any) == pytest.approx(
        TRUTH[False], abs=0.35
    )


def test_weights_undo_the_sampling_of_negatives() -> None:
    rng = np.random.default_rng(1)
    thinned = []
    for r in sampled(2):
        kept = (r.relevant > 0) | (rng.random(len(r.z)) < 0.2)
        weight = np.where(r.relevant > 0, 1.0, 5.0)[kept]
        thinned.append(
            Rows(r.query, r.matching[kept], r.z[kept], r.x[kept], r.relevant[kept], weight)
        )
    found = fit(thinned, PARAMETERS, origin="test", ridge=1e-3)
    assert found.matching.intercept == pytest.approx(TRUTH[True][0], abs=0.4)
    unweighted = [
        Rows(r.query, r.matching, r.z, r.x, r.relevant, np.ones_like(r.weight)) for r in thinned
    ]
    biased = fit(unweighted, PARAMETERS, origin="test", ridge=1e-3)
    assert biased.matching.intercept > TRUTH[True][0] + 1


def test_a_strong_prior_holds() -> None:
    found = fit(sampled(3, queries=10), PARAMETERS, origin="test", ridge=1e9)
    assert found.own == pytest.approx(PARAMETERS.own, abs=1e-3)
    assert found.matching.slope == pytest.approx(PARAMETERS.matching.slope, abs=1e-3)


def test_word_evidence_never_counts_against_a_document() -> None:
    rows = sampled(4)
    flipped = [Rows(r.query, r.matching, r.z, 1 - r.x, r.relevant, r.weight) for r in rows]
    found = fit(flipped, PARAMETERS, origin="test", ridge=1e-3)
    assert found.own == 0
    assert found.any == 0


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 200), st.floats(1e-3, 100))
def test_the_fit_never_diverges(seed: int, rows: int, ridge: float) -> None:
    rng = np.random.default_rng(seed)
    features = np.column_stack((np.ones(rows), rng.normal(size=rows) * 50, rng.random(rows)))
    target = (rng.random(rows) < 0.5).astype(float)
    weight = rng.uniform(0.1, 1000, rows)
    prior = np.array([-7.0, 1.0, 6.0])
    beta = logistic(features, target, weight, prior, ridge)
    assert np.isfinite(beta).all()
    assert (beta[1:] >= 0).all()


@pytest.mark.parametrize("where", [True, False])
def test_too_little_data_says_how_much_is_needed(where: bool) -> None:
    rows = [
        Rows(r.query, r.matching, r.z, r.x, r.relevant * (r.matching != where), r.weight)
        for r in sampled(5)
    ]
    with pytest.raises(DataError, match=r"only 0 relevant pairs .*at least 10"):
        fit(rows, PARAMETERS, origin="test")


def test_damaged_parameters_are_refused() -> None:
    builtin()
    with pytest.raises(ConfigurationError, match="damaged"):
        Parameters.from_json({"own": 1})
    good = {
        "matching": {"intercept": 0, "slope": 1},
        "non_matching": {"intercept": 0, "slope": 1},
        "own": -1,
        "any": 1,
        "missing_z": 0,
        "origin": "x",
    }
    with pytest.raises(ConfigurationError, match=">= 0"):
        Parameters.from_json(good)
