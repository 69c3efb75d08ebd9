from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensearch_clir.calibration.fit import Places, fit
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.logistic import logistic
from opensearch_clir.calibration.parameters import WORDS, PairPlace, Parameters, builtin
from opensearch_clir.errors import ConfigurationError, DataError
from query_cases import PARAMETERS

# Intercept, slope and weight of the words of the pair class.
TRUTH = {True: (-4.0, 1.0, 5.0), False: (-3.0, 1.5, 2.0)}
ENTITY, TRANSLATED, HEAD = 1.5, 3.0, 1.0
PLACES = Places({"matching": (0.1, 0.2), "non_matching": (0.05, 0.1)})
DOCUMENT_LANGUAGES = ("de", "en", "fr")


def sampled(
    seed: int,
    queries: int = 60,
    documents: int = 300,
    offsets: Mapping[str, float] | None = None,
    places: Places = PLACES,
) -> list[Rows]:
    """Rows drawn from known coefficients; the queries are German and English in turn."""
    rng = np.random.default_rng(seed)
    rows = []
    for query in range(queries):
        lang = ("de", "en")[query % 2]
        langs = rng.choice(DOCUMENT_LANGUAGES, documents)
        matching = langs == lang
        z, x = rng.normal(size=documents), rng.random(documents)
        sets = rng.random((documents, 3))
        a, b, w = np.array([TRUTH[bool(m)] for m in matching]).T
        own = np.array([(offsets or {}).get(f"{lang}>{d}", 0.0) for d in langs])
        logit = a + b * z + w * x + sets @ (ENTITY, TRANSLATED, HEAD) - 2.5 + own
        relevant = rng.random(documents) < 1 / (1 + np.exp(-logit))
        location, scale = np.array([places.of(lang, d) for d in langs]).T
        words = np.column_stack((matching * x, ~matching * x, sets))
        cosine, weight = location + scale * z, np.ones(documents)
        rows.append(
            Rows(str(query), lang, langs, cosine, words, relevant.astype(np.float64), weight)
        )
    return rows


def test_known_coefficients_are_found_again() -> None:
    found = fit(sampled(0), PARAMETERS, PLACES, origin="test", ridge=1e-3)
    intercept, slope, own = TRUTH[True]
    assert (found.matching.intercept, found.matching.slope, found.own) == pytest.approx(
        (intercept - 2.5, slope, own), abs=0.4
    )
    intercept, slope, other = TRUTH[False]
    assert (found.non_matching.intercept, found.non_matching.slope, found.any) == pytest.approx(
        (intercept - 2.5, slope, other), abs=0.4
    )
    assert (found.entity, found.translated, found.head) == pytest.approx(
        (ENTITY, TRANSLATED, HEAD), abs=0.4
    )
    assert found.pairs == {}
    assert (found.origin, found.missing_z) == ("test", PARAMETERS.missing_z)


def test_weights_undo_the_sampling_of_negatives() -> None:
    rng = np.random.default_rng(1)
    thinned = []
    for r in sampled(2):
        kept = (r.relevant > 0) | (rng.random(len(r.relevant)) < 0.2)
        thinned.append(
            Rows(
                r.query,
                r.lang,
                r.documents[kept],
                r.cosine[kept],
                r.words[kept],
                r.relevant[kept],
                np.where(r.relevant > 0, 1.0, 5.0)[kept],
            )
        )
    found = fit(thinned, PARAMETERS, PLACES, origin="test", ridge=1e-3)
    assert found.matching.intercept == pytest.approx(TRUTH[True][0] - 2.5, abs=0.5)
    unweighted = [replace(r, weight=np.ones_like(r.weight)) for r in thinned]
    biased = fit(unweighted, PARAMETERS, PLACES, origin="test", ridge=1e-3)
    assert biased.matching.intercept > TRUTH[True][0] - 2.5 + 1


def test_a_cosine_that_is_not_there_counts_as_the_priors() -> None:
    (row,) = sampled(3, queries=1, documents=5)
    cosine = row.cosine.copy()
    cosine[2] = np.nan
    z = PLACES.z(replace(row, cosine=cosine), 0.25)
    expected = PLACES.z(row, 0.25)
    expected[2] = 0.25
    np.testing.assert_array_equal(z, expected)


def test_a_strong_prior_holds() -> None:
    found = fit(sampled(3, queries=10), PARAMETERS, PLACES, origin="test", ridge=1e9)
    for name in WORDS:
        assert getattr(found, name) == pytest.approx(getattr(PARAMETERS, name), abs=1e-3), name
    assert found.matching.slope == pytest.approx(PARAMETERS.matching.slope, abs=1e-3)


