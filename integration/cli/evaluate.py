"""`clir evaluate DIR` and `clir evaluate check DIR`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from opensearch_clir.cli.common import connection_options, open_client, report_errors
from opensearch_clir.cli.evalset import check
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.progress import to_stream

__all__ = ["evaluate"]


class _Group(click.Group):
    """A group whose first word is a folder unless it names a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Group)
def evaluate() -> None:
    """Measure search quality across languages, against stock OpenSearch on the same index.

    \b
    Example:
      clir evaluate sets/helpdesk --json result.json
      clir evaluate check sets/helpdesk
    """


@evaluate.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--systems", default="bm25,bm25-lang,knn,hybrid,rrf,clir", show_default=True,
    help="Systems to compare.",
)  # fmt: skip
@click.option(
    "--measures", default="nDCG@10,R@100", show_default=True, help="Names of ir_measures."
)
@click.option("--encoder", help="Encoder for all systems; default: the embedded one.")
@click.option("--folds", default=5, show_default=True, help="Folds, by topic, for cross-fitting.")
@click.option("--seed", default=0, show_default=True, help="Of folds, samples and resamples.")
@click.option("--full", is_flag=True, help="All topics of each pair, not a sample of 60.")
@click.option("--resamples", default=10_000, show_default=True, help="Of the bootstrap.")
@click.option(
    "--parameters", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JSON file with fusion parameters, used instead of cross-fitted ones.",
)  # fmt: skip
@click.option("--thin", type=int, help="Evaluate this one-language-per-group variant of the set.")
@click.option("--json", "json_out", type=click.Path(path_type=Path), help="Write the result here.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a report page here.")
@click.option("--runs", type=click.Path(path_type=Path), help="Write TREC runs to this folder.")
@connection_options
@report_errors
def run(
    folder: Path,
    systems: str,
    measures: str,
    encoder: str | None,
    folds: int,
    seed: int,
    full: bool,
    resamples: int,
    parameters: Path | None,
    thin: int | None,
    json_out: Path | None,
    html: Path | None,
    runs: Path | None,
    **connection: Any,
) -> None:
    """Run all systems on the evaluation set DIR, on a throw-away index.

    \b
    Example:
      clir evaluate sets/helpdesk --json result.json --html result.html
    """
    try:
        from opensearch_clir.evaluation.evaluate import evaluate as evaluate_set
        from opensearch_clir.evaluation.experiment import Options
        from opensearch_clir.evaluation.read_set import read_set
        from opensearch_clir.evaluation.report.page import write_report
        from opensearch_clir.evaluation.report.read import Result
        from opensearch_clir.evaluation.runs import write_run
        from opensearch_clir.evaluation.thin import thin as make_thin
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"evaluation needs {error.name}: pip install 'opensearch-clir[evaluation]'"
        ) from error
    evaluation_set = read_set(folder)
    if thin is not None:
        evaluation_set = make_thin(evaluation_set, thin)
    client, settings = open_client(**connection, encoder=encoder)
    options = Options(
        systems=tuple(systems.split(",")),
        measures=tuple(measures.split(",")),
        folds=folds,
        seed=seed,
        pair_topics=None if full else 60,
        parameters=_parameters(parameters),
    )
    found, measured = evaluate_set(
        client, evaluation_set, settings, options, resamples=resamples, progress=to_stream()
    )
    if runs is not None:
        runs.mkdir(parents=True, exist_ok=True)
        for name, m in measured.items():
            write_run(m.run, runs / f"{name}.trec", name)
    if json_out is not None:
        text = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
        json_out.write_text(text, encoding="utf-8")
    if html is not None:
        write_report([Result(found, str(folder))], html)
    _show(found)


evaluate.add_command(check)


def _parameters(path: Path | None) -> Any:
    from opensearch_clir.calibration.parameters import Parameters

    if path is None:
        return None
    try:
        return Parameters.from_json(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ConfigurationError(f"{path} is not valid JSON: {error}") from error


def _show(found: dict[str, Any]) -> None:
    console = Console(highlight=False)
    facts = found["set"]
    console.print(
        f"{facts['name']}: {facts['documents']} documents, {facts['queries']} queries, "
        f"{facts['topics']} topics, {len(facts['languages'])} languages"
    )
    measures = list(next(iter(found["systems"].values()))["pooled"])
    for measure in measures:
        table = Table(title=f"{measure} (95% interval)", title_justify="left", box=box.SIMPLE_HEAD)
        table.add_column("system")
        for name in ("pooled", "same", "cross", "same-lang share@10", "p50 ms"):
            table.add_column(name, justify="right")
        for name, figures in found["systems"].items():
            share = figures.get("same_language_share@10") or {}
            table.add_row(
                name,
                *(_interval(figures[place][measure]) for place in ("pooled", "same", "cross")),
                f"{share.get('value', 0):.2f}",
                str(figures.get("latency_ms", {}).get("p50", "")),
            )
        console.print(table)
    for name, differences in found["paired"].items():
        difference = differences["pooled"][measures[0]]
        console.print(
            f"{name} {measures[0]} pooled: {difference['diff']:+.3f} "
            f"[{difference['low']:+.3f}, {difference['high']:+.3f}], "
            f"p {difference['p']:.4f}: {difference['verdict']}"
        )
    for name, figures in found["systems"].items():
        for line in _probabilities(name, figures.get("probabilities", {})):
            console.print(line, soft_wrap=True)


def _probabilities(system: str, depths: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each depth and class: how far scores are from being probabilities."""
    for depth, classes in depths.items():
        for kind, figures in classes.items():
            if figures["slope"] is None:
                continue
            error = figures["ece"]
            verdict = {True: "on target", False: "off target", None: "few relevant hits"}
            yield (
                f"{system} probabilities, first {depth}, {kind.replace('_', '-')}: calibration "
                f"error {error['value']:.3f} [{error['low']:.3f}, {error['high']:.3f}], slope "
                f"{figures['slope']:.2f}, intercept {figures['intercept']:+.2f}, Brier skill "
                f"{figures['brier_skill']:+.2f}: {verdict[figures['on_target']]}"
            )


def _interval(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return "-"
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"
