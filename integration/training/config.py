"""The configuration of a training run, a TOML file."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.toml_files import read_toml
from opensearch_clir.training.mixture import Mixture

__all__ = ["Config", "read"]


@dataclass(frozen=True)
class Config:
    """What to train on, what to train, how long.

    Attributes:
        data: folder of the corpora, see `corpora`.
        work: folder of vocabulary, token cache and checkpoint; what is there is reused.
        eval: folder of evaluation folders, for progress figures only.
        seed: of the samples, the start and the batches.
        vocabulary: pieces, the unknown one included.
        vocabulary_texts: size of the sample that the vocabulary is learned from.
        vocabulary_exponent: languages weigh their number of texts to this power in the sample.
        dimension: of the vectors.
        batch: rows per step; each is a negative of all others.
        steps: steps in all.
        minutes: of stepping, 0 for no limit; the rate falls to zero at whichever comes first.
        rate: step size, relative to components of about ``1 / sqrt(dimension)``.
        gain_rate: step size of the logarithm of a piece's weight; 0 keeps the SIF weights.
        scale: cosines are multiplied by it before the softmax.
        sif: a of the starting weight a / (a + p) of a piece of probability p.
        start: ``lsi`` or ``random`` directions.
        every: steps between progress lines and checkpoints.
        mixture: what a batch is made of.
    """

    data: Path
    work: Path
    eval: Path | None = None
    seed: int = 1
    vocabulary: int = 105_000
    vocabulary_texts: int = 1_500_000
    vocabulary_exponent: float = 0.6
    dimension: int = 256
    batch: int = 2048
    steps: int = 6000
    minutes: float = 0.0
    rate: float = 3e-3
    gain_rate: float = 3e-3
    scale: float = 20.0
    sif: float = 1e-4
    start: str = "lsi"
    every: int = 500
    mixture: Mixture = field(default_factory=Mixture)


def read(path: Path) -> Config:
    """Return the configuration of a TOML file; relative paths are relative to the file.

    Raises:
        ConfigurationError: no such file, not TOML, unknown keys, or `data` or `work` missing.
    """
    values = read_toml(path)
    mixture = values.pop("mixture", {})
    wrong = sorted(
        (values.keys() - {f.name for f in fields(Config)})
        | {f"mixture.{key}" for key in mixture.keys() - {f.name for f in fields(Mixture)}}
    )
    wrong += [f"{key} (missing)" for key in ("data", "work") if key not in values]
    if values.get("start", "lsi") not in ("lsi", "random"):
        wrong.append("start (lsi or random)")
    if wrong:
        raise ConfigurationError(f"{path}: wrong keys: {', '.join(wrong)}")
    for key in ("data", "work", "eval"):
        if key in values:
            values[key] = path.parent / values[key]
    return Config(**values, mixture=Mixture(**mixture))
