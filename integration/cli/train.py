"""`clir train`: an encoder or a reranker from parallel texts, pages, or one's own documents."""

from __future__ import annotations

from pathlib import Path

import click

from opensearch_clir.training.__main__ import leave, main

__all__ = ["train"]


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def train(config: Path, out: Path) -> None:
    """Train a static model by CONFIG, a TOML file, and write it to the folder OUT.

    A CONFIG with a `corpus` of your own documents fine-tunes the embedded model, or another `base`.
    One with a `kind` trains a transformer: "bi-encoder" an encoder, "cross-encoder" a reranker.
    Progress is printed as JSON lines. Stopped with Ctrl-C, the same command goes on from the last
    finished stage or checkpoint. OUT is then named as the encoder in the settings.

    \b
    Example:
      clir train train.toml my-model
    """
    leave(main([str(config), str(out)]))
