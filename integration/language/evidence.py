"""What a language identification library says about pieces of text, in one shape for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.languages import LANGUAGES, UND, canonical

__all__ = ["CODES", "COLUMN", "FLOOR", "Evidence", "columns_of", "log_shares"]

#: Meaning of the columns of all scores: every known language, then everything else.
CODES = (*LANGUAGES, UND)

#: Column of each code.
COLUMN = {code: i for i, code in enumerate(CODES)}

#: Probabilities below count as this much: no library knows better.
FLOOR = 1e-7

#: Names that libraries use and `canonical` leaves alone, because nobody tags documents so.
_NAMES = {"arz": "ar", "bs": "hr", "sh": "hr", "wuu": "zh"}


class Evidence(Protocol):
    """A library that tells languages apart. Deterministic, and safe to share between threads."""

    @property
    def name(self) -> str: ...

    @property
    def known(self) -> NDArray[np.bool_]:
        """The columns that the library can tell at all, shape (columns,)."""
        ...

    def scores(self, pieces: Sequence[str]) -> NDArray[np.float64]:
        """Return log probabilities, every language being as likely beforehand.

        Args:
            pieces: one line each, not empty, valid Unicode.

        Returns:
            Shape (pieces, columns); whatever stands in columns that are not known is not read.
        """
        ...


def columns_of(labels: Iterable[str]) -> dict[str, int]:
    """Return the column of each label of a library; of languages that we don't know the last."""
    return {label: COLUMN[_code(label)] for label in labels}


def _code(label: str) -> str:
    try:
        return _NAMES.get(label) or canonical(label)
    except ConfigurationError:
        return UND


def log_shares(
    rows: Sequence[Iterable[tuple[float, str]]], columns: Mapping[str, int]
) -> NDArray[np.float64]:
    """Return the logs of probabilities by label, those of one column summed.

    Args:
        rows: for each piece (probability, label); labels left out have probability 0.
        columns: of every label.
    """
    width = len(CODES)
    places: list[int] = []
    values: list[float] = []
    for start, pairs in zip(range(0, len(rows) * width, width), rows, strict=True):
        for probability, label in pairs:
            places.append(start + columns[label])
            values.append(probability)
    shares = np.bincount(places, weights=values, minlength=len(rows) * width)
    logs: NDArray[np.float64] = np.log(shares.reshape(len(rows), width) + FLOOR)
    return logs
