"""How much each library's word counts: weights that depend on length, and a bias per language."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.language.evidence import CODES, COLUMN

__all__ = ["UNIT", "Calibration", "features", "load_calibrations"]

#: Characters at which the power of a length is 1.
UNIT = 20.0

#: A library can tell a difference of this much (in nats) at most.
_RANGE = 30.0


@dataclass(frozen=True)
class Calibration:
    """Log-linear pooling (Genest and Zidek 1986): Σ weight · (length / UNIT)^power · log p + bias.

    Attributes:
        weights: (log weight, power) by name of the library.
        bias: by language; `und` stands for all languages that are not known by name.
    """

    weights: Mapping[str, tuple[float, float]]
    bias: Mapping[str, float]

    def logits(
        self, scores: Mapping[str, NDArray[np.float64]], lengths: Sequence[int]
    ) -> NDArray[np.float64]:
        """Return unnormalised log probabilities of pieces.

        Args:
            scores: by name of the library, as `features` returns them, shape (pieces, columns).
            lengths: characters of each piece.
        """
        steps = np.log(np.maximum(np.asarray(lengths, dtype=np.float64), 1.0) / UNIT)
        total = np.zeros((len(lengths), len(CODES))) + self._biases()
        for name, (weight, power) in self.weights.items():
            total += np.exp(weight + power * steps)[:, None] * scores[name]
        return total

    def _biases(self) -> NDArray[np.float64]:
        return np.array([self.bias.get(code, 0.0) for code in CODES])


def features(
    scores: NDArray[np.float64], known: NDArray[np.bool_], possible: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return scores relative to the best that is possible; 0 is the best, `-_RANGE` the least.

    A language that a library does not know gets what a language would get of which the library has
    no idea: the log of an even share.

    Args:
        scores: of one library, shape (pieces, columns).
        known: which columns the library knows, shape (columns,).
        possible: which columns the letters of each piece allow, shape (pieces, columns).
    """
    usable = known & possible
    usable_or_all = np.where(usable.any(axis=1, keepdims=True), usable, True)
    clean = np.where(known, scores, -np.inf)
    best = np.where(usable_or_all, clean, -np.inf).max(axis=1, keepdims=True)
    relative = np.clip(np.where(np.isfinite(best), clean - best, 0.0), -_RANGE, 0.0)
    unknown = -np.log(np.maximum(usable.sum(axis=1, keepdims=True), 1))
    return np.where(known, relative, unknown)


@functools.cache
def load_calibrations() -> Mapping[str, Calibration]:
    """Read the fitted calibrations that come with the package, by name of the detector.

    Raises:
        ConfigurationError: the file is damaged.
    """
    file = resources.files("opensearch_clir.language").joinpath("calibrations.json")
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        return {
            name: Calibration(
                weights={n: (float(w), float(p)) for n, (w, p) in entry["weights"].items()},
                bias={code: float(b) for code, b in entry["bias"].items() if code in COLUMN},
            )
            for name, entry in stored["detectors"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"the calibration of the language detectors is damaged ({error!r}): reinstall "
            "opensearch-clir"
        ) from error
