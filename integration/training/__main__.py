"""What ``clir train CONFIG OUT`` does: train or fine-tune a model, write its files."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from opensearch_clir.errors import ClirError, ConfigurationError

__all__ = ["leave", "main"]

#: Exit status of a process stopped by Ctrl-C: 128 and the number of SIGINT.
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Train by the configuration, write the model's files and return the exit status.

    Progress goes to stdout as JSON lines; an error is one line on stderr and status 1, Ctrl-C is
    status 130. Wrong arguments end the process with status 2.
    """
    parser = argparse.ArgumentParser(prog="clir train", description=__doc__)
    parser.add_argument("config", type=Path, help="TOML file, see docs/guides/training.md")
    parser.add_argument("out", type=Path, help="folder for the model's files")
    chosen = parser.parse_args(arguments)
    try:
        _train(chosen.config, chosen.out)
    except (ClirError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stopped:
        print(
            str(stopped)
            or "Stopped. The same command goes on from the last finished stage or saved step "
            "in the configuration's `work` folder.",
            file=sys.stderr,
        )
        return INTERRUPTED
    return 0


def _train(config_file: Path, out: Path) -> None:
    """Train and write; whatever is cheap to check is checked before the work starts."""
    _check_scipy()
    # Not above: these modules can't be imported without scipy.
    from opensearch_clir.training import artefact, config, facts, finetune, finetune_config, run
    from opensearch_clir.training.bi_encoder import train_bi_encoder
    from opensearch_clir.training.bi_encoder_config import BiEncoderConfig
    from opensearch_clir.training.reranker import train_reranker
    from opensearch_clir.training.reranker_config import RerankerConfig

    if finetune_config.asked(config_file):
        tuning = finetune_config.read(config_file)
        _make(out)
        finetune.tune(tuning, out, _print)
        _print({"stage": "done", "model": str(out)})
        return
    chosen = config.read_any(config_file)
    _make(out)
    if isinstance(chosen, RerankerConfig):
        try:
            train_reranker(chosen, out, _print)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("Stopped. Nothing was written.") from None
    elif isinstance(chosen, BiEncoderConfig):
        train_bi_encoder(chosen, out, _print)
    else:
        tokenizer, vectors = run.train(chosen, _print)
        artefact.write(out, tokenizer, vectors, facts.facts(chosen, vectors), chosen.seed)
    _print({"stage": "done", "model": str(out)})


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"can't make the folder {out}: {error.strerror}") from error


def _check_scipy() -> None:
    try:
        import scipy  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            "training needs scipy; run: pip install 'opensearch-clir[train]'"
        ) from error


def _print(row: Mapping[str, Any]) -> None:
    print(json.dumps(row), flush=True)


def leave(status: int) -> NoReturn:
    """End the process with this exit status."""
    if status == INTERRUPTED:
        # A thread that learns a vocabulary can't be stopped, and must not outlive the interpreter.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    leave(main())
