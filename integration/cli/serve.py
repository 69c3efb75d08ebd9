"""`clir serve`: the HTTP service that a cluster's pipelines call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from opensearch_clir.cli.common import connection_options, report_errors
from opensearch_clir.encoders.registry import EMBEDDED
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.query.rewrite import LEAST_PROBABILITY

__all__ = ["serve"]

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(epilog="Example: clir serve --host 0.0.0.0 --token-file /run/secrets/clir-token")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@click.option("--index", "indices", multiple=True, help="Serve only this one (may be repeated).")
@click.option("--token-file", type=_FILE, help="File with the token that callers must send.")
@click.option("--tls-cert", type=_FILE, help="Certificate chain, PEM.")
@click.option("--tls-key", type=_FILE, help="Its key, PEM.")
@click.option("--client-ca", type=_FILE, help="Callers must have a certificate of this authority.")
@click.option("--no-auth", is_flag=True, help="Let anyone call who can reach the address.")
@click.option(
    "--least",
    default=LEAST_PROBABILITY,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Probability from which rewritten queries find by meaning alone.",
)
@click.option(
    "--reranker",
    default=EMBEDDED,
    show_default=True,
    metavar="NAME",
    help="embedded, or a cross-encoder by its folder or name.",
)
@click.option("--max-body", default=32, show_default=True, type=click.IntRange(1), help="MiB.")
@click.option("--max-waiting", default=256, show_default=True, type=click.IntRange(1), help="MiB.")
@click.option("--batch", default=64, show_default=True, type=click.IntRange(1, 4096))
@click.option("--request-seconds", default=30.0, show_default=True, help="For one request.")
@connection_options
@report_errors
def serve(
    host: str,
    port: int,
    workers: int,
    indices: tuple[str, ...],
    token_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    client_ca: Path | None,
    no_auth: bool,
    least: float,
    reranker: str,
    max_body: int,
    max_waiting: int,
    batch: int,
    request_seconds: float,
    **connection: Any,
) -> None:
    """Serve enrichment and query rewriting over HTTP, for the cluster's own pipelines.

    Stops on SIGTERM or Ctrl-C, after the requests in work. `clir pipelines install` makes a
    cluster call it.
    """
    try:
        from opensearch_clir.service.options import Limits, ServeOptions
        from opensearch_clir.service.run import Listen
        from opensearch_clir.service.run import serve as run
    except ImportError as error:
        raise ConfigurationError(
            f"the service needs {error.name}: pip install 'opensearch-clir[service]'"
        ) from None
    mebibyte = 1024 * 1024
    options = ServeOptions(
        connection={k: str(v) if isinstance(v, Path) else v for k, v in connection.items()},
        indices=indices,
        token_file=None if token_file is None else str(token_file.resolve()),
        least=least,
        reranker=reranker,
        limits=Limits(
            body=max_body * mebibyte,
            waiting=max_waiting * mebibyte,
            batch=batch,
            seconds=request_seconds,
        ),
    )
    run(options, Listen(host, port, workers, tls_cert, tls_key, client_ca, no_auth))
