"""The group of all commands."""

from __future__ import annotations

import logging
import sys

try:
    import click

    from opensearch_clir import __version__
    from opensearch_clir.cli.calibrate import calibrate
    from opensearch_clir.cli.common import Commands
    from opensearch_clir.cli.evalset import evalset
    from opensearch_clir.cli.evaluate import evaluate
    from opensearch_clir.cli.gateway import gateway
    from opensearch_clir.cli.ingest import enrich, index
    from opensearch_clir.cli.local import down, status, up
    from opensearch_clir.cli.pipelines import pipelines
    from opensearch_clir.cli.report import report
    from opensearch_clir.cli.rewrite import rewrite
    from opensearch_clir.cli.search import explain, search
    from opensearch_clir.cli.serve import serve
    from opensearch_clir.cli.setup import setup, uninstall
    from opensearch_clir.cli.synthesize import synthesize
    from opensearch_clir.cli.train import train
except KeyboardInterrupt:
    # Loading the commands takes half a second, in which nothing else would catch a Ctrl-C.
    sys.stderr.write("Interrupted.\n")
    sys.exit(130)

__all__ = ["main"]


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="clir")
def main() -> None:
    """Cross-lingual search in the OpenSearch cluster you already run.

    \b
    A first round on a local server:
      clir up
      clir setup kb --fields title^2,text
      clir index kb corpus.jsonl
      clir search kb "la machine ne se connecte pas au wifi"
    """
    # The client logs every refusal; ours are told once, as errors.
    logging.getLogger("opensearch").setLevel(logging.ERROR)


_SERVER = (up, down, status)
_INDEX = (setup, uninstall, index, enrich, search, explain)
_QUALITY = (calibrate, evaluate, report, evalset, synthesize, train)
_DROP_IN = (rewrite, serve, pipelines, gateway)

for _command in (*_SERVER, *_INDEX, *_QUALITY, *_DROP_IN):
    main.add_command(_command)
