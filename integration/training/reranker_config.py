"""The configuration of a run that trains a cross-encoder: a TOML file with `kind`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from opensearch_clir.training.mixture import AtLeast0, AtLeast1, Positive
from opensearch_clir.training.pair_limits import PairLimits

__all__ = ["KIND", "RerankerConfig"]

#: What the key ``kind`` says of such a run; without it a static model is trained.
KIND = "cross-encoder"


@dataclass(frozen=True)
class RerankerConfig(PairLimits):
    """What to train on, from which model, how long; and `PairLimits`.

    Attributes:
        kind: `KIND`.
        data: folder of the corpora, see `corpora`.
        body: transformer to start from, a folder or a name on the Hugging Face hub.
        negatives: texts for each pair that are near it and belong to another, from any language.
        batch: pairs in one step, each with its negatives.
        steps: at most.
        minutes: of stepping, 0 for no limit; the rate falls to zero at whichever comes first.
        rate: step size at its highest.
        max_tokens: of question and text together.
        every: steps between progress lines.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: Literal["cross-encoder"]
    data: Path
    body: str
    negatives: AtLeast1[int] = 3
    batch: AtLeast1[int] = 16
    steps: AtLeast1[int] = 2_000
    minutes: AtLeast0[float] = 0.0
    rate: Positive = 5e-5
    max_tokens: Annotated[int, Field(ge=16)] = 128
    every: AtLeast1[int] = 50
