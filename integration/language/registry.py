"""Detectors by the name that settings and indices know them by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.language.base import Detector
from opensearch_clir.language.langdetect_detector import LangdetectDetector

__all__ = ["DETECTORS", "load_detector"]

#: Makes a detector of some languages, by name.
DETECTORS: dict[str, Callable[[Sequence[str]], Detector]] = {
    LangdetectDetector.name: LangdetectDetector,
}


def load_detector(name: str, languages: Sequence[str]) -> Detector:
    """Return the detector called `name` for some languages (codes of `LANGUAGES`).

    Raises:
        ConfigurationError: no detector has that name.
    """
    make = DETECTORS.get(name)
    if make is None:
        raise ConfigurationError(
            f"unknown language detector {name!r}: use one of {', '.join(sorted(DETECTORS))}"
        )
    return make(languages)
