"""`clir gateway`: managed indices for clients that know nothing of us, before any cluster."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from opensearch_clir.addresses import parse_addresses
from opensearch_clir.cli.common import open_client, report_errors
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.query.rewrite import LEAST_PROBABILITY

__all__ = ["gateway"]

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_MIB = 1024 * 1024


def _in_groups(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options, in the order of the help page."""
    options = (
        click.option("--upstream", required=True, help="Address of the cluster; nodes by commas."),
        click.option("--listen", default="127.0.0.1:9290", show_default=True,
                     help="HOST:PORT for clients."),
        click.option("--health", default="127.0.0.1:9291", show_default=True,
                     help="HOST:PORT of /health, /ready and /metrics; none: no such port."),
        click.option("--username", help="User for set-ups and statistics (or CLIR_USERNAME)."),
        click.option("--password-file", type=_FILE, help="File with its password "
                     "(or CLIR_PASSWORD)."),
        click.option("--ca-certs", type=_FILE, help="PEM file of the authority that signed the "
                     "cluster's certificate."),
        click.option("--insecure", is_flag=True, help="Do not verify the cluster's certificate."),
        click.option("--upstream-cert", type=_FILE, help="PEM file of the certificate and key that "
                     "are shown to the cluster."),
        click.option("--tls-cert", type=_FILE, help="PEM file of the certificate for clients: they "
                     "then speak https."),
        click.option("--tls-key", type=_FILE, help="PEM file of its key."),
        click.option("--client-ca", type=_FILE, help="PEM file: clients must show a certificate "
                     "that it signed."),
        click.option("--rewrite-host", is_flag=True, help="Send the cluster its own name in Host, "
                     "as load balancers by name need it."),
        click.option("--max-body", type=click.IntRange(1), default=100, show_default=True,
                     help="MiB of a body that is looked into."),
        click.option("--memory", type=click.IntRange(1), default=512, show_default=True,
                     help="MiB of all bodies held at a time."),
        click.option("--max-connections", type=click.IntRange(1), default=1000, show_default=True,
                     help="Clients at a time."),
        click.option("--timeout", type=click.FloatRange(0, min_open=True), default=3600,
                     show_default=True, help="Seconds for the cluster to begin its answer."),
        click.option("--grace", type=click.FloatRange(0), default=30, show_default=True,
                     help="Seconds for running requests when it is stopped."),
        click.option("--threads", type=click.IntRange(1, 64), default=4, show_default=True,
                     help="Threads that rewrite and enrich."),
        click.option("--least", type=click.FloatRange(0, 1, min_open=True, max_open=True),
                     default=LEAST_PROBABILITY, show_default=True, help="Probability from which "
                     "rewritten queries find by meaning alone."),
        click.option("--config", type=_FILE, help="TOML file with settings (or CLIR_CONFIG)."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    epilog="""\b
Example:
  clir gateway --upstream https://search.example:9200 --username clir --password-file secret
  curl 'localhost:9290/kb/_search?q=machine+ne+se+connecte+pas'"""
)
@_in_groups
@report_errors
def gateway(
    upstream: str,
    listen: str,
    health: str,
    username: str | None,
    password_file: Path | None,
    ca_certs: Path | None,
    insecure: bool,
    upstream_cert: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    client_ca: Path | None,
    rewrite_host: bool,
    max_body: int,
    memory: int,
    max_connections: int,
    timeout: float,
    grace: float,
    threads: int,
    least: float,
    config: Path | None,
) -> None:
    """Stand before a cluster: searches of managed indices find documents in all languages, and
    documents written to them are enriched. Everything else passes as it is.

    Clients' own credentials go on to the cluster. Those given here only read set-ups, mappings and
    term statistics. Ctrl-C or SIGTERM lets running requests end first.
    """
    from opensearch_clir.gateway.limits import Limits
    from opensearch_clir.gateway.run import Listening, Options, client_tls, run, upstream_tls

    client, settings = open_client(
        url=upstream,
        username=username,
        password_file=password_file,
        ca_certs=ca_certs,
        insecure=insecure,
        config=config,
    )
    if tls_cert is None and (tls_key or client_ca):
        raise ConfigurationError("--tls-key and --client-ca need --tls-cert")
    limits = Limits(
        body=max_body * _MIB,
        memory=memory * _MIB,
        connections=max_connections,
        answer=timeout,
        grace=grace,
    )
    host, port = _place(listen, "--listen")
    options = Options(
        host=host,
        port=port,
        limits=limits,
        tls=None if tls_cert is None else client_tls(tls_cert, tls_key, client_ca),
        upstream_tls=upstream_tls(
            settings.ca_certs, verify=settings.verify_certs, certificate=upstream_cert
        ),
        rewrite_host=rewrite_host,
        threads=threads,
        least=least,
    )
    if health == "none":
        options = replace(options, health_port=None)
    else:
        health_host, health_port = _place(health, "--health")
        options = replace(options, health_host=health_host, health_port=health_port)
    addresses = parse_addresses(upstream)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)

    def say(listening: Listening) -> None:
        scheme = "http" if tls_cert is None else "https"
        click.echo(f"Gateway: {scheme}://{_name(host)}:{listening.port} -> {addresses[0].url}")
        if listening.health_port is not None:
            where = f"http://{_name(options.health_host)}:{listening.health_port}"
            click.echo(f"Health:  {where}/ready, {where}/metrics")

    run(addresses, client, options, say)


def _place(text: str, option: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigurationError(f"{option} {text!r}: write HOST:PORT, as 127.0.0.1:9290")
    return host.strip("[]"), int(port)


def _name(host: str) -> str:
    return f"[{host}]" if ":" in host else host
