"""The OpenAPI description of the service."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from opensearch_clir import __version__

__all__ = ["document"]


@cache
def document() -> dict[str, Any]:
    """Return the description, of OpenAPI 3.1."""
    text = resources.files(__package__).joinpath("openapi.json").read_text("utf-8")
    described: dict[str, Any] = json.loads(text)
    described["info"]["version"] = __version__
    return described
