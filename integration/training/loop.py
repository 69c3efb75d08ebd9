"""The steps of a training run: batches drawn ahead, rates that fall, checkpoints, figures."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

import numpy as np

from opensearch_clir.training import checkpoint, static_model
from opensearch_clir.training.checkpoint import State
from opensearch_clir.training.losses import Terms
from opensearch_clir.training.mixture import Batch
from opensearch_clir.training.sampling import Sampler
from opensearch_clir.training.schedule import share as run_share
from opensearch_clir.training.tokenized import Tokens

__all__ = ["Schedule", "figures", "steps"]

#: Share of a run before the rates begin to fall, linearly to 0.
WARM = 0.2


class Schedule(Protocol):
    """What a configuration says about steps, see `Config`."""

    @property
    def batch(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def minutes(self) -> float: ...
    @property
    def rate(self) -> float: ...
    @property
    def gain_rate(self) -> float: ...
    @property
    def scale(self) -> float: ...
    @property
    def every(self) -> int: ...


def steps(
    schedule: Schedule,
    state: State,
    sampler: Sampler,
    tokens: Tokens,
    saved: Path,
    terms: Terms,
) -> Iterator[deque[float]]:
    """Take the steps that are left; after each checkpoint yield the losses of up to 100 steps."""
    losses: deque[float] = deque(maxlen=100)
    began = monotonic() - state.seconds
    for batch in _ahead(sampler, schedule.batch, state.done):
        state.seconds = monotonic() - began
        share = run_share(state.done, schedule.steps, state.seconds, schedule.minutes)
        if share >= 1:
            break
        cooling = min(1.0, (1 - share) / (1 - WARM))
        rates = (schedule.rate * cooling, schedule.gain_rate * cooling)
        losses.append(
            static_model.step(
                state.model, state.optimiser, tokens, batch, *rates, schedule.scale, terms
            )
        )
        state.done += 1
        if state.done % schedule.every == 0:
            checkpoint.save(saved, state)
            yield losses
    if state.done % schedule.every:
        checkpoint.save(saved, state)
        yield losses


def _ahead(sampler: Sampler, size: int, step: int) -> Iterator[Batch]:
    """Yield batches from that of `step` on, the next being drawn while the last is used."""
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(sampler.batch, size, step)
        for following in count(step + 1):
            batch, upcoming = upcoming.result(), pool.submit(sampler.batch, size, following)
            yield batch


def figures(state: State, losses: deque[float]) -> dict[str, Any]:
    """Return steps, seconds and the mean loss, if there is any."""
    row: dict[str, Any] = {"step": state.done, "seconds": round(state.seconds)}
    if losses:
        row["loss"] = round(float(np.mean(losses)), 4)
    return row
