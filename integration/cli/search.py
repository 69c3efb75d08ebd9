"""`clir search` and `clir explain`."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from opensearch_clir.cli.common import connection_options, open_client, print_json, report_errors
from opensearch_clir.clir import Clir
from opensearch_clir.errors import QueryError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.query.explain import Explanation
from opensearch_clir.query.forms import FORMS
from opensearch_clir.query.highlight import snippets
from opensearch_clir.rerank.options import NONE, Rerank
from opensearch_clir.rerank.window import WINDOW

__all__ = ["explain", "search"]

#: Characters of a hit's text that are shown.
SNIPPET = 160
_language = click.option(
    "--lang", "languages", help="The question's language, if you know better: fr, or fr=0.7,en=0.3."
)


@click.command()
@click.argument("index")
@click.argument("query")
@click.option("--size", default=10, show_default=True, help="Hits to show.")
@click.option("--from", "from_", default=0, show_default=True, help="Hits to skip.")
@click.option("--filter", "filters", multiple=True, help="A query clause as JSON; repeatable.")
@click.option("--min-score", type=float, help="Least score, 0 to 1.")
@_language
@click.option(
    "--read", "read", help="Languages the reader reads: fr,en, or fr=1,en=0.8,*=0.1 by usefulness."
)
@click.option("--form", type=click.Choice(FORMS), default="auto", show_default=True,
              help="Form of the query.")  # fmt: skip
@click.option("--routing", help="Custom routing values, separated by commas.")
@click.option(
    "--feedback/--no-feedback",
    default=True,
    help="Whether likeness to the first hits counts, where the index's weights have it.",
)
@click.option(
    "--rerank",
    "reranker",
    metavar="NAME",
    help="Rerank the first hits: embedded-hits, embedded, a cross-encoder, https://HOST/PATH#MODEL "
    "or none. Default: as the index's weights say.",
)
@click.option("--rerank-window", default=WINDOW, show_default=True, help="Hits to rerank.")
@click.option(
    "--rerank-seconds", type=float, help="Time for the reranker; the rest stays as it is."
)
@click.option("--highlight", is_flag=True, help="Show where the question's words are found.")
@click.option("--json", "as_json", is_flag=True, help="Print the server's response.")
@connection_options
@report_errors
def search(
    index: str,
    query: str,
    size: int,
    from_: int,
    filters: tuple[str, ...],
    min_score: float | None,
    languages: str | None,
    read: str | None,
    form: str,
    routing: str | None,
    feedback: bool,
    reranker: str | None,
    rerank_window: int,
    rerank_seconds: float | None,
    highlight: bool,
    as_json: bool,
    **connection: Any,
) -> None:
    """Search INDEX with a question in any language.

    \b
    Example:
      clir search kb "comment réinitialiser la machine ?" --size 5
      clir search kb "warranty" --filter '{"term": {"product": "KX-410"}}'
      clir search kb "garantie" --read fr=1,en=0.8 --highlight
      clir search kb "garantie" --rerank embedded-hits
    """
    rerank = _rerank(reranker, rerank_window, rerank_seconds)
    client, settings = open_client(**connection)
    clir = Clir(client, index, query_detector=settings.query_detector)
    response = clir.search(
        query,
        size=size,
        from_=from_,
        filter=[_clause(text) for text in filters],
        min_score=min_score,
        languages=_languages(languages),
        languages_read=_read(read),
        form=form,
        routing=routing,
        feedback=feedback,
        rerank=rerank,
        **({"highlight": True} if highlight else {}),
        **({} if as_json else {"_source": True}),
    )
    if as_json:
        print_json(response)
    else:
        _show(response, clir.schema)


@click.command()
@click.argument("index")
@click.argument("query")
@click.option("--id", "document", help="Document to explain; default: the first hit.")
@_language
@click.option("--rerank", "reranker", metavar="NAME", help="As for `clir search`: what it adds.")
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON.")
@connection_options
@report_errors
def explain(
    index: str,
    query: str,
    document: str | None,
    languages: str | None,
    reranker: str | None,
    as_json: bool,
    **connection: Any,
) -> None:
    """Show why a document of INDEX has its score: languages, pair, weights, each evidence.

    \b
    Example:
      clir explain kb "comment réinitialiser la machine ?" --id reset.en
    """
    rerank = _rerank(reranker)
    client, settings = open_client(**connection)
    clir = Clir(client, index, query_detector=settings.query_detector)
    if document is None:
        found = clir.search(query, size=1, languages=_languages(languages), rerank=rerank)
        hits = found["hits"]["hits"]
        if not hits:
            raise QueryError(f"nothing found in {index!r}, so there is no hit to explain")
        document = hits[0]["_id"]
    explanation = clir.explain(query, document, languages=_languages(languages), rerank=rerank)
    if as_json:
        print_json(explanation.to_json())
    else:
        _show_explanation(explanation)


def _rerank(
    name: str | None, window: int = WINDOW, seconds: float | None = None
) -> Rerank | bool | None:
    if name is None or name == NONE:
        if window != WINDOW or seconds is not None:
            raise click.UsageError("--rerank-window and --rerank-seconds need --rerank")
        return None if name is None else False
    return Rerank(name, window, seconds=math.inf if seconds is None else seconds)


def _languages(text: str | None) -> str | dict[str, float] | None:
    if text is None or "=" not in text:
        return text
    return _numbers(text, f"--lang {text!r}: write fr, or fr=0.7,en=0.3")


def _read(text: str | None) -> list[str] | dict[str, float] | None:
    if text is None:
        return None
    if "=" not in text:
        return [code.strip() for code in text.split(",")]
    return _numbers(text, f"--read {text!r}: write fr,en, or fr=1,en=0.8,*=0.1")


def _numbers(text: str, problem: str) -> dict[str, float]:
    try:
        parts = (part.split("=") for part in text.split(","))
        return {code.strip(): float(number) for code, number in parts}
    except ValueError:
        raise QueryError(problem) from None


def _clause(text: str) -> dict[str, Any]:
    try:
        clause = json.loads(text)
    except ValueError as error:
        raise QueryError(f"--filter is not valid JSON ({error}): {text}") from None
    if not isinstance(clause, dict):
        raise QueryError(f"--filter must be a query clause, a JSON object: {text}")
    return clause


def _show(response: dict[str, Any], schema: IndexSchema) -> None:
    total = response["hits"]["total"]
    at_least = "at least " if total["relation"] == "gte" else ""
    click.echo(f"{at_least}{total['value']} candidates, {response['took']} ms")
    about = response.get("clir", {}).get("rerank")
    if about is not None:
        count = f"{about['rescored']} of {about['window']} hits"
        click.echo(f"{about['reranker']} reranked {count} in {about['ms']} ms")
        if "note" in about:
            click.echo(f"Note: {about['note']}.")
    if not response["hits"]["hits"]:
        click.echo("Nothing found.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    table.add_column("P", justify="right", min_width=5, no_wrap=True)
    table.add_column("lang", min_width=4, no_wrap=True)
    # An id is there to be copied: it wraps rather than being cut.
    table.add_column("id", overflow="fold", min_width=20)
    table.add_column("text", overflow="ellipsis", no_wrap=True, ratio=1)
    for hit in response["hits"]["hits"]:
        source = hit.get("_source", {})
        ours = source.get(schema.namespace, {})
        table.add_row(
            f"{hit['_score']:.3f}" if hit["_score"] is not None else "-",
            ours.get("lang", "-"),
            Text(hit["_id"]),
            _marked(hit) or Text(_snippet(source, schema)),
        )
    Console().print(table)


def _marked(hit: dict[str, Any]) -> Text | None:
    """Return the hit's best snippet with the found words in bold; None where there is none."""
    found = next(iter(snippets(hit)), None)
    if found is None:
        return None
    text = Text()
    for number, part in enumerate(re.split("</?em>", " ".join(found.split()))):
        text.append(part, style="bold" if number % 2 else "")
    return text


