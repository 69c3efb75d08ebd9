"""A language posterior: how probable each language is, instead of one label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from opensearch_clir.languages import UND

__all__ = ["DOCUMENT_DETECTOR", "QUERY_DETECTOR", "Detector", "LanguagePosterior"]

#: Names of the detectors that measured best for documents, and for queries of a few words
#: (see ``docs/decisions/0012-language-detectors.md``).
DOCUMENT_DETECTOR = "two-stage"
QUERY_DETECTOR = "pooled"


@dataclass(frozen=True)
class LanguagePosterior:
    """Probabilities of the languages of one text.

    Attributes:
        probabilities: language code to probability in (0, 1]; sums to 1 with the mass on
            `opensearch_clir.languages.UND` for "none of the configured languages, or can't tell".
    """

    probabilities: Mapping[str, float]

    @classmethod
    def unknown(cls) -> LanguagePosterior:
        """The posterior of a text that shows nothing: all mass on `UND`."""
        return cls({UND: 1.0})

    @classmethod
    def certain(cls, code: str) -> LanguagePosterior:
        """The posterior of a text whose language was given by the user."""
        return cls({code: 1.0})

    @property
    def primary(self) -> str:
        """The most probable language (`UND` included); ties go to the first code in order."""
        return min(self.probabilities, key=lambda code: (-self.probabilities[code], code))

    @property
    def confidence(self) -> float:
        """Probability of `primary`, in (0, 1]."""
        return self.probabilities[self.primary]

    def above(self, threshold: float) -> tuple[str, ...]:
        """Languages, most probable first, without `UND`, at or above `threshold` in [0, 1]."""
        chosen = [(-p, code) for code, p in self.probabilities.items() if p >= threshold]
        return tuple(code for _, code in sorted(chosen) if code != UND)


class Detector(Protocol):
    """Guesses languages. Deterministic: the same text always gives the same posterior."""

    @property
    def name(self) -> str: ...

    def posteriors(self, texts: Sequence[str]) -> list[LanguagePosterior]:
        """Return one posterior per text; never raises for any string."""
        ...
