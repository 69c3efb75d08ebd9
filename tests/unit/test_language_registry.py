"""Names of detectors, their calibrations, and how their parts are put together."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.language import LanguagePosterior, lingua_detector, load_detector
from opensearch_clir.language.calibration import features, load_calibrations
from opensearch_clir.language.evidence import CODES, COLUMN
from opensearch_clir.language.registry import DETECTORS, EVIDENCE, detector_names
from opensearch_clir.language.shares import shares
from opensearch_clir.language.two_stage import TwoStageDetector
from opensearch_clir.settings import Settings


def test_every_detector_is_calibrated_for_its_libraries() -> None:
    calibrations = load_calibrations()
    assert set(calibrations) == set(DETECTORS)
    for name, members in DETECTORS.items():
        assert set(calibrations[name].weights) == set(members) <= set(EVIDENCE)
        assert set(calibrations[name].bias) <= set(CODES)


def test_defaults_are_known_names() -> None:
    settings = Settings()
    assert {settings.detector, settings.query_detector} <= set(detector_names())
    assert IndexSchema.__dataclass_fields__["detector"].default == settings.detector


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lingua", None)
    lingua_detector.load_library.cache_clear()
    with pytest.raises(ConfigurationError, match=r"opensearch-clir\[lingua\]"):
        load_detector("lingua", ("en",))


def test_what_a_library_does_not_know_counts_as_no_idea() -> None:
    known = np.ones(len(CODES), dtype=bool)
    known[COLUMN["gl"]] = False
    possible = np.isin(CODES, ["en", "es", "gl"])[None, :]
    scores = np.full((1, len(CODES)), -50.0)
    scores[0, [COLUMN["es"], COLUMN["gl"], COLUMN["ru"]]] = -1.0, 99.0, 0.0
    (found,) = features(scores, known, possible)
    assert found[COLUMN["es"]] == 0  # the best possible one: Russian is not
    assert found[COLUMN["en"]] == -30
    assert found[COLUMN["gl"]] == pytest.approx(-np.log(2))


class TestShares:
    """Pieces are each other's context."""

    def test_one_piece_is_bayes_rule(self) -> None:
        found = shares(np.log([[0.2, 0.8]]), np.ones(1), np.array([1]), np.array([3.0, 1.0]))
        assert found[0] == pytest.approx([0.6 / 1.4, 0.8 / 1.4])

    def test_doubtful_pieces_follow_the_others(self) -> None:
        logits = np.log([[0.9, 0.1], [0.9, 0.1], [0.45, 0.55]])
        (found,) = shares(logits, np.ones(3), np.array([3]), np.ones(2))
        assert found[0] > 0.95

    def test_clear_pieces_stay_as_they_are(self) -> None:
        logits = np.array([[0.0, -20.0], [-20.0, 0.0]])
        (found,) = shares(logits, np.array([3.0, 1.0]), np.array([2]), np.ones(2))
        assert found == pytest.approx([0.75, 0.25], abs=1e-3)

    def test_texts_do_not_touch_each_other(self) -> None:
        logits = np.array([[0.0, -2.0], [0.0, -3.0], [-4.0, 0.0]])
        both = shares(logits, np.ones(3), np.array([2, 1]), np.ones(2))
        first = shares(logits[:2], np.ones(2), np.array([2]), np.ones(2))
        second = shares(logits[2:], np.ones(1), np.array([1]), np.ones(2))
        assert both == pytest.approx(np.concatenate([first, second]))


class Fixed:
    """Knows texts of one letter; counts what it is asked."""

    name = "fixed"

    def __init__(self, confidence: float) -> None:
        self.confidence = confidence
        self.asked: list[str] = []

    def posteriors(self, texts: list[str]) -> list[LanguagePosterior]:
        self.asked += texts
        sure = {"a": 1.0, "b": self.confidence}
        return [LanguagePosterior({"en": sure[t], "und": 1 - sure[t]}) for t in texts]


def test_the_second_stage_sees_only_what_is_open() -> None:
    first, second = Fixed(0.5), Fixed(0.7)
    detector = TwoStageDetector("both", first, second)  # type: ignore[arg-type]
    found = detector.posteriors(["a", "b", "a", "b"])
    assert [p.confidence for p in found] == [1.0, 0.7, 1.0, 0.7]
    assert second.asked == ["b", "b"]
