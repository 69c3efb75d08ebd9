"""The settings of a cluster without which ML Commons refuses to call a service."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

from opensearch_clir.pipelines.bodies import Target
from opensearch_clir.pipelines.state import State
from opensearch_clir.setup.requests import Request

__all__ = ["allowing"]


def allowing(state: State, target: Target) -> list[Request]:
    """Return the request that sets what is not set yet; nothing where all is."""
    prefix = "plugins.ml_commons."
    wanted: dict[str, Any] = {}
    if not state.ml_nodes and _true(state.settings.get(f"{prefix}only_run_on_ml_node")):
        wanted[f"{prefix}only_run_on_ml_node"] = False
    private = f"{prefix}connector.private_ip_enabled"
    if _private(target) and not _true(state.settings.get(private)):
        wanted[private] = True
    trusted = f"{prefix}trusted_connector_endpoints_regex"
    patterns = [str(p) for p in state.settings.get(trusted) or []]
    address = f"{target.base}/v1/indices/x/enrich"
    if not any(_matches(pattern, address) for pattern in patterns):
        wanted[trusted] = [*patterns, f"^{re.escape(target.base)}/.*$"]
    return [Request("PUT", "/_cluster/settings", {"persistent": wanted})] if wanted else []


def _matches(pattern: str, address: str) -> bool:
    try:
        return re.fullmatch(pattern, address) is not None
    except re.error:  # Java has syntax that Python has not
        return False


def _private(target: Target) -> bool:
    try:
        return not ipaddress.ip_address(urlsplit(target.url).hostname or "").is_global
    except ValueError:  # a name, which only the cluster can resolve
        return True


def _true(value: Any) -> bool:
    return str(value).lower() == "true"
