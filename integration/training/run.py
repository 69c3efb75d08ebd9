"""Train a static model: vocabulary, token cache, starting point, steps; resumable."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.training import (
    checkpoint,
    evaluate_knn,
    evening,
    loop,
    lsi,
    regression,
    signals,
    static_model,
    text_languages,
    unrelated,
)
from opensearch_clir.training.checkpoint import State
from opensearch_clir.training.config import Config
from opensearch_clir.training.losses import Lessons, Terms
from opensearch_clir.training.sampling import Sampler
from opensearch_clir.training.static_model import Floats, Model, Optimiser
from opensearch_clir.training.teacher import lessons_of
from opensearch_clir.training.tokenized import Tables, Tokens
from opensearch_clir.training.workspace import Report, claim, token_cache, vocabulary_of

__all__ = ["train"]


def _silent(_: Mapping[str, Any]) -> None:
    """Report nothing."""


def train(config: Config, report: Report = _silent) -> tuple[Tokenizer, Floats]:
    """Return the tokenizer and the piece vectors (V, d); go on from what `work` holds already.

    Vocabulary, token cache and checkpoint are each reused where they exist: an empty `work`
    starts anew. A run that goes on from a checkpoint ends with the same vectors as one that was
    never stopped, unless `config.minutes` limits it.

    Args:
        report: is given a row for each stage, and one every `config.every` steps.

    Raises:
        ConfigurationError: a folder is missing, or `work` was used with other settings.
        DataError: a corpus file is malformed or there is none; a file in `work` is damaged.
    """
    sets = [] if config.eval is None else evaluate_knn.read_sets(config.eval)
    claim(config)
    tokenizer = vocabulary_of(config, report)
    tokens, tables = token_cache(config, tokenizer, report)
    tables = signals.kept(unrelated.split(tables)[0], config.mixture.shares)
    sampler = Sampler(tables, config.mixture, config.seed)
    taught = lessons_of(config, tokens, tables, report)
    saved = config.work / "checkpoint.npz"
    state = checkpoint.load(saved)
    if state is None:
        report({"stage": "start", "kind": config.start})
        state = _start(config, tokens, tables, tokenizer.get_vocab_size(), taught, report)
        checkpoint.save(saved, state)
    elif len(state.model.gain) != tokenizer.get_vocab_size():
        raise ConfigurationError(f"{saved} is of another vocabulary; empty {config.work}")

    def progress(losses: deque[float]) -> None:
        # Folding costs time and memory, for nothing where there are no sets.
        scores = _scores(static_model.folded(state.model), sets, tokenizer) if sets else {}
        report({**loop.figures(state, losses), **scores})

    progress(deque())
    if taught is not None:
        taught = taught.turned(state.turn)
    langs = None
    if config.debias or config.balanced:
        langs = text_languages.of_texts(tables, len(tokens.starts) - 1)
    terms = Terms(taught, None, langs, config.debias, config.balanced)
    for losses in loop.steps(config, state, sampler, tokens, saved, terms):
        progress(losses)
    vectors = static_model.folded(state.model)
    if config.text_evenness or config.common:
        turn = evening.of_texts(
            vectors, tokens, tables, config.text_evenness, config.common, config.seed
        )
        vectors = vectors @ turn
        report({"stage": "evened", **_scores(vectors, sets, tokenizer)})
    return tokenizer, vectors


def _start(
    config: Config,
    tokens: Tokens,
    tables: Tables,
    size: int,
    lessons: Lessons | None,
    report: Report,
) -> State:
    """Return a model of the configured directions and SIF weights, before the first step."""
    counts = lsi.piece_counts(tokens, size)
    share = counts / max(counts.sum(), 1)
    gain = np.log(config.sif / (config.sif + share)).astype(np.float32)
    if config.start == "teacher" and lessons is not None:
        weights = np.exp(gain)
        direction = regression.initial(tokens, tables, lessons, weights, config.seed, report)
        if config.sif_after:
            gain += np.log(config.sif_after / (config.sif_after + share)).astype(np.float32)
        turn = evening.of_rows(direction, np.exp(gain), config.evenness)
        return State(Model(direction @ turn, gain), Optimiser(size), turn=turn)
    if config.start == "lsi":
        direction = lsi.initial(tokens, tables, size, config.dimension, config.seed)
    else:
        rng = np.random.default_rng(config.seed)
        direction = rng.standard_normal((size, config.dimension), dtype=np.float32)
        direction /= np.float32(np.sqrt(config.dimension))
    return State(Model(direction, gain), Optimiser(size))


def _scores(
    vectors: Floats, sets: list[evaluate_knn.EvalSet], tokenizer: Tokenizer
) -> dict[str, dict[str, float]]:
    """Return nDCG@10 of each set."""
    encode = evaluate_knn.encode(tokenizer, vectors)
    found = {data.name: evaluate_knn.figures(data, encode)["all"] for data in sets}
    return {
        name: {view: round(value, 4) for view, value in scores.items()}
        for name, scores in found.items()
    }
