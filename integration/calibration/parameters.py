"""Parameters of the fusion: what each evidence is worth, for matching and non-matching pairs.

::

    logit P = a[pair] + b[pair] * z  +  own * x_lang    (matching pair)
                                     +  any * x_any     (non-matching pair)
              + entity * x_entity + translated * x_translated + head * x_head

with ``z = (cosine - location[pair]) / scale[pair]``; ``x_lang`` the BM25 score divided by its upper
bound, in [0, 1); ``x_any`` that of survivors by at most three rare tokens' worth; ``x_entity`` the
rarity-weighted share of the query's entities that were found; ``x_translated`` and ``x_head`` the
weighted share of the query's pieces found in translation, in the whole text and in its heading
fields, all in [0, 1]. Across languages a missing word is no evidence: there is no language term
there. The probability is that of the bent log-odds; see `opensearch_clir.calibration.bend`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from typing import Any

from opensearch_clir.calibration.bend import STRAIGHT, Bends
from opensearch_clir.calibration.feedback import Feedback
from opensearch_clir.errors import ConfigurationError

__all__ = ["WORDS", "DensePair", "PairPlace", "Parameters", "builtin"]

#: The evidences that clauses of the query give, in the order of feature columns.
WORDS = ("own", "any", "entity", "translated", "head")


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
class PairPlace:
    """What one ordered pair of languages has of its own, where enough is known of it.

    Attributes:
        location, scale: of the cosine of unrelated texts, scale > 0; in place of the class's.
        offset: added to the log-odds.
    """

    location: float
    scale: float
    offset: float = 0.0

    @property
    def usable(self) -> bool:
        """Whether a cosine can be standardised by it."""
        finite = all(map(math.isfinite, (self.location, self.scale, self.offset)))
        return finite and self.scale > 0


@dataclass(frozen=True)
class Parameters:
    """All weights of the fusion.

    Attributes:
        matching, non_matching: the dense line per pair class.
        own: log-odds of a full lexical match in the same language, >= 0.
        any: log-odds of a full match of surviving tokens across languages, >= 0.
        missing_z: the z a document without a vector is given.
        entity: log-odds of all the query's entities found, >= 0.
        translated: log-odds of all the query's pieces found in exact translation, >= 0.
        head: the same in the heading fields, >= 0.
        pairs: by ordered pair, ``fr>en``; a pair that is not there goes by its class.
        bends: what becomes of the sum of all log-odds.
        feedback: how much likeness to the first hits counts after that; None: nothing.
        origin: where the figures come from, for reports.
    """

    matching: DensePair
    non_matching: DensePair
    own: float
    any: float
    missing_z: float
    origin: str
    entity: float = 0.0
    translated: float = 0.0
    head: float = 0.0
    pairs: Mapping[str, PairPlace] = field(default_factory=dict)
    bends: Bends = STRAIGHT
    feedback: Feedback | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Parameters:
        """Read parameters from their JSON form.

        Raises:
            ConfigurationError: a key is missing, a weight is negative or a slope not positive.
        """
        try:
            parameters = cls(
                matching=DensePair(**value["matching"]),
                non_matching=DensePair(**value["non_matching"]),
                own=float(value["own"]),
                any=float(value["any"]),
                missing_z=float(value["missing_z"]),
                origin=str(value["origin"]),
                entity=float(value["entity"]),
                translated=float(value["translated"]),
                head=float(value["head"]),
                pairs={p: PairPlace(**place) for p, place in value.get("pairs", {}).items()},
                bends=Bends.from_json(value["bends"]) if "bends" in value else STRAIGHT,
                feedback=Feedback.from_json(value["feedback"])
                if value.get("feedback") is not None
                else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"fusion parameters are damaged: {error!r}") from error
        wrong = [pair for pair, place in parameters.pairs.items() if not place.usable]
        if wrong:
            raise ConfigurationError(
                f"fusion parameters are wrong: {wrong[0]} needs finite numbers and a scale > 0"
            )
        negative = [name for name in WORDS if getattr(parameters, name) < 0]
        if negative:
            raise ConfigurationError(
                f"fusion parameters are wrong: {', '.join(negative)} must be >= 0"
            )
        return parameters

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, without bends and feedback where they change nothing."""
        found = asdict(self)
        if self.feedback is None:
            del found["feedback"]
        if self.bends == STRAIGHT:
            del found["bends"]
        return found


def builtin() -> Parameters:
    """Return the parameters shipped with the package, used until an index is calibrated."""
    text = files("opensearch_clir.calibration").joinpath("builtin.json").read_text("utf-8")
    return Parameters.from_json(json.loads(text))
