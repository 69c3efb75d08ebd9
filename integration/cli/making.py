"""`clir evalset sample`, `pool`, `judge`, `agreement`, `export` and `import`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from opensearch_clir.cli.common import connection_options, open_client, print_json, report_errors
from opensearch_clir.clir import Clir
from opensearch_clir.errors import DataError
from opensearch_clir.evaluation.making.exchange import FORMATS

__all__ = ["agreement", "export", "import_", "judge", "pool", "sample"]

_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
_format = click.option(
    "--format", "kind", type=click.Choice(FORMATS), default="trec", show_default=True
)
_FILES = {"trec": "qrels.tsv", "quepid": "quepid.csv"}


@click.command()
@click.argument("index")
@click.option("--per-language", default=200, show_default=True, help="Documents of each language.")
@click.option("--languages", help="Only these, as fr,en; default: all of the index.")
@click.option("--seed", default=0, show_default=True, help="Of the draw.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder.")
@connection_options
@report_errors
def sample(
    index: str, per_language: int, languages: str | None, seed: int, out: Path, **connection: Any
) -> None:
    """Draw documents of each language from INDEX, as the beginning of a set.

    \b
    Example:
      clir evalset sample kb --per-language 200 --seed 1 --out sets/mine
    """
    from opensearch_clir.evaluation.making.sample import draw, write_sample
    from opensearch_clir.languages import canonical

    client, _ = open_client(**connection)
    codes = [canonical(code) for code in languages.split(",")] if languages else None
    drawn = draw(Clir(client, index), per_language, seed, codes)
    write_sample(drawn, out)
    counts = ", ".join(f"{code} {len(found)}" for code, found in drawn.documents.items())
    click.echo(f"{out}/corpus.jsonl: {counts}")
    if drawn.refused:
        click.echo(f"left out, white space in the id: {len(drawn.refused)} documents", err=True)
    click.echo(f"{out}/queries.tsv: have native speakers write their questions here")


@click.command()
@_folder
@click.argument("index")
@click.option("--depth", default=20, show_default=True, help="Hits of each system and language.")
@click.option("--seed", default=0, show_default=True, help="Of the order of judging.")
@connection_options
@report_errors
def pool(folder: Path, index: str, depth: int, seed: int, **connection: Any) -> None:
    """Collect candidates for the queries of DIR: of several systems, in every language of INDEX.

    May be repeated after queries were added; judgments are kept.

    \b
    Example:
      clir evalset pool sets/mine kb --depth 20
    """
    from opensearch_clir.evaluation.making.draft import read_draft
    from opensearch_clir.evaluation.making.pool import extend, make_pool

    draft = read_draft(folder)
    client, _ = open_client(**connection)
    made = make_pool(Clir(client, index), draft, depth, seed)
    candidates, documents = extend(draft, made)
    click.echo(f"{folder}/pool.jsonl: {candidates} new candidates, {documents} new documents")
    for system, count in made.found_by.items():
        click.echo(f"  {system}: {count} candidates, {made.only_by.get(system, 0)} by no other")


@click.command()
@_folder
@click.option("--judge", "name", help="Only this judge; default: the page asks for a name.")
@click.option("--port", default=0, help="Default: any free port.")
@report_errors
def judge(folder: Path, name: str | None, port: int) -> None:
    """Open a page on this machine where native speakers judge the candidates of DIR.

    Open the printed address in a browser; Ctrl-C ends. Nothing leaves the machine.

    \b
    Example:
      clir evalset judge sets/mine --judge ana
    """
    from opensearch_clir.evaluation.making.desk import Desk
    from opensearch_clir.evaluation.making.draft import read_draft
    from opensearch_clir.evaluation.making.server import JudgingServer

    with JudgingServer(Desk(read_draft(folder), name), port) as server:
        click.echo(f"{server.url}\nCtrl-C ends; every judgment is saved at once.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo(f"Judgments are in {folder}.")


@click.command()
@_folder
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@report_errors
def agreement(folder: Path, as_json: bool) -> None:
    """Say how far the judges of DIR agree, over all and by document language.

    \b
    Example:
      clir evalset agreement sets/mine
    """
    from opensearch_clir.evaluation.making.agreement import agreement as measure
    from opensearch_clir.evaluation.making.draft import read_draft
    from opensearch_clir.evaluation.making.judgments import read_judgments

    draft = read_draft(folder)
    languages = {document.id: document.lang for document in draft.documents.values()}
    found = measure(read_judgments(folder), languages)
    if as_json:
        print_json({part: figures.as_json() for part, figures in found.items()})
        return
    for part, figures in found.items():
        click.echo(f"{part}: {figures.candidates} candidates with two judges or more")
        if figures.candidates:
            click.echo(f"  alpha {_number(figures.alpha)}, all equal {_number(figures.equal)}")
        for judges, kappa in figures.kappa.items():
            click.echo(f"  kappa of {judges}: {_number(kappa)}")


@click.command()
@_folder
@_format
@click.option("--out", type=click.Path(path_type=Path), help="Default: a file in DIR.")
@report_errors
def export(folder: Path, kind: str, out: Path | None) -> None:
    """Write the judgments of DIR as one: the majority's grade, of equals the lower one.

    The format trec writes DIR/qrels.tsv, which makes DIR a set for `clir evaluate`.

    \b
    Example:
      clir evalset export sets/mine --format trec
    """
    from opensearch_clir.evaluation.making.combine import combine
    from opensearch_clir.evaluation.making.draft import read_draft, replace_text
    from opensearch_clir.evaluation.making.exchange import as_quepid, as_trec
    from opensearch_clir.evaluation.making.judgments import read_judgments

    draft = read_draft(folder)
    qrels = combine(read_judgments(folder), draft.queries)
    if not qrels:
        raise DataError(f"{folder} has no judgments: run `clir evalset judge {folder}`")
    target = out or folder / _FILES[kind]
    replace_text(target, as_trec(qrels) if kind == "trec" else as_quepid(qrels, draft))
    count = sum(map(len, qrels.values()))
    bare = [q for q in draft.queries if not any(g > 0 for g in qrels.get(q, {}).values())]
    click.echo(f"{target}: {count} judgments of {len(qrels)} queries")
    if bare:
        click.echo(
            f"Warning: {len(bare)} queries have no relevant document, which `clir evaluate` "
            f"refuses: {', '.join(bare[:10])}{' …' if len(bare) > 10 else ''}",
            err=True,
        )


@click.command(name="import")
@_folder
@click.argument("file", type=click.Path(path_type=Path))
@_format
@click.option("--judge", "name", required=True, help="In whose name the judgments count.")
@report_errors
def import_(folder: Path, file: Path, kind: str, name: str) -> None:
    """Add judgments made elsewhere to DIR, as those of one more judge.

    \b
    Example:
      clir evalset import sets/mine ratings.csv --format quepid --judge quepid
    """
    from opensearch_clir.evaluation.making.draft import read_draft
    from opensearch_clir.evaluation.making.exchange import from_quepid, from_trec
    from opensearch_clir.evaluation.making.judgments import JudgmentFile

    draft = read_draft(folder)
    found = from_trec(file, draft) if kind == "trec" else from_quepid(file, draft)
    target = JudgmentFile(folder, name)
    target.add(found.items())
    click.echo(f"{target.path}: {len(found)} judgments added")


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"
