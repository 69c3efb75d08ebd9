"""Silence of the libraries that train transformers: progress is rows, and errors are raised."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet"]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers, datasets and their kin from printing."""
    from datasets.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )
    from transformers.utils import logging as library

    loggers = [logging.getLogger(name) for name in ("sentence_transformers", "accelerate")]
    levels = [logger.level for logger in loggers]
    level, bars = library.get_verbosity(), library.is_progress_bar_enabled()
    other_bars = not are_progress_bars_disabled()
    library.set_verbosity_error()
    library.disable_progress_bar()
    disable_progress_bars()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        library.set_verbosity(level)
        if bars:
            library.enable_progress_bar()
        if other_bars:
            enable_progress_bars()
        for logger, before in zip(loggers, levels, strict=True):
            logger.setLevel(before)
