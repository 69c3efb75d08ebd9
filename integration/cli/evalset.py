"""`clir evalset` and `clir evaluate check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from opensearch_clir.cli.common import print_json, report_errors
from opensearch_clir.cli.making import (
    agreement,
    export,
    import_,
    judge,
    pool,
    sample,
)
from opensearch_clir.evaluation.groups import GROUPINGS

if TYPE_CHECKING:
    from opensearch_clir.evaluation.check import Report

__all__ = ["check", "evalset"]

_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
_grouping = click.option(
    "--grouping",
    type=click.Choice(GROUPINGS),
    default="auto",
    show_default=True,
    help="What tells translations of one document: the field group, the ids, or nothing.",
)


@click.group()
def evalset() -> None:
    """Make and change evaluation sets.

    \b
    A set of your own, in this order:
      clir evalset sample kb --per-language 200 --out sets/mine
      (people write their questions into sets/mine/queries.tsv)
      clir evalset pool sets/mine kb --depth 20
      clir evalset judge sets/mine
      clir evalset export sets/mine --format trec
    """


for _command in (sample, pool, judge, agreement, export, import_):
    evalset.add_command(_command)


@evalset.command()
@_folder
@click.option("--seed", default=0, show_default=True, help="Which of the variants.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="New folder for the variant."
)
@_grouping
@report_errors
def thin(folder: Path, seed: int, out: Path, grouping: str) -> None:
    """Keep each text of DIR in one language only, and write that as a set.

    \b
    Example:
      clir evalset thin sets/helpdesk --seed 0 --out sets/helpdesk-thin0
    """
    from opensearch_clir.evaluation.read_set import read_set
    from opensearch_clir.evaluation.sets import write_set
    from opensearch_clir.evaluation.thin import thin as make_thin

    full = read_set(folder, grouping=grouping)
    thinned = make_thin(full, seed)
    write_set(thinned, out)
    click.echo(
        f"{out}: {len(thinned.documents)} of {len(full.documents)} documents, "
        f"{len(thinned.queries)} of {len(full.queries)} queries"
    )


@click.command()
@_folder
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@_grouping
@report_errors
def check(folder: Path, as_json: bool, grouping: str) -> None:
    """Say what the evaluation set DIR can show, and warn of what it can't.

    Ends with code 1 if the set is broken, 0 with warnings.

    \b
    Example:
      clir evaluate check sets/helpdesk
    """
    from opensearch_clir.evaluation.check import check as look_at
    from opensearch_clir.evaluation.read_set import read_set

    report = look_at(read_set(folder, grouping=grouping))
    if as_json:
        print_json(report.as_json())
    else:
        _show(report)


def _show(report: Report) -> None:
    targets = sorted({target for _, target in report.pairs})
    # A table that is too wide wraps in a narrow window, which beats columns of "…".
    console = Console(highlight=False)
    console.width = max(console.width, 6 * len(targets) + 10)
    head = (
        f"{report.name}: {report.documents} documents, {report.queries} queries, "
        f"{report.topics} topics"
    )
    console.print(Text(head))
    console.print(_languages(report))
    console.print(_pairs(report, targets))
    for warning in report.warnings:
        click.secho(f"Warning: {warning.message}", fg="yellow")
        for line in warning.evidence:
            click.echo(f"  {line}")


def _languages(report: Report) -> Table:
    table = _table("Topics of each query language, and those with relevant documents in …")
    table.add_column("lang")
    for name in ("documents", "queries", "topics", "own language", "others", "both"):
        table.add_column(name, justify="right")
    for language in sorted(report.asked.keys() | report.document_languages.keys()):
        documents = report.document_languages.get(language, 0)
        asked = report.asked.get(language)
        counts = (
            (asked.queries, asked.topics, asked.same, asked.cross, asked.both) if asked else [0] * 5
        )
        table.add_row(language, str(documents), *map(str, counts))
    return table


def _pairs(report: Report, targets: list[str]) -> Table:
    """One row for each query language, one column for each document language."""
    from opensearch_clir.evaluation.check import ENOUGH_TOPICS

    table = _table("Topics of each pair (row: query language, column: document language)")
    table.add_column("")
    for target in targets:
        table.add_column(target, justify="right", no_wrap=True)
    for source in sorted({source for source, _ in report.pairs}):
        found = [report.pairs.get((source, target)) for target in targets]
        counts = [pair.topics if pair else 0 for pair in found]
        cells = [Text(str(n), style="" if n >= ENOUGH_TOPICS else "yellow") for n in counts]
        table.add_row(source, *cells)
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 1))
