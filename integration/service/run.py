"""Running the service: one process, or several workers, until it is told to end."""

from __future__ import annotations

import logging
import os
import signal
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from opensearch_clir.cli.common import open_client
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.service.app import make_app
from opensearch_clir.service.metrics import MULTIPROCESS
from opensearch_clir.service.options import ServeOptions, is_loopback, read_token
from opensearch_clir.service.work import Work

__all__ = ["Listen", "create", "serve"]

#: Where worker processes find their options.
_OPTIONS = "CLIR_SERVE_OPTIONS"

#: Seconds for which an idle connection is kept: longer than clients keep theirs, or a request of
#: theirs meets a connection that is just being closed.
_KEEP_ALIVE = 600

#: Seconds in which running requests may end when the service is stopped.
_GRACE = 30


@dataclass(frozen=True)
class Listen:
    """Where and how the service listens.

    Attributes:
        host, port: address; port 0 takes a free one.
        workers: processes.
        certificate, key: PEM files for TLS.
        client_ca: PEM file of authorities; clients must then show a certificate of theirs.
        open_to_all: whether a reachable address without token or client certificates is meant.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    open_to_all: bool = False

    def check(self, options: ServeOptions) -> None:
        """Refuse what would be unsafe or can't work.

        Raises:
            ConfigurationError: with the remedy.
        """
        if (self.certificate is None) != (self.key is None):
            raise ConfigurationError("TLS needs both --tls-cert and --tls-key")
        if self.client_ca is not None and self.certificate is None:
            raise ConfigurationError("--client-ca needs TLS: give --tls-cert and --tls-key")
        closed = options.token_file is not None or self.client_ca is not None
        if not closed and not is_loopback(self.host) and not self.open_to_all:
            raise ConfigurationError(
                f"{self.host} can be reached by others, and nothing says who they are: give "
                "--token-file or --client-ca, listen on 127.0.0.1, or say --no-auth"
            )


def serve(options: ServeOptions, listen: Listen) -> None:
    """Serve until SIGTERM or SIGINT; requests that are being answered are finished.

    Raises:
        ConfigurationError: unsafe or impossible options, or an unreadable token or certificate.
    """
    listen.check(options)
    read_token(options.token_file)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with tempfile.TemporaryDirectory(prefix="clir-metrics-") as shared:
        os.environ[_OPTIONS] = options.to_json()
        if listen.workers > 1:
            os.environ[MULTIPROCESS] = shared
        # The server ends by the signal that it was stopped by, which would be an error of ours.
        signal.signal(signal.SIGTERM, _ended)
        try:
            _run(listen)
        except (OSError, ssl.SSLError) as error:
            where = f"{listen.host}:{listen.port}"
            raise ConfigurationError(f"can't serve on {where}: {error}") from error


def _ended(number: int, frame: Any) -> None:
    raise SystemExit(0)


def _run(listen: Listen) -> None:
    uvicorn.run(
        f"{__name__}:create",
        factory=True,
        host=listen.host,
        port=listen.port,
        workers=listen.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
        ssl_certfile=listen.certificate,
        ssl_keyfile=None if listen.key is None else str(listen.key),
        ssl_ca_certs=None if listen.client_ca is None else str(listen.client_ca),
        ssl_cert_reqs=ssl.CERT_NONE if listen.client_ca is None else ssl.CERT_REQUIRED,
    )


def create() -> Starlette:
    """Return the app of one worker, with the options that `serve` left in the environment."""
    options = ServeOptions.from_json(os.environ[_OPTIONS])
    paths = {"password_file", "ca_certs", "config"}
    connection: dict[str, Any] = {
        name: Path(value) if name in paths and value is not None else value
        for name, value in options.connection.items()
    }

    def work() -> Work:
        client, settings = open_client(**connection)
        return Work(client, settings, options)

    return make_app(work, read_token(options.token_file))
