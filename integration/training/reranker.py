"""Training a cross-encoder: a transformer learns which of several near texts answers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from opensearch_clir.encoders.loading import INSTALL, hint, one_line
from opensearch_clir.encoders.registry import EMBEDDED, load_encoder
from opensearch_clir.encoders.texts import well_formed
from opensearch_clir.errors import ConfigurationError, RerankerError
from opensearch_clir.training import schedule
from opensearch_clir.training.lessons import Lesson, lessons
from opensearch_clir.training.pairs import examples
from opensearch_clir.training.reranker_config import RerankerConfig
from opensearch_clir.training.workspace import Report

__all__ = ["train_reranker"]

#: Share of a run in which the rate rises; then it falls to 0.
WARM = 0.1

#: Characters of a text that are tokenised for each token that counts.
CHARACTERS_PER_TOKEN = 24

#: Lessons kept for the figures alone.
HELD_OUT = 200


def train_reranker(config: RerankerConfig, out: Path, report: Report) -> None:
    """Train and write a folder that sentence-transformers loads as a cross-encoder.

    The loss is the cross entropy of each pair's relevance: its logits are log-odds, comparable from
    one question to another, and what the second stage calibrates.

    Raises:
        ConfigurationError: the data folder is missing, or the extra with torch.
        DataError: nothing to learn from, or a malformed file.
        RerankerError: the body can't be loaded.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise ConfigurationError(f"training a cross-encoder: {INSTALL}") from error
    torch.manual_seed(config.seed)
    tokenizer, model = _body(transformers, config.body)
    report({"stage": "pairs"})
    made = lessons(
        examples(config.data, config), load_encoder(EMBEDDED), config.negatives, config.seed
    )
    held = made[: min(HELD_OUT, len(made) // 10)]
    taught = made[len(held) :]
    report({"stage": "start", "lessons": len(taught), "held_out": len(held)})

    def logits(some: Sequence[Lesson]) -> Any:
        """Return the logits of all pairs of some lessons, one after the other."""
        limit = config.max_tokens * CHARACTERS_PER_TOKEN
        pairs = [(lesson.query[:limit], text[:limit]) for lesson in some for text in lesson.texts]
        tokens = tokenizer(
            well_formed([query for query, _ in pairs]),
            well_formed([text for _, text in pairs]),
            truncation="longest_first",
            max_length=config.max_tokens,
            padding=True,
            return_tensors="pt",
        )
        return model(**tokens).logits[:, 0]

    def figures(done: int, losses: Sequence[float]) -> None:
        model.eval()
        best: list[bool] = []
        with torch.no_grad():
            for start in range(0, len(held), config.batch):
                part = held[start : start + config.batch]
                by_lesson = logits(part).split([len(lesson.texts) for lesson in part])
                best += [int(found.argmax()) == 0 for found in by_lesson]
        model.train()
        loss = round(float(np.mean(losses)), 4) if losses else None
        first = round(float(np.mean(best)), 4) if best else None
        report({"step": done, "loss": loss, "right_text_first": first})

    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=0.01)
    rng = np.random.default_rng(config.seed)
    losses: list[float] = []
    figures(0, losses)
    done, began = 0, time.monotonic()
    while (share := _share(config, done, began)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = config.rate * schedule.height(share, WARM)
        chosen = [taught[i] for i in rng.integers(len(taught), size=config.batch)]
        found = logits(chosen)
        right = torch.cat([torch.eye(1, len(lesson.texts))[0] for lesson in chosen])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(found, right)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
        done += 1
        if done % config.every == 0:
            figures(done, losses[-config.every :])
    figures(done, losses[-config.every :])
    model.eval()
    model.save_pretrained(out)
    tokenizer.model_max_length = config.max_tokens
    tokenizer.save_pretrained(out)


def _body(transformers: Any, name: str) -> tuple[Any, Any]:
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(name)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(name, num_labels=1)
    # Hub, network, weight and configuration errors have no common base but Exception.
    except Exception as error:
        raise RerankerError(f"can't load {name!r}: {one_line(error)}; {hint(name)}") from error
    return tokenizer, model


def _share(config: RerankerConfig, done: int, began: float) -> float:
    return schedule.share(done, config.steps, time.monotonic() - began, config.minutes)
