"""`clir rewrite`: what becomes of a query that knows nothing of us."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from opensearch_clir.cli.common import connection_options, open_client, print_json, report_errors
from opensearch_clir.clir import Clir
from opensearch_clir.errors import QueryError
from opensearch_clir.query import rewrite as rewriting

__all__ = ["rewrite"]

#: Numbers of a vector that are shown.
SHOWN = 3


@click.command()
@click.argument("index")
@click.argument("query")
@click.option(
    "--least",
    default=rewriting.LEAST_PROBABILITY,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Probability from which a document is found by meaning alone.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value, with all numbers.")
@connection_options
@report_errors
def rewrite(index: str, query: str, least: float, as_json: bool, **connection: Any) -> None:
    """Show a QUERY before and after rewriting for INDEX; nothing is searched.

    QUERY is a query clause or a search body as JSON; - reads it from standard input.

    \b
    Example:
      clir rewrite kb '{"query_string": {"query": "la machine ne marche pas"}}'
    """
    before = _clause(sys.stdin.read() if query == "-" else query)
    client, settings = open_client(**connection)
    clir = Clir(client, index, query_detector=settings.query_detector)
    own = rewriting.OwnFields(client, index).read(clir.schema.namespace)
    after = rewriting.rewrite(before, clir, least=least, own_fields=own)
    if as_json:
        print_json({"before": before, "after": after, "rewritten": after is not before})
    elif after is before:
        click.echo("Left as it is: no free text that is searched by meaning.")
    else:
        click.echo("Before:")
        print_json(before)
        click.echo("After:")
        print_json(_shortened(after))


def _clause(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise QueryError(f"the query is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise QueryError("the query must be a JSON object")
    inner = value.get("query")
    return inner if isinstance(inner, dict) else value


def _shortened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        numbers = len(value) > SHOWN and all(isinstance(item, float) for item in value)
        if numbers:
            return [*value[:SHOWN], f"… {len(value)} numbers"]
        return [_shortened(item) for item in value]
    return value
