"""Connecting to a cluster, and its refusals as errors of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy import exceptions as server

from opensearch_clir.errors import (
    ClusterAuthError,
    ClusterError,
    ClusterReadOnlyError,
    ClusterUnreachableError,
    IndexClosedError,
    IndexMissingError,
)
from opensearch_clir.settings import Settings

__all__ = ["as_clir_error", "connect", "guarded"]


def connect(settings: Settings, url: str) -> OpenSearch:
    """Return a client for the cluster at `url` with the settings' credentials and TLS options.

    Nothing is sent yet. Certificates are verified unless the settings say otherwise.
    """
    options: dict[str, Any] = {"timeout": settings.timeout, "max_retries": 2}
    if settings.username is not None and settings.password is not None:
        options["http_auth"] = (settings.username, settings.password.get_secret_value())
    if url.startswith("https"):
        options["verify_certs"] = settings.verify_certs
        options["ssl_show_warn"] = False
        if settings.ca_certs is not None:
            options["ca_certs"] = str(settings.ca_certs)
    return OpenSearch(hosts=[url], http_compress=True, **options)


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
    """Return type and reason of the deepest cause that the server names."""
    info = error.info if isinstance(error.info, dict) else {}
    cause = info.get("error", {})
    if not isinstance(cause, dict):
        return str(error.error), str(cause or error.error)
    kind, reason = str(cause.get("type", error.error)), str(cause.get("reason", ""))
    for root in cause.get("root_cause") or []:
        kind, reason = str(root.get("type", kind)), str(root.get("reason", reason))
        break
    inner = cause.get("caused_by") or {}
    while isinstance(inner, dict) and inner:
        reason = f"{reason}: {inner.get('reason')}" if inner.get("reason") else reason
        inner = inner.get("caused_by") or {}
    return kind, reason or kind


def _short(error: Exception) -> str:
    """First line of an error's text, without the chain of library objects behind it."""
    text = str(getattr(error, "error", None) or error).splitlines()[0]
    return text if len(text) <= 200 else text[:200] + "…"
