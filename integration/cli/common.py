"""What all commands share: connection options, one-line errors, JSON output."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from opensearchpy import OpenSearch

from opensearch_clir.cluster import connect
from opensearch_clir.errors import ClirError
from opensearch_clir.settings import Settings, load_settings

__all__ = ["connection_options", "open_client", "print_json", "report_errors"]

F = TypeVar("F", bound=Callable[..., Any])

_CONNECTION = [
    click.option("--url", help="Address of the cluster (or CLIR_URL, OPENSEARCH_URL)."),
    click.option("--username", help="User name (or CLIR_USERNAME, OPENSEARCH_USERNAME)."),
    click.option(
        "--password-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="File with the password (or CLIR_PASSWORD, OPENSEARCH_PASSWORD).",
    ),
    click.option(
        "--ca-certs",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="PEM file of the authority that signed the cluster's certificate.",
    ),
    click.option("--insecure", is_flag=True, help="Do not verify the cluster's certificate."),
    click.option(
        "--config",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="TOML file with settings (or CLIR_CONFIG).",
    ),
]


def connection_options(command: F) -> F:
    """Add the connection options to a command; hand them on to `open_client` as they are."""
    for option in reversed(_CONNECTION):
        command = option(command)
    return command


def open_client(
    *,
    url: str | None = None,
    username: str | None = None,
    password_file: Path | None = None,
    ca_certs: Path | None = None,
    insecure: bool = False,
    config: Path | None = None,
    **settings: Any,
) -> tuple[OpenSearch, Settings]:
    """Return a client and the settings from options, environment and file.

    Without an address anywhere, the running local server (`clir up`) is used.

    Raises:
        ConfigurationError: settings are wrong.
        LocalServerError: no address was given and no local server runs.
    """
    password = password_file.read_text(encoding="utf-8").rstrip("\r\n") if password_file else None
    chosen = load_settings(
        config,
        url=url,
        username=username,
        password=password,
        ca_certs=ca_certs,
        verify_certs=False if insecure else None,
        **settings,
    )
    standard = {
        name: os.environ.get(f"OPENSEARCH_{name.upper()}")
        for name in ("url", "username", "password", "ca_certs")
        if getattr(chosen, name) is None
    }
    if any(standard.values()):
        # Values that were resolved above are passed again, so that they still win.
        chosen = load_settings(
            config,
            **{name: getattr(chosen, name) for name in chosen.model_fields_set},
            **{name: value for name, value in standard.items() if value},
        )
    if chosen.url is not None:
        return connect(chosen, chosen.url), chosen
    from opensearch_clir.local import running

    return running().client(), chosen


def report_errors(command: F) -> F:
    """Print an error of ours without a traceback and end with code 1; Ctrl-C ends with 130."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except ClirError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            sys.exit(130)

    return run  # type: ignore[return-value]


def print_json(value: Any) -> None:
    """Write one JSON value to standard output, readable by people and programs."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
