"""Parameters of the fusion: what each evidence is worth, for matching and non-matching pairs.

::

    logit P = a[pair] + b[pair] * z  +  own * x_lang    (matching pair)
                                     +  any * x_any     (non-matching pair)

with ``z = (cosine - location[pair]) / scale[pair]`` and ``x`` the BM25 score divided by its upper
bound, in [0, 1) (for survivors by at most three rare tokens' worth). Across languages a missing
word is no evidence: there is no language term there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from opensearch_clir.errors import ConfigurationError

__all__ = ["DensePair", "Parameters", "builtin"]


@dataclass(frozen=True)
class DensePair:
    """Log-odds as a line in the standardised cosine.

    Attributes:
        intercept: log-odds at z = 0, the cosine of unrelated texts, without any word in common.
        slope: log-odds per unit of z, >= 0.
    """

    intercept: float
    slope: float


@dataclass(frozen=True)
class Parameters:
    """All weights of the fusion.

    Attributes:
        matching, non_matching: the dense line per pair class.
        own: log-odds of a full lexical match in the same language, >= 0.
        any: log-odds of a full match of surviving tokens across languages, >= 0.
        missing_z: the z a document without a vector is given.
        origin: where the figures come from, for reports.
    """

    matching: DensePair
    non_matching: DensePair
    own: float
    any: float
    missing_z: float
    origin: str

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Parameters:
        """Read parameters from their JSON form.

        Raises:
            ConfigurationError: a key is missing or a weight is negative.
        """
        try:
            parameters = cls(
                matching=DensePair(**value["matching"]),
                non_matching=DensePair(**value["non_matching"]),
                own=float(value["own"]),
                any=float(value["any"]),
                missing_z=float(value["missing_z"]),
                origin=str(value["origin"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"fusion parameters are damaged: {error!r}") from error
        if min(parameters.own, parameters.any) < 0:
            raise ConfigurationError("fusion parameters are wrong: own and any must be >= 0")
        return parameters


def builtin() -> Parameters:
    """Return the parameters shipped with the package, used until an index is calibrated."""
    text = files("opensearch_clir.calibration").joinpath("builtin.json").read_text("utf-8")
    return Parameters.from_json(json.loads(text))
