"""A gateway from its parts, run until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from opensearchpy import OpenSearch

from opensearch_clir.addresses import Address
from opensearch_clir.clir import Clir
from opensearch_clir.errors import ClirError, ConfigurationError
from opensearch_clir.gateway.app import App
from opensearch_clir.gateway.health import Health
from opensearch_clir.gateway.limits import Limits
from opensearch_clir.gateway.metrics import Metrics
from opensearch_clir.gateway.registry import Registry
from opensearch_clir.gateway.server import Gateway
from opensearch_clir.gateway.targets import Targets
from opensearch_clir.gateway.upstream import Upstream
from opensearch_clir.gateway.work import Work
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.query.rewrite import LEAST_PROBABILITY

__all__ = ["Listening", "Options", "client_tls", "run", "serve", "upstream_tls"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """How a gateway is run.

    Attributes:
        host, port: that clients connect to; port 0: one that the system chooses.
        health_host, health_port: that monitors connect to; None: there is no such port.
        limits: sizes and times.
        tls: for clients.
        upstream_tls: for nodes with ``https``.
        rewrite_host: whether the cluster sees its own name in ``Host``.
        threads: that rewrite and enrich.
        least: probability from which a rewritten query finds a document by meaning alone.
    """

    host: str = "127.0.0.1"
    port: int = 9290
    health_host: str = "127.0.0.1"
    health_port: int | None = 9291
    limits: Limits = field(default_factory=Limits)
    tls: ssl.SSLContext | None = None
    upstream_tls: ssl.SSLContext | None = None
    rewrite_host: bool = False
    threads: int = 4
    least: float = LEAST_PROBABILITY


@dataclass(frozen=True)
class Listening:
    """Where a gateway listens."""

    port: int
    health_port: int | None


async def serve(
    addresses: Sequence[Address],
    client: OpenSearch,
    options: Options,
    stop: asyncio.Event,
    ready: Callable[[Listening], None],
    open_clir: Callable[[str], Clir] | None = None,
) -> None:
    """Run a gateway until `stop` is set.

    Args:
        addresses: nodes of the cluster.
        client: connected with the gateway's own credentials, to read set-ups and statistics.
        options: how.
        stop: ends it, in order.
        ready: called once it listens.
        open_clir: makes the facade of an index; by default with `client`.

    Raises:
        ConfigurationError: it can't listen.
    """
    limits, metrics = options.limits, Metrics()
    said: list[str] = []
    loading = ["the models are being loaded"]

    def failed(reason: str) -> None:
        metrics.count("fallbacks")
        if reason not in said[-1:]:
            _log.warning("which indices are managed is not known: %s", reason)
        said[:] = [reason]

    with ThreadPoolExecutor(options.threads, "clir-gateway") as pool:
        targets = Targets(client, pool, failed, said.clear)
        registry = Registry(open_clir or (lambda name: Clir(client, name)), options.least)
        upstream = Upstream(addresses, options.upstream_tls, limits.connect)
        gateway = Gateway(
            upstream, App(Work(targets, registry, metrics, pool)), limits, metrics,
            options.tls, options.rewrite_host,
        )  # fmt: skip
        health = Health(gateway, lambda: next(iter([*said, *loading]), None))
        try:
            port = await gateway.start(options.host, options.port)
            health_port = None
            if options.health_port is not None:
                health_port = await health.start(options.health_host, options.health_port)
            await _warmed(targets, registry, pool)
            loading.clear()
            ready(Listening(port, health_port))
            await stop.wait()
        finally:
            await gateway.stop()
            await health.stop()


async def _warmed(targets: Targets, registry: Registry, pool: Executor) -> None:
    """Load models before the first request needs them; what can't be loaded is said now."""
    seen: list[IndexSchema] = []
    loop = asyncio.get_running_loop()
    for managed in (await targets.find("_all", "all")).managed:
        if managed.schema in seen:
            continue
        seen.append(managed.schema)
        try:
            await loop.run_in_executor(pool, registry.warm, managed.name, managed.schema)
        except ClirError as error:
            _log.warning("requests for %s pass unchanged: %s", managed.name, error)


def run(
    addresses: Sequence[Address],
    client: OpenSearch,
    options: Options,
    ready: Callable[[Listening], None],
) -> None:
    """Run a gateway until SIGINT or SIGTERM.

    Raises:
        ConfigurationError: it can't listen.
    """

    async def until_signalled() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, stop.set)
        await serve(addresses, client, options, stop, ready)

    asyncio.run(until_signalled())


def client_tls(certificate: Path, key: Path | None, authority: Path | None) -> ssl.SSLContext:
    """Return TLS for clients.

    Args:
        certificate: PEM file of the gateway's certificate and those that signed it.
        key: PEM file of its key; None: it is in the same file.
        authority: PEM file; clients must then show a certificate that it signed.

    Raises:
        ConfigurationError: a file can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
        if authority is not None:
            context.load_verify_locations(authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"the certificate for clients can't be used: {error}") from error
    return context


def upstream_tls(
    authority: Path | None,
    *,
    verify: bool,
    certificate: Path | None = None,
    key: Path | None = None,
) -> ssl.SSLContext:
    """Return TLS for the cluster.

    Args:
        authority: PEM file of who signed its certificates; None: the system's authorities.
        verify: whether certificates and names are verified.
        certificate: PEM file with a certificate and its key, where the cluster asks for one.

    Raises:
        ConfigurationError: a file can't be used.
    """
    try:
        context = ssl.create_default_context(cafile=None if authority is None else str(authority))
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"the certificates for the cluster can't be used: {error}"
        ) from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
