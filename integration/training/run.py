"""Train the embedded model: vocabulary, token cache, starting point, steps; resumable."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from opensearch_clir.training import (
    checkpoint,
    evaluate_knn,
    lsi,
    static_model,
    tokenized,
    unrelated,
    vocabulary,
)
from opensearch_clir.training.checkpoint import State
from opensearch_clir.training.config import Config
from opensearch_clir.training.mixture import Batch
from opensearch_clir.training.sampling import Sampler
from opensearch_clir.training.static_model import Floats, Model, Optimiser

__all__ = ["train"]


def train(config: Config) -> tuple[Tokenizer, Floats]:
    """Return the tokenizer and the piece vectors (V, d); go on from what `work` holds already.

    Vocabulary, token cache and checkpoint are each reused where they exist: an empty `work`
    starts anew. Prints a JSON line every `config.every` steps.

    Raises:
        DataError: a corpus file is malformed.
    """
    config.work.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(config)
    cache, saved = config.work / "tokens", config.work / "checkpoint.npz"
    if not (cache / "files.json").exists():
        tokenized.build(config.data, tokenizer, cache)
    tokens, tables = tokenized.load(cache)
    tables, _ = unrelated.split(tables)
    state = checkpoint.load(saved)
    if state is None:
        state = _start(config, tokens, tables, tokenizer.get_vocab_size())
    sampler = Sampler(tables, config.mixture, config.seed + state.done)
    sets = _sets(config.eval)
    _report(state, 0.0, sets, tokenizer)
    losses: deque[float] = deque(maxlen=100)
    began = monotonic() - state.seconds
    for batch in _ahead(sampler, config.batch):
        state.seconds = monotonic() - began
        share = state.done / config.steps
        if config.minutes:
            share = max(share, state.seconds / 60 / config.minutes)
        if share >= 1:
            break
        cooling = min(1.0, (1 - share) / 0.8)  # the rate stays for a fifth, then falls to 0
        rates = (config.rate * cooling, config.gain_rate * cooling)
        losses.append(
            static_model.step(state.model, state.optimiser, tokens, batch, *rates, config.scale)
        )
        state.done += 1
        if state.done % config.every == 0:
            _report(state, float(np.mean(losses)), sets, tokenizer)
            checkpoint.save(saved, state)
    _report(state, float(np.mean(losses or [0.0])), sets, tokenizer)
    checkpoint.save(saved, state)
    return tokenizer, static_model.folded(state.model)


def _ahead(sampler: Sampler, size: int) -> Iterator[Batch]:
    """Yield batches for ever, the next one being drawn while the last is used."""
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(sampler.batch, size)
        while True:
            batch, upcoming = upcoming.result(), pool.submit(sampler.batch, size)
            yield batch


def _tokenizer(config: Config) -> Tokenizer:
    path = config.work / "tokenizer.json"
    if not path.exists():
        texts = vocabulary.texts_by_language(config.data)
        sample = vocabulary.balanced(
            texts, config.vocabulary_texts, config.vocabulary_exponent, config.seed
        )
        vocabulary.learn(sample, config.vocabulary).save(str(path), pretty=False)
    return Tokenizer.from_file(str(path))


def _start(config: Config, tokens: tokenized.Tokens, tables: tokenized.Tables, size: int) -> State:
    """Return a model of LSI (or random) directions and SIF weights, before the first step."""
    counts = lsi.piece_counts(tokens, size)
    share = counts / max(counts.sum(), 1)
    gain = np.log(config.sif / (config.sif + share)).astype(np.float32)
    if config.start == "lsi":
        direction = lsi.initial(tokens, tables, size, config.dimension, config.seed)
    else:
        rng = np.random.default_rng(config.seed)
        direction = rng.standard_normal((size, config.dimension), dtype=np.float32)
        direction /= np.float32(np.sqrt(config.dimension))
    return State(Model(direction, gain), Optimiser(size))


def _sets(folder: Path | None) -> list[evaluate_knn.EvalSet]:
    if folder is None:
        return []
    return [evaluate_knn.read_set(path) for path in sorted(folder.iterdir()) if path.is_dir()]


def _report(
    state: State, loss: float, sets: list[evaluate_knn.EvalSet], tokenizer: Tokenizer
) -> None:
    """Print one progress line as JSON."""
    run = evaluate_knn.encode(tokenizer, static_model.folded(state.model))
    row: dict[str, Any] = {"step": state.done, "seconds": round(state.seconds)}
    row["loss"] = round(loss, 4)
    for data in sets:
        scores = evaluate_knn.figures(data, run)["all"]
        row[data.name] = {view: round(value, 4) for view, value in scores.items()}
    print(json.dumps(row), flush=True)
