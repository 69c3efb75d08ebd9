"""`clir report`."""

from __future__ import annotations

from pathlib import Path

import click

from opensearch_clir.cli.common import report_errors

__all__ = ["report"]


@click.command()
@click.argument(
    "results", metavar="RESULT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--html", required=True, type=click.Path(path_type=Path), help="The page to write.")
@click.option(
    "--no-text", is_flag=True, help="Leave out queries and titles, for a page that is shared."
)
@report_errors
def report(results: tuple[Path, ...], html: Path, no_text: bool) -> None:
    """Make one HTML page of the JSON files that `clir evaluate --json` wrote.

    The page needs no network and can be sent as it is.

    \b
    Example:
      clir report helpdesk.json --html helpdesk.html
      clir report benchmarks/results/*.json --html all.html --no-text
    """
    from opensearch_clir.evaluation.report.page import write_report
    from opensearch_clir.evaluation.report.read import read_result

    write_report([read_result(path) for path in results], html, texts=not no_text)
    click.echo(f"{html}: {len(results)} result{'s' if len(results) > 1 else ''}")
