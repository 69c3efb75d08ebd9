"""The files of a bi-encoder's run: its last checkpoint, and the finished model."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opensearch_clir.errors import ConfigurationError

__all__ = ["Saved", "check_empty", "last", "put"]

#: Written last into a checkpoint by the trainer; without it the checkpoint is unfinished.
STATE = "trainer_state.json"


@dataclass(frozen=True)
class Saved:
    """A checkpoint: its folder, and the steps and seconds that led to it."""

    folder: Path
    step: int
    seconds: float


def last(work: Path) -> Saved | None:
    """Return the last finished checkpoint in a folder, or None."""
    found = [_saved(path) for path in work.glob(f"checkpoint-*/{STATE}")]
    return max((saved for saved in found if saved), key=lambda saved: saved.step, default=None)


def _saved(path: Path) -> Saved | None:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        seconds = state["stateful_callbacks"]["Progress"]["attributes"]["seconds"]
        return Saved(path.parent, int(state["global_step"]), float(seconds))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # cut short while it was written


def check_empty(out: Path) -> None:
    """Check that a model can be put in a folder without anything being lost.

    Raises:
        ConfigurationError: there is something in it.
    """
    if out.is_dir() and any(out.iterdir()):
        raise ConfigurationError(f"{out} is not empty; name a new folder for the model")


def put(model: Any, out: Path) -> None:
    """Write a model of sentence-transformers; the folder appears complete or stays empty.

    Raises:
        OSError: it can't be written.
    """
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    # The library's card would quote training texts, which may be confidential.
    model.save_pretrained(str(part), create_model_card=False)
    if out.is_dir():
        out.rmdir()
    part.rename(out)
