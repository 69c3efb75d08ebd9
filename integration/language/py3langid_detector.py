"""py3langid: naive Bayes over selected byte n-grams (Lui and Baldwin 2012), trained anew."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.language.evidence import CODES, columns_of, log_shares

__all__ = ["Py3LangidEvidence"]


class Py3LangidEvidence:
    """The model that comes with the package (about 0.3 s to read, once per process)."""

    name = "py3langid"

    def __init__(self) -> None:
        self._identifier = _load()
        self._columns = columns_of(self._identifier.labels)
        self.known: NDArray[np.bool_] = np.isin(
            np.arange(len(CODES)), sorted(set(self._columns.values()))
        )

    def scores(self, pieces: Sequence[str]) -> NDArray[np.float64]:
        """Return log probabilities, see `Evidence`."""
        return log_shares(
            [[(p, label) for label, p in self._identifier.rank(piece)] for piece in pieces],
            self._columns,
        )


@functools.cache
def _load() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
