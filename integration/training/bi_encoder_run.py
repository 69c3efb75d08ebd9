"""The run of a bi-encoder through sentence-transformers' trainer, from its last checkpoint on.

Import this module only where torch is wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from datasets import Dataset
from sentence_transformers import SentenceTransformerTrainingArguments
from transformers.trainer_callback import PrinterCallback

from opensearch_clir.encoders.base import encode
from opensearch_clir.encoders.registry import load_encoder
from opensearch_clir.encoders.sentence_transformers import SentenceTransformersEncoder
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.training import bi_encoder_files, teacher
from opensearch_clir.training.batches import batches
from opensearch_clir.training.bi_encoder_config import BiEncoderConfig
from opensearch_clir.training.bi_encoder_pairs import Table
from opensearch_clir.training.bi_encoder_trainer import Progress, Trainer, loss_of, optimisers
from opensearch_clir.training.pairs import Example
from opensearch_clir.training.static_model import Floats
from opensearch_clir.training.workspace import Report

__all__ = ["check_teacher", "run"]


def run(
    config: BiEncoderConfig,
    encoder: SentenceTransformersEncoder,
    made: Table,
    held: Sequence[Example],
    report: Report,
) -> None:
    """Take the steps that are left; the encoder's model is changed in place.

    Args:
        config: what to do.
        encoder: of the base.
        made: the pairs.
        held: pairs for the figures of progress.
        report: is given a row every `config.every` steps.

    Raises:
        DataError: no two pairs are about different things; answers of the teacher are damaged.
        RuntimeError, ValueError: whatever else the libraries object to.
    """
    saved = bi_encoder_files.last(config.work)
    columns: dict[str, Any] = dict(made.columns)
    targets = None
    if config.teacher is not None:
        columns["label"], targets = _targets(config, encoder, made.english, report)
    asks = {name: name == "query" for name in made.columns}
    prompts = {n: encoder.prompts.of("query" if ask else "passage") for n, ask in asks.items()}
    routes = {name: "query" if ask else "document" for name, ask in asks.items()}
    progress = Progress(
        config, report, partial(_figures, encoder, held), saved.seconds if saved else 0.0
    )
    size, languages, steps, seed = config.batch, config.languages, config.steps, config.seed
    trainer = Trainer(
        partial(batches, made.rows, size, languages, steps, seed),
        model=encoder.model,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(config.work),
            per_device_train_batch_size=config.batch,
            max_steps=config.steps,
            learning_rate=config.rate,
            seed=config.seed,
            prompts={name: prompt for name, prompt in prompts.items() if prompt},
            router_mapping=routes if _routed(encoder.model) else {},
            logging_steps=config.every,
            save_steps=config.every,
            save_total_limit=1,
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
        ),
        train_dataset=Dataset.from_dict(columns),
        loss=loss_of(config, encoder.model, targets),
        callbacks=[progress],
        optimizers=optimisers(config, encoder.model, progress),
    )
    trainer.remove_callback(PrinterCallback)
    if saved is None:
        progress.tell(0, None)
        trainer.train()
    elif progress.share(saved.step) < 1:
        trainer.train(resume_from_checkpoint=str(saved.folder))
    else:
        # Finished, and stopped before the model was written.
        finished = SentenceTransformersEncoder(saved.folder)
        encoder.model.load_state_dict(finished.model.state_dict())
        progress.tell(saved.step, None)


def check_teacher(config: BiEncoderConfig, encoder: SentenceTransformersEncoder) -> None:
    """Check that the teacher's vectors can be the base's.

    Raises:
        ConfigurationError: they have another dimension.
        EncoderError: the teacher can't be loaded.
    """
    if config.teacher is None or config.teacher == config.base:
        return
    dimension = load_encoder(config.teacher).dimension
    if dimension != encoder.dimension:
        raise ConfigurationError(
            f"teacher = {config.teacher!r} has vectors of {dimension} dimensions, the base of "
            f"{encoder.dimension}: distillation needs a teacher of the base's dimension"
        )


def _targets(
    config: BiEncoderConfig,
    encoder: SentenceTransformersEncoder,
    english: Sequence[str],
    report: Report,
) -> tuple[list[int], Floats]:
    """Return which of the teacher's unit vectors (n, d) each pair has, -1 for none, and those."""
    name = config.teacher or ""
    texts = sorted({text for text in english if text})
    place = {text: number for number, text in enumerate(texts)}
    answers = teacher.answers(texts, name, config.work / "teacher", report)
    # A row at least, for pairs without any to point to.
    answers = answers if texts else np.zeros((1, encoder.dimension), np.float32)
    return [place.get(text, -1) for text in english], answers


def _figures(encoder: SentenceTransformersEncoder, held: Sequence[Example]) -> dict[str, float]:
    """Return the share of held-out questions whose text is the nearest of all held-out texts."""
    if not held:
        return {}
    queries = encode(encoder, [example.query for example in held], "query")
    texts = encode(encoder, [example.text for example in held], "passage")
    nearest = (queries @ texts.T).argmax(axis=1)
    return {"right_text_first": round(float(np.mean(nearest == np.arange(len(held)))), 4)}


def _routed(model: Any) -> bool:
    return any(type(module).__name__ == "Router" for module in model.children())
