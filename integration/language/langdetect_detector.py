"""langdetect's n-gram profiles, summed over all n-grams instead of drawn at random.

langdetect itself draws n-grams until it is certain, so that its answers change with a seed that is
global to the process, and three words are "99.999% Somali" (see ``docs/decisions/0006``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.language.evidence import CODES, COLUMN
from opensearch_clir.language.profiles import load_profiles, normalise

__all__ = ["LangdetectEvidence"]

#: Letters of languages that langdetect has no profile of, which no relative of theirs uses.
_MARKERS = {"is": "þðÞÐ", "az": "əƏ", "be": "ўЎ", "sr": "ђћЂЋ"}

#: Log odds of a marked language against the best other; of an unmarked one, likewise.
_MARKED, _UNMARKED = 20.0, -20.0


class LangdetectEvidence:
    """Log likelihoods of the n-grams (1 to 3 characters) of a piece, each counted once.

    Knows no ``eu``, ``ga``, ``gl``, ``ms``; ``az``, ``be``, ``is``, ``sr`` only by their letters.
    """

    name = "langdetect"

    def __init__(self) -> None:
        self._profiles = load_profiles()
        self._targets = np.array([COLUMN[code] for code in self._profiles.codes])
        self.known: NDArray[np.bool_] = np.zeros(len(CODES), dtype=bool)
        self.known[self._targets] = True
        self.known[[COLUMN[code] for code in _MARKERS]] = True

    def scores(self, pieces: Sequence[str]) -> NDArray[np.float64]:
        """Return log likelihoods less the highest one, see `Evidence`."""
        found = np.full((len(pieces), len(CODES)), -np.inf)
        for row, piece in zip(found, pieces, strict=True):
            sums = self._profiles.likelihoods(normalise(piece))
            np.maximum.at(row, self._targets, sums)
            row -= sums.max()
            for code, marks in _MARKERS.items():
                marked = any(mark in piece for mark in marks)
                row[COLUMN[code]] = _MARKED if marked else _UNMARKED
        return found
