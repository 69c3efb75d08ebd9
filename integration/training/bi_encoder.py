"""Training a bi-encoder by sentence-transformers' own trainer: resumable, texts near translations.

A run that goes on from a checkpoint ends with the same weights as one that was never stopped,
unless `minutes` limits it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from opensearch_clir.encoders.loading import one_line
from opensearch_clir.encoders.registry import EMBEDDED, load_encoder
from opensearch_clir.encoders.sentence_transformers import SentenceTransformersEncoder
from opensearch_clir.encoders.static import CHARACTERS_PER_TOKEN
from opensearch_clir.errors import ConfigurationError, EncoderError
from opensearch_clir.training import bi_encoder_files
from opensearch_clir.training.bi_encoder_config import BiEncoderConfig
from opensearch_clir.training.bi_encoder_pairs import digest, held_out, pairs_of, table
from opensearch_clir.training.quiet import quiet
from opensearch_clir.training.workspace import Report, claim_for

__all__ = ["train_bi_encoder"]

#: Settings that batches depend on; others may change from one leg to the next.
FIXED = ("seed", "batch", "languages", "negatives", "max_tokens", "teacher")


def train_bi_encoder(config: BiEncoderConfig, out: Path, report: Report) -> None:
    """Train and write a folder that is an encoder by its name; go on from what `work` holds.

    Args:
        config: what to do.
        out: an empty folder.
        report: is given a row for each stage, and one every `config.every` steps.

    Raises:
        ConfigurationError: the extra with the trainer or a folder is missing, the base or the
            teacher does not do, `out` is not empty, or `work` was used with other settings.
        DataError: nothing to learn from, or a malformed file.
        EncoderError: a model can't be loaded, or the training failed, for lack of memory say.
        OSError: a folder can't be written.
    """
    _check_trainer()
    bi_encoder_files.check_empty(out)
    # Not above: these modules can't be imported without the extra.
    from opensearch_clir.training.bi_encoder_run import check_teacher, run

    with quiet():
        encoder = _base(config.base)
        check_teacher(config, encoder)
        report({"stage": "pairs"})
        found = pairs_of(config, report)
        settings = {name: getattr(config, name) for name in FIXED}
        pairs = {"base": encoder.fingerprint, "training pairs": digest(found)}
        claim_for(config.work, {**pairs, **settings})
        held, taught = held_out(found)
        miner = load_encoder(EMBEDDED) if config.negatives else None
        longest = config.max_tokens * CHARACTERS_PER_TOKEN
        made = table(taught, miner, config.negatives, config.seed, longest)
        langs = sorted({example.lang for example in taught})
        row = {"pairs": len(made.rows), "held_out": len(held), "languages": langs}
        report({"stage": "start", **row})
        model = encoder.model
        base = {name: value.clone() for name, value in model.state_dict().items()}
        limit = encoder.max_tokens
        if limit is not None:
            model.max_seq_length = min(limit, config.max_tokens)
        try:
            run(config, encoder, made, held, report)
        except (RuntimeError, ValueError) as error:
            text = f"training {config.base!r} failed: {one_line(error)}"
            raise EncoderError(text) from error
        if limit is not None:
            model.max_seq_length = limit
        _average(model, base, config.keep)
        # Those of a family, known by the base's name, would be lost with that name.
        prompts = {"query": encoder.prompts.query, "document": encoder.prompts.passage}
        if any(prompts.values()):
            model.prompts = {**model.prompts, **prompts}
        bi_encoder_files.put(model, out)


def _check_trainer() -> None:
    try:
        import accelerate  # noqa: F401
        import datasets  # noqa: F401
        import sentence_transformers  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            "training a bi-encoder needs sentence-transformers with its trainer; run: "
            "pip install 'opensearch-clir[train-transformers]'"
        ) from error


def _base(name: str) -> SentenceTransformersEncoder:
    encoder = load_encoder(name)
    if not isinstance(encoder, SentenceTransformersEncoder):
        raise ConfigurationError(
            f"base = {name!r} is a static model; name one of sentence-transformers, or leave out "
            "`kind` to fine-tune a static one"
        )
    return encoder


def _average(model: Any, base: dict[str, Any], keep: float) -> None:
    """Mix the base's weights in; those of other types, such as counters, are left as they are."""
    if keep:
        mixed = model.state_dict()
        for name, value in mixed.items():
            if value.is_floating_point():
                value.lerp_(base[name].to(value.device), keep)
        model.load_state_dict(mixed)