def test_word_evidence_never_counts_against_a_document() -> None:
    rows = sampled(4)
    # Where a clause does not apply its evidence stays 0.
    flipped = [replace(r, words=np.where(r.words > 0, 1 - r.words, 0)) for r in rows]
    found = fit(flipped, PARAMETERS, PLACES, origin="test", ridge=1e-3)
    assert [getattr(found, name) for name in WORDS] == [0] * len(WORDS)


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


OFFSETS = {"de>fr": 1.5, "en>fr": -1.5, "en>en": 1.0}


def test_known_offsets_of_pairs_are_found_again() -> None:
    found = fit(
        sampled(6, queries=120, offsets=OFFSETS),
        PARAMETERS,
        PLACES,
        origin="test",
        ridge=1e-3,
        pair_ridge=1e-2,
    )
    assert set(found.pairs) == {f"{q}>{d}" for q in ("de", "en") for d in DOCUMENT_LANGUAGES}
    for pair, place in found.pairs.items():
        # A class's own intercept and the offsets of its pairs are told apart by the ridge alone.
        dense = found.matching if pair[:2] == pair[3:] else found.non_matching
        truth = TRUTH[pair[:2] == pair[3:]][0] - 2.5 + OFFSETS.get(pair, 0.0)
        assert dense.intercept + place.offset == pytest.approx(truth, abs=0.5), pair
        assert (place.location, place.scale) == PLACES.of(*pair.split(">"))
    assert found.translated == pytest.approx(TRANSLATED, abs=0.4)


def test_a_strong_pull_leaves_no_offsets() -> None:
    rows = sampled(7, offsets=OFFSETS)
    plain = fit(rows, PARAMETERS, PLACES, origin="test")
    held = fit(rows, PARAMETERS, PLACES, origin="test", pair_ridge=1e9)
    assert all(abs(place.offset) < 1e-4 for place in held.pairs.values())
    assert held.matching.intercept == pytest.approx(plain.matching.intercept, abs=1e-3)
    assert plain.pairs == {}


def test_places_of_pairs_standardise_the_cosine_and_are_kept() -> None:
    places = replace(PLACES, pairs={"de>fr": (0.3, 0.05), "fr>de": (0.2, 0.1)})
    found = fit(sampled(8, places=places), PARAMETERS, places, origin="test", ridge=1e-3)
    assert found.pairs == {"de>fr": PairPlace(0.3, 0.05), "fr>de": PairPlace(0.2, 0.1)}
    assert found.non_matching.slope == pytest.approx(TRUTH[False][1], abs=0.3)
    # As if the pair had none of its own, the same rows tell less.
    wrong = fit(sampled(8, places=places), PARAMETERS, PLACES, origin="test", ridge=1e-3)
    assert wrong.non_matching.slope < TRUTH[False][1] - 0.3


@pytest.mark.parametrize("where", [True, False])
def test_too_little_data_says_how_much_is_needed(where: bool) -> None:
    rows = [replace(r, relevant=r.relevant * (r.matching != where)) for r in sampled(5)]
    with pytest.raises(DataError, match=r"only 0 relevant pairs .*at least 10"):
        fit(rows, PARAMETERS, PLACES, origin="test")
    with pytest.raises(DataError, match="judge more queries"):
        fit([], PARAMETERS, PLACES, origin="test")


PAIRS = {"fr>en": PairPlace(0.2, 0.05, -0.5), "ja>ja": PairPlace(0.1, 0.2)}


def test_parameters_survive_their_json_form() -> None:
    original = replace(PARAMETERS, pairs=PAIRS)
    assert Parameters.from_json(json.loads(json.dumps(asdict(original)))) == original
    without = {k: v for k, v in asdict(PARAMETERS).items() if k != "pairs"}
    assert Parameters.from_json(without) == PARAMETERS


def test_damaged_parameters_are_refused() -> None:
    assert min(getattr(builtin(), name) for name in WORDS) > 0
    with pytest.raises(ConfigurationError, match="damaged"):
        Parameters.from_json({"own": 1})
    good = asdict(PARAMETERS)
    for name in WORDS:
        with pytest.raises(ConfigurationError, match=f"{name} must be >= 0"):
            Parameters.from_json({**good, name: -1})
        with pytest.raises(ConfigurationError, match="damaged"):
            Parameters.from_json({k: v for k, v in good.items() if k != name})
    for pair in ({"location": 0}, {"location": 0, "scale": 1, "more": 2}, 3):
        with pytest.raises(ConfigurationError, match="damaged"):
            Parameters.from_json({**good, "pairs": {"fr>en": pair}})
