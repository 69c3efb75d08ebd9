"""`clir calibrate`: choosing the weights of an index, its history, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from opensearch_clir.calibration.bundle import Bundle, Trial
from opensearch_clir.calibration.reranking import Reranking
from opensearch_clir.cli.common import connection_options, open_client, print_json, report_errors
from opensearch_clir.clir import Clir
from opensearch_clir.progress import to_stream
from opensearch_clir.rerank.options import MAX_WINDOW, NONE
from opensearch_clir.rerank.registry import EMBEDDED_HITS
from opensearch_clir.rerank.window import WINDOW

__all__ = ["calibrate"]


@click.command()
@click.argument("index")
@click.option(
    "--set", "folder", metavar="DIR", type=click.Path(path_type=Path),
    help="Evaluation set whose document ids are in INDEX; without it, the corpus alone is used.",
)  # fmt: skip
@click.option(
    "--prevalence", type=float, metavar="P",
    help="Share of the documents that answer a question, 0 to 1; only without --set.",
)  # fmt: skip
@click.option(
    "--reranker",
    metavar="NAME",
    help="Weigh this reranker, too: embedded-hits, embedded, a cross-encoder, "
    "https://HOST/PATH#MODEL or none. Default: embedded-hits, if there is a --set.",
)
@click.option(
    "--rerank-window",
    default=WINDOW,
    show_default=True,
    type=click.IntRange(1, MAX_WINDOW),
    help="First hits of each question that the reranker scores.",
)
@click.option("--seed", default=0, show_default=True, help="Of samples and folds.")
@click.option("--dry-run", is_flag=True, help="Choose and show, but store nothing.")
@click.option("--history", is_flag=True, help="List the stored bundles, the latest first.")
@click.option("--rollback", metavar="ID", help="Use this bundle again, or 'built-in'.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
@connection_options
@report_errors
def calibrate(
    index: str,
    folder: Path | None,
    prevalence: float | None,
    reranker: str | None,
    rerank_window: int,
    seed: int,
    dry_run: bool,
    history: bool,
    rollback: str | None,
    as_json: bool,
    **connection: Any,
) -> None:
    """Choose the weights by which INDEX is searched, and store them in the cluster.

    Every choice is cross-validated by topic against leaving everything alone; the simplest that is
    as good as the best wins. Documents are not touched.

    \b
    Example:
      clir calibrate kb --set sets/helpdesk
      clir calibrate kb --set sets/helpdesk --reranker none
      clir calibrate kb --history
      clir calibrate kb --rollback built-in
    """
    if history + (rollback is not None) + (folder is not None or dry_run) > 1:
        raise click.UsageError("--history, --rollback and calibrating exclude one another")
    client, settings = open_client(**connection)
    clir = Clir(client, index, query_detector=settings.query_detector)
    if history:
        _history(clir.bundles(), as_json)
        return
    if rollback is not None:
        clir.rollback(rollback)
        if as_json:
            print_json({"index": index, "active": rollback})
        else:
            click.echo(f"{index} is searched with {_what(rollback)} now.")
        return
    found = clir.calibrate(
        folder,
        prevalence=prevalence,
        dry_run=dry_run,
        reranker=False if reranker == NONE else reranker,
        window=rerank_window,
        seed=seed,
        progress=to_stream(),
    )
    if as_json:
        print_json(found.to_json())
        return
    on = found.fitted_on
    click.echo(
        f"From {on.source}{f' of {on.name}' if on.name else ''}: {on.queries} questions, "
        f"{on.topics} topics, {on.relevant} relevant documents"
    )
    if found.trials:
        _trials(found.trials, found.chosen)
    click.echo(f"Chosen: {found.chosen}")
    if found.feedback_trials:
        _trials(found.feedback_trials, found.feedback)
        click.echo(f"Chosen: {found.feedback}")
    if found.reranking is not None:
        _trials(found.reranking.trials, found.reranking.chosen)
        click.echo(f"Reranker {reranker or EMBEDDED_HITS}: {_weighs(found.reranking)}.")
    for note in found.notes:
        click.echo(f"Note: {note}.")
    if found.bundle is not None:
        where = "active in the cluster" if found.stored else "dry run, nothing was stored"
        click.echo(f"Bundle {found.bundle.id}: {where}.")


def _weighs(found: Reranking) -> str:
    stage = found.stage
    if stage is None:
        return "leaving it out is as good"
    own, other = stage.matching.weight, stage.non_matching.weight
    return (
        f"a standard deviation of its scores weighs {own:.2f} in one language, {other:.2f} across"
    )


def _what(id_: str) -> str:
    return "the built-in parameters" if id_ == "built-in" else f"bundle {id_}"


def _history(bundles: list[tuple[Bundle, bool]], as_json: bool) -> None:
    if as_json:
        print_json([{**bundle.to_json(), "active": active} for bundle, active in bundles])
        return
    if not any(active for _, active in bundles):
        click.echo("The built-in parameters are active.")
    table = _table()
    for name in ("", "bundle", "made", "from", "questions", "chosen"):
        table.add_column(name, overflow="fold")
    for bundle, active in bundles:
        on = bundle.fitted_on
        source = f"{on.source} {on.name}".strip()
        table.add_row(
            "*" if active else "",
            bundle.id,
            bundle.created[:16].replace("T", " "),
            source,
            str(on.queries),
            bundle.chosen,
        )
    if bundles:
        Console(highlight=False).print(table)


def _trials(trials: tuple[Trial, ...], chosen: str) -> None:
    table = _table()
    table.title = "Held-out, 5 folds by topic; below the best ± standard error of the difference"
    table.title_justify = "left"
    for name in ("", "candidate", "nDCG@10", "below best", "log loss", "above best", "first hits"):
        justify = "left" if name in ("", "candidate") else "right"
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for trial in trials:
        table.add_row(
            "*" if trial.name == chosen else "",
            trial.name,
            f"{trial.ndcg:.4f}",
            f"{trial.ndcg_behind:.4f} ± {trial.ndcg_error:.4f}",
            f"{trial.loss:.3f}",
            f"{trial.loss_behind:.3f} ± {trial.loss_error:.3f}",
            "" if trial.shown is None else f"{trial.shown:.3f}",
        )
    console = Console(highlight=False)
    # A table that is too wide wraps in a narrow window, which beats columns of "…".
    console.width = max(console.width, 100)
    console.print(table)


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 1))