def _snippet(source: dict[str, Any], schema: IndexSchema) -> str:
    parts = []
    for field in schema.fields:
        value: Any = source
        for key in field.name.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, list):
            value = " ".join(str(item) for item in value)
        if value:
            parts.append(" ".join(str(value).split()))
    text = " · ".join(parts)
    return text if len(text) <= SNIPPET else text[: SNIPPET - 1] + "…"


def _show_explanation(explanation: Explanation) -> None:
    mix = ", ".join(
        f"{code} {p:.2f}"
        for code, p in sorted(explanation.query_languages.items(), key=lambda item: -item[1])
        if p >= 0.01
    )
    found = f"{explanation.probability:.4f}" if explanation.probability is not None else "not found"
    click.echo(f"document    {explanation.id} ({explanation.document_language})")
    click.echo(f"query in    {mix}")
    click.echo(f"pair        {explanation.pair}, same language with {explanation.matching:.2f}")
    click.echo(f"weights     {explanation.calibration}")
    click.echo(f"probability {found} (log-odds {explanation.log_odds:+.3f})")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("evidence", "field", "value", "weight", "log-odds"):
        table.add_column(name, justify="left" if name in ("evidence", "field") else "right")
    for note in explanation.notes:
        click.echo(f"note        {note}")
    for evidence in explanation.evidences:
        value = "no vector" if evidence.value is None else f"{evidence.value:.3f}"
        table.add_row(
            evidence.kind,
            evidence.field,
            value,
            f"{evidence.weight:.2f}",
            f"{evidence.log_odds:+.3f}",
        )
    Console().print(table)
