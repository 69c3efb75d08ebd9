"""`clir synthesize`: questions for passages, asked of a language model."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from opensearch_clir.cli.common import print_json, report_errors

__all__ = ["synthesize"]

#: Exit status of a process stopped by Ctrl-C: 128 and the number of SIGINT.
INTERRUPTED = 130


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--dry-run", is_flag=True, help="Say what would be asked, with a prompt; send nothing."
)
@report_errors
def synthesize(config: Path, dry_run: bool) -> None:
    """Ask a language model for questions about passages, by CONFIG, a TOML file.

    The rows go to the room `questions` of the data folder, for `clir train`. Progress is printed
    as JSON lines. Answers are kept: stopped with Ctrl-C or by its budget, the same command goes on
    where it was, and nothing is paid twice.

    \b
    Example:
      clir synthesize synthesis.toml --dry-run
      clir synthesize synthesis.toml
    """
    # Not above: it loads what no other command needs.
    from opensearch_clir.training.synthesis import config as configuration
    from opensearch_clir.training.synthesis import run

    chosen = configuration.read(config)
    if dry_run:
        print_json(run.planned(chosen))
        return
    try:
        _print({"stage": "done", **run.synthesize(chosen, _print)})
    except KeyboardInterrupt:
        click.echo("Stopped. Answers are kept; the same command goes on.", err=True)
        sys.exit(INTERRUPTED)


def _print(row: Mapping[str, Any]) -> None:
    click.echo(json.dumps(row, ensure_ascii=False))
    sys.stdout.flush()
