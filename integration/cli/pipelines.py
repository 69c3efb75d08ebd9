"""`clir pipelines install` and `clir pipelines uninstall`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from opensearch_clir.cli.common import (
    connection_options,
    finish_dry_run,
    open_client,
    print_json,
    report_errors,
)
from opensearch_clir.pipelines.bodies import Job

__all__ = ["pipelines"]

_JOBS: dict[str | None, tuple[Job, ...]] = {
    None: ("enrich", "rewrite"),
    "ingest": ("enrich",),
    "search": ("rewrite",),
}


@click.group()
def pipelines() -> None:
    """Make the cluster itself enrich documents and rewrite queries, for clients that know nothing.

    The cluster calls a running `clir serve` through ML Commons.
    """


@pipelines.command(
    epilog="Example: clir pipelines install kb --service http://clir.internal:8080 --dry-run"
)
@click.argument("index")
@click.option("--service", required=True, help="Address of `clir serve` as the cluster reaches it.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with the token that the service was started with.",
)
@click.option("--bundle", help="Share the pipelines of this index or alias, set up alike.")
@click.option("--only", type=click.Choice(["ingest", "search"]), help="Install only this one.")
@click.option(
    "--rerank",
    is_flag=True,
    help="Add a pipeline that also reranks, for requests with ?search_pipeline=clir-INDEX:rerank.",
)
@click.option("--timeout", default=10, show_default=True, type=click.IntRange(1), help="Seconds.")
@click.option("--dry-run", is_flag=True, help="Print the requests, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
@connection_options
@report_errors
def install(
    index: str,
    service: str,
    token_file: Path | None,
    bundle: str | None,
    only: str | None,
    rerank: bool,
    timeout: int,
    dry_run: bool,
    as_json: bool,
    **connection: Any,
) -> None:
    """Enrich what is written to INDEX, and let queries of all clients find by meaning.

    INDEX may be an alias; all indices behind it then share the pipelines. Your own final pipeline
    goes on running, before ours. Repeating the command changes nothing.
    """
    from opensearch_clir.pipelines import install as make
    from opensearch_clir.pipelines.bodies import Target
    from opensearch_clir.service.options import read_token

    if rerank and only == "ingest":
        raise click.UsageError("--rerank is about searching: leave out --only ingest")
    jobs: tuple[Job, ...] = (*_JOBS[only], "rerank") if rerank else _JOBS[only]
    target = Target(service, read_token(token_file), timeout)
    client, _ = open_client(**connection)
    plan = make(client, index, target, bundle=bundle, jobs=jobs, dry_run=dry_run)
    report = plan.to_json()
    if not as_json:
        for note in plan.notes:
            click.echo(f"Note: {note}.")
    if dry_run:
        finish_dry_run(report, as_json)
    elif as_json:
        print_json({**report, "applied": True})
    elif report["requests"]:
        click.echo(f"The cluster now calls {target.base} for {index}.")
    else:
        click.echo("Nothing was changed.")


@pipelines.command(epilog="Example: clir pipelines uninstall kb")
@click.argument("index")
@click.option("--dry-run", is_flag=True, help="Print the requests, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
@connection_options
@report_errors
def uninstall(index: str, dry_run: bool, as_json: bool, **connection: Any) -> None:
    """Give INDEX its own pipelines back, and remove ours where no other index uses them."""
    from opensearch_clir.pipelines import uninstall as take_back

    client, _ = open_client(**connection)
    removal = take_back(client, index, dry_run=dry_run)
    if not as_json:
        for note in removal.notes:
            click.echo(f"Note: {note}.")
    if dry_run:
        finish_dry_run(removal.to_json(), as_json)
    elif as_json:
        print_json({**removal.to_json(), "applied": True})
    else:
        click.echo(f"The cluster no longer calls a service for {index}.")
