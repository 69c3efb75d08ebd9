"""The state of a training run on disk, so that it can go on where it stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from opensearch_clir.errors import DataError
from opensearch_clir.training.static_model import Floats, Model, Optimiser

__all__ = ["State", "load", "save"]


@dataclass
class State:
    """Model and optimiser after `done` steps and `seconds` of stepping.

    ``turn`` (d, d) maps what the teacher says to the space of the model; empty: they are one.
    """

    model: Model
    optimiser: Optimiser
    done: int = 0
    seconds: float = 0.0
    turn: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))


def load(path: Path) -> State | None:
    """Return the saved state, or None where there is none.

    Raises:
        DataError: the file is no checkpoint.
    """
    if not path.exists():
        return None
    try:
        with np.load(path) as saved:
            optimiser = Optimiser(len(saved["gain"]))
            optimiser.moment, optimiser.gain_moment = saved["moment"], saved["gain_moment"]
            optimiser.count = saved["count"]
            model = Model(saved["direction"], saved["gain"])
            done, seconds = int(saved["done"]), float(saved["seconds"])
            return State(model, optimiser, done, seconds, saved["turn"])
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise DataError(f"{path} is no checkpoint ({error}); delete it to start anew") from error


def save(path: Path, state: State) -> None:
    """Write the state; the file is replaced at once, never half written.

    Raises:
        OSError: it can't be written.
    """
    part = path.with_suffix(".part.npz")
    np.savez(
        part,
        direction=state.model.direction,
        gain=state.model.gain,
        moment=state.optimiser.moment,
        gain_moment=state.optimiser.gain_moment,
        count=state.optimiser.count,
        done=state.done,
        seconds=state.seconds,
        turn=state.turn,
    )
    part.replace(path)
