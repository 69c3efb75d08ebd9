"""The configuration of a training run, a TOML file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.toml_files import read_toml
from opensearch_clir.training.bi_encoder_config import BI_ENCODER, BiEncoderConfig
from opensearch_clir.training.mixture import AtLeast0, AtLeast1, Mixture, Positive
from opensearch_clir.training.reranker_config import KIND, RerankerConfig

__all__ = ["Config", "beside", "read", "read_any", "validated"]


Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Config:
    """What to train on, what to train, how long.

    Attributes:
        data: folder of the corpora, see `corpora`.
        work: folder of vocabulary, token cache and checkpoint; what is there is reused.
        eval: folder of evaluation folders, for progress figures only.
        questions: a second data folder, of which only the room ``questions`` is read.
        name: of the model, as its ``config.json`` says.
        version: of the model, as its ``config.json`` says.
        seed: of the samples, the start and the batches.
        vocabulary: pieces at most, the unknown one included.
        vocabulary_texts: size of the sample that the vocabulary is learned from.
        vocabulary_exponent: languages weigh their number of texts to this power in the sample.
        whole_words: further pieces at most, each a word that the vocabulary would cut.
        switched_rows: code-switched sentences made from sentence pairs and dictionaries, at most.
        dimension: of the vectors.
        teacher: encoder that English texts are asked of, a folder or a name as in the settings;
            None: none.
        teacher_sentences: English sentences that it is asked about, at most.
        teacher_words: English dictionary words that it is asked about, at most.
        distillation: weight of the cosine to what the teacher says beside the contrastive loss.
        debias: weight of the distance of languages' mean vectors from that of all, in each batch.
        balanced: whether negatives of a row's language weigh as much, together, as all others.
        batch: rows per step; each is a negative of all others.
        steps: steps in all.
        minutes: of stepping, 0 for no limit; the rate falls to zero at whichever comes first. A
            run under a limit of time is not repeatable.
        rate: step size, relative to components of about ``1 / sqrt(dimension)``.
        gain_rate: step size of the logarithm of a piece's weight; 0 keeps the SIF weights.
        scale: cosines are multiplied by it before the softmax; above 40, float32 underflows.
        sif: a of the starting weight a / (a + p) of a piece of probability p.
        sif_after: a of a second such factor, put on after the regression; 0: none.
        evenness: power by which the spread of components is evened after the regression, 0 to 1.
        text_evenness: the same power for the spread of texts' vectors after the last step, 0 to 1.
        common: leading components of texts' vectors that are removed then.
        start: ``lsi``, ``random`` or ``teacher``, a regression onto what the teacher says.
        every: steps between progress lines and checkpoints.
        mixture: what a batch is made of.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    data: Path
    work: Path
    eval: Path | None = None
    questions: Path | None = None
    name: str = "clir-static"
    version: str = "1"
    seed: AtLeast0[int] = 1
    vocabulary: AtLeast1[int] = 105_000
    vocabulary_texts: AtLeast1[int] = 1_500_000
    vocabulary_exponent: Annotated[float, Field(ge=0, le=1)] = 0.6
    whole_words: AtLeast0[int] = 0
    switched_rows: AtLeast0[int] = 0
    dimension: AtLeast1[int] = 256
    teacher: str | None = None
    teacher_sentences: AtLeast0[int] = 40_000
    teacher_words: AtLeast0[int] = 40_000
    distillation: AtLeast0[float] = 0.0
    debias: AtLeast0[float] = 0.0
    balanced: bool = False
    batch: Annotated[int, Field(ge=2)] = 2048
    steps: AtLeast0[int] = 6000
    minutes: AtLeast0[float] = 0.0
    rate: Positive = 3e-3
    gain_rate: AtLeast0[float] = 3e-3
    scale: Annotated[float, Field(gt=0, le=40)] = 20.0
    sif: Positive = 1e-4
    sif_after: AtLeast0[float] = 0.0
    evenness: Annotated[float, Field(ge=0, le=1)] = 0.0
    text_evenness: Annotated[float, Field(ge=0, le=1)] = 0.0
    common: AtLeast0[int] = 0
    start: Literal["lsi", "random", "teacher"] = "lsi"
    every: AtLeast1[int] = 500
    mixture: Mixture = field(default_factory=Mixture)

    def __post_init__(self) -> None:
        """Refuse to ask a teacher who is not there, and to remove every component."""
        if self.teacher is None and (self.start == "teacher" or self.distillation > 0):
            raise ValueError("start = 'teacher' and distillation need a `teacher`")
        if self.common >= self.dimension:
            raise ValueError("common must be less than dimension, or nothing is left")

    @property
    def more(self) -> tuple[Path, ...]:
        """The second data folder, if there is one."""
        return () if self.questions is None else (self.questions,)


def read(path: Path) -> Config:
    """Return the configuration of a TOML file; relative paths are relative to the file.

    Raises:
        ConfigurationError: no such file, not TOML, or keys that are unknown, missing or of a wrong
            type or range, all of them named.
    """
    config, base = validated(path, Config), path.parent
    return replace(
        config,
        data=base / config.data,
        work=base / config.work,
        eval=None if config.eval is None else base / config.eval,
        questions=None if config.questions is None else base / config.questions,
        teacher=beside(base, config.teacher),
    )


def read_any(path: Path) -> Config | RerankerConfig | BiEncoderConfig:
    """Return the configuration of whatever the file's ``kind`` says is to be trained.

    Raises:
        ConfigurationError: see `read`; or an unknown kind.
    """
    kind, base = read_toml(path).get("kind"), path.parent
    if kind is None:
        return read(path)
    if kind == KIND:
        reranker = validated(path, RerankerConfig)
        body = beside(base, reranker.body) or reranker.body
        return replace(reranker, data=base / reranker.data, body=body)
    if kind == BI_ENCODER:
        config = validated(path, BiEncoderConfig)
        return replace(
            config,
            base=beside(base, config.base) or config.base,
            work=base / config.work,
            data=None if config.data is None else base / config.data,
            corpus=None if config.corpus is None else base / config.corpus,
            teacher=beside(base, config.teacher),
        )
    raise ConfigurationError(
        f"{path}: kind: {kind!r} can't be trained; leave it out for a static model, or say "
        f"{KIND!r} or {BI_ENCODER!r}"
    )


def validated(path: Path, kind: type[Kind]) -> Kind:
    """Return a dataclass of settings read from a TOML file.

    Raises:
        ConfigurationError: as `read` has it.
    """
    try:
        return TypeAdapter(kind).validate_python(read_toml(path))
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(step) for step in problem['loc'])}: {_said(problem['msg'])}"
            for problem in error.errors()
        ]
        raise ConfigurationError(f"{path}: {'; '.join(problems)}") from error


def beside(base: Path, name: str | None) -> str | None:
    """Return a model's name, or its path where there is such a folder in `base`."""
    return str(base / name) if name and (base / name).is_dir() else name


def _said(message: str) -> str:
    """Return a message of pydantic in our words."""
    known = {"Unexpected keyword argument": "unknown key", "Field required": "missing"}
    return known.get(message, message[:1].lower() + message[1:])
