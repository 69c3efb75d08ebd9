"""`clir setup` and `clir uninstall`."""

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
from opensearch_clir.debias.method import METHODS
from opensearch_clir.language.registry import detector_names
from opensearch_clir.progress import to_stream
from opensearch_clir.setup.migrate import MigrationResult
from opensearch_clir.setup.plan import SetupPlan
from opensearch_clir.setup.run import Options, carry_out, prepare
from opensearch_clir.setup.uninstall import uninstall as take_back

__all__ = ["setup", "uninstall"]


@click.command(epilog="Example: clir setup kb --fields title^2,body --languages en,fr,de --dry-run")
@click.argument("index")
@click.option("--fields", help="Fields to search in, with weights 1 to 9: title^2,body.")
@click.option("--languages", help="Languages that get a field of their own: en,fr,de.")
@click.option("--encoder", help="'embedded', or a sentence-transformers model.")
@click.option("--query-prompt", help="Text before each query, for encoders that take one.")
@click.option("--passage-prompt", help="Text before each passage.")
@click.option("--debias", help=f"What is done to vectors: {METHODS}.")
@click.option("--debias-sample", type=click.Path(path_type=Path), help="Texts to fit that on.")
@click.option("--detector", type=click.Choice(detector_names()), help="Guesses document languages.")
@click.option("--lang-field", help="Field with the documents' own language tag.")
@click.option("--group-field", help="Field that translations of one document share.")
@click.option("--namespace", help="Name of the object that holds our fields (default clir).")
@click.option("--exact", is_flag=True, help="Compare all vectors one by one: works without k-NN.")
@click.option("--migrate", is_flag=True, help="Copy an index without k-NN into a new one.")
@click.option("--to", help="Name of that new index.")
@click.option("--delete-old", is_flag=True, help="Delete the old index, its name goes to the new.")
@click.option("--activate", is_flag=True, help="Query the new encoder's vectors at once.")
@click.option("--no-templates", is_flag=True, help="Install no component templates.")
@click.option("--dry-run", is_flag=True, help="Print the requests, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
@connection_options
@report_errors
def setup(
    index: str,
    exact: bool,
    migrate: bool,
    to: str | None,
    delete_old: bool,
    activate: bool,
    no_templates: bool,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Prepare INDEX for cross-lingual search, or create it.

    Your own fields, mappings and pipelines stay as they are. Repeating the command changes
    nothing; in an index that was set up before, only what you name anew changes.
    """
    _check_usage(exact, migrate, to, delete_old)
    client, settings = open_client(**options)
    decisions = Options(
        exact=exact,
        migrate=migrate,
        to=to,
        delete_old=delete_old,
        activate=True if activate else None,
        templates=not no_templates,
    )
    plan = prepare(client, index, settings, options=decisions)
    if not as_json:
        _show(plan)
    if dry_run:
        finish_dry_run(plan.to_json(), as_json)
        return
    outcome = carry_out(client, plan, progress=to_stream())
    remaining = outcome.remaining if isinstance(outcome, MigrationResult) else None
    if not as_json:
        click.echo("Nothing was changed." if plan.case == "current" else "Done.")
        if remaining:
            click.echo(remaining)
        return
    schema = outcome.schema if isinstance(outcome, MigrationResult) else outcome
    report: dict[str, Any] = {**plan.to_json(), "schema": schema.to_meta(), "applied": True}
    if isinstance(outcome, MigrationResult):
        report["copied"] = vars(outcome.copied)
        report |= {"switched": outcome.switched, "remaining": remaining}
    print_json(report)


@click.command(epilog="Example: clir uninstall kb --dry-run")
@click.argument("index")
@click.option("--dry-run", is_flag=True, help="Print the requests, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
@connection_options
@report_errors
def uninstall(index: str, dry_run: bool, as_json: bool, **options: Any) -> None:
    """Take the set-up of INDEX back; documents are not touched."""
    client, _ = open_client(**options)
    plan = take_back(client, index, dry_run=dry_run)
    if not as_json:
        for note in plan.notes:
            click.echo(f"Note: {note}")
    if dry_run:
        finish_dry_run(plan.to_json(), as_json)
    elif as_json:
        print_json({**plan.to_json(), "applied": True})
    else:
        click.echo(f"{index} is no longer set up for cross-lingual search.")


def _check_usage(exact: bool, migrate: bool, to: str | None, delete_old: bool) -> None:
    if exact and migrate:
        raise click.UsageError("--exact and --migrate exclude each other")
    if (to or delete_old) and not migrate:
        raise click.UsageError("--to and --delete-old belong to --migrate")


def _show(plan: SetupPlan) -> None:
    click.echo(f"Case {plan.case}. {plan.summary}")
    click.echo(f"Cost: {plan.cost}")
    for note in plan.notes:
        click.echo(f"Note: {note}.")
