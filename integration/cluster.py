"""Connecting to a cluster, and its refusals as errors of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy import exceptions as server

from opensearch_clir.addresses import parse_addresses
from opensearch_clir.errors import (
    ClusterAuthError,
    ClusterError,
    ClusterReadOnlyError,
    ClusterUnreachableError,
    IndexClosedError,
    IndexMissingError,
)
from opensearch_clir.settings import Settings

__all__ = ["as_clir_error", "connect", "deepest_cause", "guarded"]

#: How the transport shows itself in front of its reasons.
_OBJECT = re.compile(r"^(<[^>]*>|\w+\([^)]*\)): ")


def connect(settings: Settings, url: str) -> OpenSearch:
    """Return a client for the cluster at `url` with the settings' credentials and TLS options.

    Nothing is sent yet. Certificates are verified unless the settings say otherwise.

    Args:
        settings: their user name and password beat those in the address.
        url: see `parse_addresses`; several nodes are separated by commas.

    Raises:
        ConfigurationError: the address is malformed.
    """
    addresses = parse_addresses(url)
    # More connections than a service has threads; they are opened when needed.
    options: dict[str, Any] = {"timeout": settings.timeout, "max_retries": 2, "pool_maxsize": 32}
    username, password = settings.username, None
    if settings.password is not None:
        password = settings.password.get_secret_value()
    for address in addresses:
        username = address.username if username is None else username
        password = address.password if password is None else password
    if username is not None and password is not None:
        options["http_auth"] = (username, password)
    if any(address.scheme == "https" for address in addresses):
        options["verify_certs"] = settings.verify_certs
        options["ssl_show_warn"] = False
        if settings.ca_certs is not None:
            options["ca_certs"] = str(settings.ca_certs)
    return OpenSearch(hosts=[a.to_host() for a in addresses], http_compress=True, **options)


@contextmanager
def guarded(doing: str) -> Iterator[None]:
    """Turn the client's exceptions inside the block into this package's.

    Args:
        doing: what was being done, for the message: ``"searching 'docs'"``.

    Raises:
        ClusterError: or the subclass that fits.
    """
    try:
        yield
    except server.OpenSearchException as error:
        raise as_clir_error(error, doing) from error


def as_clir_error(error: server.OpenSearchException, doing: str) -> ClusterError:
    """Return the error of ours that says what happened, where, and what to do."""
    if isinstance(error, server.SSLError) and "WRONG_VERSION_NUMBER" in str(error):
        return ClusterUnreachableError(
            f"{doing}: the port does not speak TLS; if it is the right one, use http://"
        )
    if isinstance(error, server.SSLError):
        return ClusterUnreachableError(
            f"{doing}: the cluster's certificate was not accepted ({_short(error)}); "
            "give its authority with --ca-certs"
        )
    if isinstance(error, server.ConnectionError):
        return ClusterUnreachableError(
            f"{doing}: no answer from the cluster ({_short(error)}); "
            "check the address and that it runs (`clir status`, `clir up`)"
        )
    if not isinstance(error, server.TransportError):
        return ClusterError(f"{doing}: {_short(error)}")
    kind, reason = _cause(error)
    if error.status_code == 401:
        return ClusterAuthError(f"{doing}: wrong or missing user name or password")
    if kind == "cluster_block_exception" or "read-only" in reason:
        return ClusterReadOnlyError(
            f"{doing}: blocked for writing ({reason}); free disk space or remove the "
            "index.blocks.* setting"
        )
    if error.status_code == 403:
        return ClusterAuthError(f"{doing}: this user lacks a permission ({reason})")
    if kind == "index_not_found_exception":
        return IndexMissingError(f"{doing}: {reason}; create it with `clir setup INDEX`")
    if kind == "index_closed_exception":
        return IndexClosedError(f"{doing}: the index is closed ({reason}); open it first")
    return ClusterError(f"{doing}: the server answered {error.status_code} {kind}: {reason}")


def _cause(error: server.TransportError) -> tuple[str, str]:
    info = error.info if isinstance(error.info, dict) else {}
    cause = info.get("error", {})
    if not isinstance(cause, dict):
        return str(error.error), str(cause or error.error)
    return deepest_cause({"type": error.error, **cause})


def deepest_cause(cause: Mapping[str, Any]) -> tuple[str, str]:
    """Return type and reason of the deepest cause in an ``error`` object of the server."""
    kind, reason = str(cause.get("type")), str(cause.get("reason", ""))
    for root in cause.get("root_cause") or []:
        kind, reason = str(root.get("type", kind)), str(root.get("reason", reason))
        break
    inner = cause.get("caused_by") or {}
    while isinstance(inner, dict) and inner:
        more = str(inner.get("reason") or "")
        # The server often repeats a reason on every level.
        reason = reason if more in reason else f"{reason}: {more}".removeprefix(": ")
        inner = inner.get("caused_by") or {}
    return kind, reason or kind


def _short(error: Exception) -> str:
    """First line of an error's text, without the chain of library objects behind it."""
    text = (str(getattr(error, "error", None) or error).splitlines() or [""])[0]
    if "BadStatusLine" in text or "RemoteDisconnected" in text or "Connection aborted" in text:
        return (
            "the connection was closed without a usable answer; a port that speaks TLS? "
            "Then use https://"
        )
    text = _OBJECT.sub("", text)
    return text if len(text) <= 200 else text[:200] + "…"
