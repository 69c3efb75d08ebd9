"""Location and scale by pair of languages, from unrelated texts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from opensearch_clir.calibration.places import SHRINKAGE, pair_places

BACKGROUND = {"matching": (0.2, 0.1), "non_matching": (0.0, 0.05)}


def cloud(rows: int, centre: int, pull: float, seed: int) -> NDArray[np.float64]:
    """Unit rows of 64 numbers around one axis."""
    found = np.random.default_rng(seed).normal(size=(rows, 64))
    found[:, centre] += pull * 8
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def test_pairs_keep_their_distances_and_the_class_its_place() -> None:
    questions = {"en": cloud(400, 0, 1.0, 1), "fr": cloud(400, 1, 0.5, 2)}
    documents = {"en": cloud(500, 0, 1.0, 3), "fr": cloud(500, 1, 0.5, 4)}
    found = pair_places(questions, documents, BACKGROUND)
    assert list(found) == ["en>en", "en>fr", "fr>en", "fr>fr"]
    apart = found["en>en"][0] - found["fr>fr"][0]
    plain = [(questions[c] @ documents[c].T).mean() for c in ("en", "fr")]
    assert apart == pytest.approx((plain[0] - plain[1]) * 400 / (400 + SHRINKAGE), abs=0.01)
    assert (found["en>en"][0] + found["fr>fr"][0]) / 2 == pytest.approx(0.2)
    assert (found["en>fr"][0] + found["fr>en"][0]) / 2 == pytest.approx(0.0, abs=1e-9)


def test_small_samples_stay_near_the_class() -> None:
    questions = {"en": cloud(2, 0, 1.0, 1), "fr": cloud(2, 1, 0.0, 2)}
    found = pair_places(questions, questions, BACKGROUND)
    assert all(abs(found[p][0] - 0.2) < 0.06 for p in ("en>en", "fr>fr"))


def test_related_pairs_are_left_out_or_pulled_in() -> None:
    questions = cloud(200, 0, 0.5, 1)
    documents = np.concatenate([cloud(200, 0, 0.5, 2), questions])
    other = {"fr": cloud(200, 1, 0.5, 5)}
    clean = pair_places({"de": questions, **other}, {"de": documents[:200], **other}, BACKGROUND)

    def same(query: str, document: str) -> NDArray[np.bool_]:
        sizes = {"de": (200, 400), "fr": (200, 200)}
        mask = np.zeros((sizes[query][0], sizes[document][1]), dtype=np.bool_)
        if query == document == "de":
            mask[:, 200:] = True
        return mask

    mixed = {"de": documents, **other}
    kept = pair_places({"de": questions, **other}, mixed, BACKGROUND)["de>de"]
    left_out = pair_places({"de": questions, **other}, mixed, BACKGROUND, same)["de>de"]
    assert left_out == pytest.approx(clean["de>de"], abs=1e-9)
    assert kept == pytest.approx(clean["de>de"], abs=0.01)


def test_nothing_measured_is_nothing_known() -> None:
    assert pair_places({}, {"en": cloud(5, 0, 1.0, 1)}, BACKGROUND) == {}
