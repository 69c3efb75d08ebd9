"""Location and scale by pair of languages, from unrelated texts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from opensearch_clir.calibration.pair_places import pair_places

PRIOR = {"matching": (0.2, 0.1), "non_matching": (0.0, 0.05)}


def cloud(rows: int, centre: int, pull: float, seed: int) -> NDArray[np.float32]:
    """Unit rows of 64 numbers around one axis."""
    found = np.random.default_rng(seed).normal(size=(rows, 64))
    found[:, centre] += pull * 8
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_large_samples_speak_for_themselves() -> None:
    queries = {"en": cloud(400, 0, 1.0, 1), "fr": cloud(400, 1, 0.5, 2)}
    documents = {"en": cloud(500, 0, 1.0, 3), "fr": cloud(500, 1, 0.5, 4)}
    found = pair_places(queries, documents, PRIOR, strength=1.0)
    assert set(found) == {"en>en", "en>fr", "fr>en", "fr>fr"}
    for pair, place in found.items():
        query, document = pair.split(">")
        cosines = queries[query] @ documents[document].T
        assert place == pytest.approx((cosines.mean(), cosines.std()), abs=0.01)
    assert found["en>en"][0] > found["fr>fr"][0] > found["en>fr"][0] + 0.1


def test_small_samples_stay_near_the_class() -> None:
    queries, documents = {"en": cloud(2, 0, 1.0, 1)}, {"en": cloud(2, 0, 1.0, 2)}
    alone = pair_places(queries, documents, PRIOR, strength=0.0)["en>en"]
    location, scale = pair_places(queries, documents, PRIOR, strength=99.0)["en>en"]
    assert location == pytest.approx(0.01 * alone[0] + 0.99 * 0.2, abs=1e-6)
    assert abs(scale - 0.1) < 0.01


def test_related_pairs_are_outliers() -> None:
    queries = cloud(200, 0, 0.5, 1)
    documents = np.concatenate([cloud(200, 0, 0.5, 2), queries])
    location, scale = pair_places({"de": queries}, {"de": documents}, PRIOR, strength=0)["de>de"]
    unrelated = queries @ documents[:200].T
    assert location == pytest.approx(unrelated.mean(), abs=0.005)
    assert scale == pytest.approx(unrelated.std(), rel=0.1)


def test_nothing_known_gives_the_class() -> None:
    nothing = np.zeros((3, 64), dtype=np.float32)
    some = cloud(5, 0, 1.0, 1)
    found = pair_places({"en": nothing, "und": some[:0]}, {"en": some}, PRIOR, strength=1.0)
    assert found == {"en>en": PRIOR["matching"], "und>en": PRIOR["non_matching"]}
    mixed = pair_places({"en": np.concatenate([some, nothing])}, {"en": some}, PRIOR, strength=1.0)
    assert mixed == pair_places({"en": some}, {"en": some}, PRIOR, strength=1.0)


def test_negative_strength_is_refused() -> None:
    with pytest.raises(ValueError, match="strength"):
        pair_places({}, {}, PRIOR, strength=-1.0)
