"""The configuration of fine-tuning a static model on a corpus of one's own, a TOML file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from opensearch_clir.encoders.registry import EMBEDDED
from opensearch_clir.toml_files import read_toml
from opensearch_clir.training.config import beside, validated
from opensearch_clir.training.mixture import AtLeast0, AtLeast1, Positive, Probability

__all__ = ["FineTuning", "asked", "read"]


@dataclass(frozen=True)
class FineTuning:
    """What to fine-tune, on what, how far from the base.

    Attributes:
        base: ``embedded`` or the folder of a static model; vocabulary and start are its.
        corpus: documents as `clir index` takes them: JSON lines, bulk bodies or CSV with ``lang``
            and perhaps ``group`` (translations of one document).
        work: folder of the corpus's pieces and the checkpoint; what is there is reused.
        title: field of the title.
        text: field of the text.
        name: of the model, as its ``config.json`` says.
        version: of the model, as its ``config.json`` says.
        seed: of copies and batches.
        copies: code-switched copies of each document.
        same_page: share of titles and sentences answered by the very document, not by a copy or
            translation.
        window: sentences of a long document in a passage, at most.
        batch: rows per step.
        steps: steps in all.
        minutes: of stepping, 0 for no limit; the rate falls to zero at whichever comes first.
        rate: step size, relative to components of about ``1 / sqrt(dimension)``.
        gain_rate: step size of the logarithm of a piece's weight.
        scale: cosines are multiplied by it before the softmax.
        pull: weight of the cosine to what the base says of the same text.
        keep: share of the base in the weights that are written, 0 to 1: they are averaged
            (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).
        every: steps between progress lines and checkpoints.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    corpus: Path
    work: Path
    base: str = EMBEDDED
    title: str = "title"
    text: str = "text"
    name: str = "clir-tuned"
    version: str = "1"
    seed: AtLeast0[int] = 1
    copies: AtLeast0[int] = 1
    same_page: Probability = 0.5
    window: Annotated[int, Field(ge=2)] = 5
    batch: Annotated[int, Field(ge=2)] = 512
    steps: AtLeast0[int] = 200
    minutes: AtLeast0[float] = 0.0
    rate: Positive = 1e-3
    gain_rate: AtLeast0[float] = 1e-3
    scale: Annotated[float, Field(gt=0, le=40)] = 20.0
    pull: AtLeast0[float] = 1.0
    keep: Probability = 0.5
    every: AtLeast1[int] = 50


def asked(path: Path) -> bool:
    """Whether a TOML file asks for fine-tuning: it names a `base` or a `corpus`, and no `kind`.

    Raises:
        ConfigurationError: no such file, or not TOML.
    """
    keys = read_toml(path).keys()
    return "kind" not in keys and not {"base", "corpus"}.isdisjoint(keys)


def read(path: Path) -> FineTuning:
    """Return the configuration of a TOML file; relative paths are relative to the file.

    Raises:
        ConfigurationError: no such file, not TOML, or keys that are unknown, missing or of a wrong
            type or range, all of them named.
    """
    found = validated(path, FineTuning)
    folder = path.parent
    base = beside(folder, found.base) or found.base
    return replace(found, corpus=folder / found.corpus, work=folder / found.work, base=base)
