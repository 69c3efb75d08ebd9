"""What all commands share: connection options, one-line errors, JSON output."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click
from opensearchpy import OpenSearch

from opensearch_clir.cluster import connect
from opensearch_clir.errors import ClirError, ConfigurationError, DataError
from opensearch_clir.settings import Settings, load_settings

__all__ = [
    "Commands",
    "connection_options",
    "finish_dry_run",
    "open_client",
    "print_json",
    "report_errors",
]

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
    password = _password(password_file) if password_file else None
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


def _password(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigurationError(
            f"can't read the password file {file}: {error.strerror}"
        ) from error
    except UnicodeDecodeError:
        # Its text, and so the chain, would show a byte of the password.
        raise ConfigurationError(f"the password file {file} is not UTF-8 text") from None


class Commands(click.Group):
    """A group that tells a full disk or a closed pipe in one line, in its help texts too."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command as click does; then make sure that its output has left."""
        with _output_errors():
            try:
                return super().main(*args, **kwargs)
            finally:
                # At its own exit Python would flush with a traceback and an exit code of its own.
                sys.stdout.flush()


@contextlib.contextmanager
def _output_errors() -> Iterator[None]:
    """Turn an error of the file system into one line and exit code 1; a closed pipe is quiet."""
    try:
        yield
    except BrokenPipeError:  # the reader has left, as `head` does
        _discard_output()
        sys.exit(1)
    except OSError as error:
        _discard_output()
        where = error.filename or "can't write the output"
        click.echo(f"Error: {where}: {error.strerror or error}", err=True)
        sys.exit(1)


def _discard_output() -> None:
    """Drop what standard output can't take, which Python would try to write again at its end."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):  # a stream without a file underneath
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def report_errors(command: F) -> F:
    """Print an error of ours without a traceback and end with code 1; Ctrl-C ends with 130.

    Errors of the file system, such as a full disk, are one line, too; a closed pipe is none.
    """

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            with _output_errors():
                return command(*args, **kwargs)
        except ClirError as error:
            # A malformed file is told with all its problems, one a line; all else is one line.
            text = str(error) if isinstance(error, DataError) else " ".join(str(error).split())
            click.echo(f"Error: {text}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            sys.exit(130)

    return run  # type: ignore[return-value]


def print_json(value: Any) -> None:
    """Write one JSON value to standard output, readable by people and programs."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def finish_dry_run(report: dict[str, Any], as_json: bool) -> None:
    """Print what would be sent: ``requests`` of a report, or the report as JSON."""
    if as_json:
        print_json({**report, "applied": False})
        return
    for line in _requests(report["requests"]):
        click.echo(line)
    click.echo("Dry run: nothing was sent.")


def _requests(requests: Iterable[dict[str, Any]]) -> Iterable[str]:
    """Yield the requests in the form that Dashboards' console takes."""
    for request in requests:
        yield f"\n{request['method']} {request['path']}"
        if request["body"] is not None:
            yield json.dumps(request["body"], ensure_ascii=False, indent=2)
    yield ""
