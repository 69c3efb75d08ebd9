"""Detectors by the name that settings and indices know them by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.language.base import Detector
from opensearch_clir.language.calibration import load_calibrations
from opensearch_clir.language.evidence import Evidence
from opensearch_clir.language.fasttext_detector import FastTextEvidence
from opensearch_clir.language.langdetect_detector import LangdetectEvidence
from opensearch_clir.language.lingua_detector import LinguaEvidence
from opensearch_clir.language.posterior_detector import PosteriorDetector
from opensearch_clir.language.py3langid_detector import Py3LangidEvidence
from opensearch_clir.language.two_stage import TwoStageDetector

__all__ = [
    "DETECTORS",
    "EVIDENCE",
    "TWO_STAGE",
    "detector_names",
    "load_detector",
]

#: Opens a library, by name.
EVIDENCE: dict[str, Callable[[], Evidence]] = {
    "fasttext": FastTextEvidence,
    "langdetect": LangdetectEvidence,
    "lingua": LinguaEvidence,
    "lingua-low": lambda: LinguaEvidence(low=True),
    "py3langid": Py3LangidEvidence,
}

#: The libraries that each detector pools, by its name.
DETECTORS: dict[str, tuple[str, ...]] = {
    "fasttext": ("fasttext",),
    "langdetect": ("langdetect",),
    "lingua": ("lingua",),
    "lingua-low": ("lingua-low",),
    "pooled": ("fasttext", "py3langid", "langdetect"),
    "py3langid": ("py3langid",),
}

#: Names for two detectors in turn: the first for most texts, the second for those left open.
TWO_STAGE: dict[str, tuple[str, str]] = {"two-stage": ("fasttext", "py3langid")}


def detector_names() -> tuple[str, ...]:
    """Return every name that `load_detector` knows, in order."""
    return tuple(sorted((*DETECTORS, *TWO_STAGE)))


def load_detector(name: str, languages: Sequence[str]) -> Detector:
    """Return the detector called `name` for some languages (codes of `LANGUAGES`).

    Raises:
        ConfigurationError: no detector has that name, or its package is not installed.
    """
    if name in TWO_STAGE:
        first, second = (load_detector(stage, languages) for stage in TWO_STAGE[name])
        return TwoStageDetector(name, first, second)
    members = DETECTORS.get(name)
    if members is None:
        raise ConfigurationError(
            f"unknown language detector {name!r}: use one of {', '.join(detector_names())}"
        )
    opened = [EVIDENCE[member]() for member in members]
    return PosteriorDetector(name, opened, load_calibrations()[name], languages)
