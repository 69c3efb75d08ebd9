"""`clir index` and `clir enrich`: documents from files into the index, or through a pipe."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from opensearchpy import OpenSearch

from opensearch_clir.cli.common import (
    connection_options,
    open_client,
    print_json,
    report_errors,
)
from opensearch_clir.clir import open_encoder
from opensearch_clir.debias.store import with_debias
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.ingest.bulk import Report, WriteInterrupted, write
from opensearch_clir.ingest.duplicates import first_of_each_id
from opensearch_clir.ingest.pipeline import Enricher
from opensearch_clir.ingest.readers import FORMATS, Format, read
from opensearch_clir.ingest.records import Record
from opensearch_clir.ingest.rejected import DeadLetters, Rejected
from opensearch_clir.language.registry import load_detector
from opensearch_clir.progress import to_stream
from opensearch_clir.setup.read import read_schema, write_index

__all__ = ["enrich", "index"]

_FORMAT = click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="Format of the input; found from the name and the first line by default.",
)
_DEAD_LETTERS = click.option(
    "--dead-letters",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write rejected documents with their reasons to this file, one JSON object a line.",
)
_BATCH = click.option(
    "--batch",
    type=click.IntRange(1),
    default=256,
    show_default=True,
    help="Documents encoded at once.",
)
_ALLOW = click.option(
    "--allow-rejected", is_flag=True, help="End with exit code 0 even if documents were rejected."
)


@click.command(
    epilog="""\b
Example:
  clir index kb articles.jsonl.gz --dead-letters rejected.jsonl
  zcat export.ndjson.gz | clir index kb - --format bulk"""
)
@click.argument("index", metavar="INDEX")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@_FORMAT
@click.option(
    "--id-field", default="id", show_default=True, help="Field or column with the document's id."
)
@_DEAD_LETTERS
@_BATCH
@click.option(
    "--concurrency",
    type=click.IntRange(1, 32),
    default=2,
    show_default=True,
    help="Requests in flight.",
)
@click.option("--no-refresh", is_flag=True, help="Leave it to the server when searches see them.")
@_ALLOW
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@connection_options
@report_errors
def index(
    index: str,
    files: tuple[str, ...],
    format_: Format | None,
    id_field: str,
    dead_letters: Path | None,
    batch: int,
    concurrency: int,
    no_refresh: bool,
    allow_rejected: bool,
    as_json: bool,
    **connection: Any,
) -> None:
    """Enrich the documents of FILEs (JSON lines, bulk bodies, CSV; - for standard input) and write
    them to INDEX.

    Documents with the same id are replaced, so that an interrupted run can simply be repeated.
    """
    _check_paths(files, dead_letters)
    client, _ = open_client(**connection)
    write_index(client, index)  # an alias may have none, which is better known before the work
    enricher = _enricher(client, read_schema(client, index), index, batch)
    records = itertools.chain.from_iterable(read(f, format_, id_field) for f in files)
    enriched = enricher.enrich_records(first_of_each_id(records))
    with DeadLetters(dead_letters) as letters:
        try:
            report = write(
                client,
                to_stream()(enriched, label="documents"),
                index=index,
                concurrency=concurrency,
                refresh=not no_refresh,
                on_rejected=letters,
            )
        except WriteInterrupted as interrupted:
            _print_summary(interrupted.report, enricher, as_json, dead_letters)
            click.echo(str(interrupted), err=True)
            sys.exit(130)
    try:
        _print_summary(report, enricher, as_json, dead_letters)
    except OSError:
        click.echo(f"{report.indexed:,} documents are in.", err=True)
        raise
    if letters.total and not allow_rejected:
        sys.exit(1)


@click.command(
    epilog="""\b
Example:
  clir enrich kb < articles.jsonl | my-writer
  clir enrich kb --format bulk < body.ndjson |
    curl -sH 'Content-Type: application/x-ndjson' localhost:9200/kb/_bulk --data-binary @-"""
)
@click.argument("index", metavar="INDEX")
@_FORMAT
@_DEAD_LETTERS
@_BATCH
@_ALLOW
@connection_options
@report_errors
def enrich(
    index: str,
    format_: Format | None,
    dead_letters: Path | None,
    batch: int,
    allow_rejected: bool,
    **connection: Any,
) -> None:
    """Enrich what comes in on standard input for INDEX, and write it to standard output.

    Nothing is sent to the index; only its set-up is read. JSON lines and CSV come out as JSON
    lines, bulk bodies as bulk bodies. Rejected documents are left out, and counted on standard
    error.
    """
    client, _ = open_client(**connection)
    enricher = _enricher(client, read_schema(client, index), index, batch)
    records = read("-", format_, make_ids=False)
    with DeadLetters(dead_letters) as letters:
        for result in enricher.enrich_records(records):
            if isinstance(result, Rejected):
                letters(result)
            else:
                _emit(result)
    if letters.total:
        click.echo(_rejections(letters.counts, dead_letters), err=True)
        if not allow_rejected:
            sys.exit(1)


def _enricher(client: OpenSearch, schema: IndexSchema, index: str, batch: int) -> Enricher:
    detector = load_detector(schema.detector, schema.languages)
    encoder = with_debias(client, schema.generation, open_encoder(schema, index), index)
    return Enricher(schema, encoder, detector, batch)


def _check_paths(files: tuple[str, ...], dead_letters: Path | None) -> None:
    if dead_letters and any(
        f != "-" and Path(f).resolve() == dead_letters.resolve() for f in files
    ):
        raise ConfigurationError(
            f"{dead_letters} is both input and --dead-letters: it would be emptied unread"
        )


def _emit(record: Record) -> None:
    """Write one document, or one operation of a bulk body, and let it go on at once."""
    parts: list[Mapping[str, Any]] = []
    if record.is_bulk:
        ids = {} if record.id is None else {"_id": record.id}
        parts.append({record.op: {**record.meta, **ids}})
    if record.source is not None:
        parts.append(record.source)
    for part in parts:
        click.echo(json.dumps(part, ensure_ascii=False, separators=(",", ":")))


def _rejections(counts: Mapping[str, int], dead_letters: Path | None) -> str:
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    listed = "".join(f"\n  {n:,} × {kind}" for kind, n in ranked)
    where = f"kept in {dead_letters}" if dead_letters else "keep them with --dead-letters FILE"
    return f"{sum(counts.values()):,} rejected ({where}):{listed}"


def _print_summary(
    report: Report, enricher: Enricher, as_json: bool, dead_letters: Path | None
) -> None:
    total = report.seconds["total"]
    stages = dict(enricher.seconds)
    stages["read"] = max(0.0, report.seconds["input"] - sum(stages.values()))
    stages["server"] = report.seconds["server"]
    rate = report.indexed / total if total else 0.0
    if as_json:
        print_json(
            {
                "indexed": report.indexed,
                "rejected": dict(report.rejected),
                "unsent": report.unsent,
                "retries": report.retries,
                "documents_per_second": round(rate, 1),
                "seconds": {k: round(v, 3) for k, v in {**stages, "total": total}.items()},
            }
        )
        return
    times = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in stages.items())
    click.echo(
        f"{report.indexed:,} indexed, {sum(report.rejected.values()):,} rejected; "
        f"{rate:,.0f} documents/s; {total:.1f} s (waiting for: {times})"
    )
    if report.rejected:
        click.echo(_rejections(report.rejected, dead_letters))
