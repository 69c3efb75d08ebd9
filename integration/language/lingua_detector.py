"""lingua: models of up to five letters, and rules on letters; 75 languages, 96 MB."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.language.evidence import CODES, columns_of, log_shares

__all__ = ["LinguaEvidence", "load_library"]

#: lingua sums in changing order, so that the last digits of its answers change from call to call.
_DIGITS = 6


class LinguaEvidence:
    """lingua in its accurate or its fast (`low`) mode.

    Raises:
        ConfigurationError: lingua is not installed.
    """

    def __init__(self, *, low: bool = False) -> None:
        self.name = "lingua-low" if low else "lingua"
        self._detector, self._labels = load_library(low)
        self._columns = columns_of(self._labels.values())
        self.known: NDArray[np.bool_] = np.isin(
            np.arange(len(CODES)), sorted(set(self._columns.values()))
        )

    def scores(self, pieces: Sequence[str]) -> NDArray[np.float64]:
        """Return log probabilities, see `Evidence`."""
        rows = [
            [
                (round(confidence.value, _DIGITS), self._labels[confidence.language])
                for confidence in self._detector.compute_language_confidence_values(piece)
            ]
            for piece in pieces
        ]
        return log_shares(rows, self._columns)


@functools.cache
def load_library(low: bool) -> tuple[Any, dict[Any, str]]:
    """Return lingua's detector, and the code of each of its languages.

    Raises:
        ConfigurationError: lingua is not installed.
    """
    try:
        from lingua import Language, LanguageDetectorBuilder
    except ImportError as error:
        raise ConfigurationError(
            "the detector 'lingua' needs a package that is not installed: "
            "pip install 'opensearch-clir[lingua]'"
        ) from error
    builder = LanguageDetectorBuilder.from_all_languages()
    if low:
        builder = builder.with_low_accuracy_mode()
    return builder.build(), {
        language: language.iso_code_639_1.name.lower() for language in Language.all()
    }
