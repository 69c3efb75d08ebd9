"""A fast detector for most texts, a better one for those that it leaves open."""

from __future__ import annotations

from collections.abc import Sequence

from opensearch_clir.language.base import Detector, LanguagePosterior

__all__ = ["TwoStageDetector"]

#: Confidence from which the first answer stands.
SURE = 0.9


class TwoStageDetector:
    """Asks `second` about the texts on which `first` is less than `SURE`.

    The first tells most texts apart as well as the second; close relatives (Danish and Norwegian,
    Indonesian and Malay) and mixed texts are what it is unsure of.
    """

    def __init__(self, name: str, first: Detector, second: Detector) -> None:
        """Combine two detectors of the same languages."""
        self.name = name
        self._first = first
        self._second = second

    def posteriors(self, texts: Sequence[str]) -> list[LanguagePosterior]:
        """Return one posterior per text; never raises."""
        found = self._first.posteriors(texts)
        open_ones = [i for i, posterior in enumerate(found) if posterior.confidence < SURE]
        if open_ones:
            better = self._second.posteriors([texts[i] for i in open_ones])
            for i, posterior in zip(open_ones, better, strict=True):
                found[i] = posterior
        return found
