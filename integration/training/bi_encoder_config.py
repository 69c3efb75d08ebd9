"""The configuration of a run that trains a bi-encoder, a transformer that embeds: a TOML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from opensearch_clir.training.mixture import AtLeast0, AtLeast1, Positive, Probability
from opensearch_clir.training.pair_limits import PairLimits

__all__ = ["BI_ENCODER", "BiEncoderConfig"]

#: What the key ``kind`` says of such a run.
BI_ENCODER = "bi-encoder"


@dataclass(frozen=True)
class BiEncoderConfig(PairLimits):
    """What to train on, from which model, how long.

    Attributes:
        kind: `BI_ENCODER`.
        base: sentence-transformers model to start from, a folder or a name on the hub; its prompts
            are used as the encoder uses them.
        work: folder of checkpoints and of the teacher's answers; what is there is reused.
        data: folder of the corpora, see `corpora`; this or `corpus` is needed, or both.
        corpus: one's own documents as `clir index` takes them, without judgments.
        title, text: fields of the documents.
        documents: titles and sentences of `corpus` with the rest of their document, or with a
            translation, at most.
        negatives: texts for each pair that are near it and belong to another, from any language.
        batch: pairs in one step; each is a negative of all others.
        mini_batch: texts that go through the model at once, in less memory and more time (gradient
            caching, Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited
            Setup", 2021); 0: all.
        languages: of the passages in a batch, at most; each has as many passages.
        steps: at most.
        minutes: of stepping, 0 for no limit; the rate falls to zero at whichever comes first. A
            run under a limit of time is not repeatable.
        rate: step size at its highest.
        warmup: share of the run in which the rate rises.
        scale: cosines are multiplied by it before the softmax.
        max_tokens: of a text while training; the model that is written keeps the base's limit.
        teacher: encoder whose vectors of English texts both sides of a translation are pulled
            towards (Reimers and Gurevych, "Making Monolingual Sentence Embeddings Multilingual
            using Knowledge Distillation", EMNLP 2020); of the base's dimension. None: none.
        distillation: weight of the cosine to what the teacher says beside the contrastive loss.
        keep: share of the base in the weights that are written, 0 to 1: they are averaged
            (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).
        every: steps between progress lines and checkpoints.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: Literal["bi-encoder"]
    base: str
    work: Path
    data: Path | None = None
    corpus: Path | None = None
    title: str = "title"
    text: str = "text"
    documents: AtLeast0[int] = 10_000
    negatives: AtLeast0[int] = 0
    batch: Annotated[int, Field(ge=2)] = 64
    mini_batch: AtLeast0[int] = 0
    languages: AtLeast1[int] = 4
    steps: AtLeast1[int] = 2_000
    minutes: AtLeast0[float] = 0.0
    rate: Positive = 5e-5
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    scale: Positive = 20.0
    max_tokens: Annotated[int, Field(ge=8)] = 128
    teacher: str | None = None
    distillation: AtLeast0[float] = 0.0
    keep: Probability = 0.0
    every: AtLeast1[int] = 100

    def __post_init__(self) -> None:
        """Refuse a run without texts, and a teacher without weight or a weight without teacher."""
        if self.data is None and self.corpus is None:
            raise ValueError("name `data`, a folder of corpora, or `corpus`, documents, or both")
        if (self.teacher is None) == (self.distillation > 0):
            raise ValueError("a `teacher` needs `distillation` above 0, and that a `teacher`")
