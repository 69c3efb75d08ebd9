"""Where the local server keeps things: a per-user cache (re-creatable) and data (kept)."""

from __future__ import annotations

import os
import re
from pathlib import Path

import platformdirs

from opensearch_clir.errors import LocalServerError

APP = "opensearch-clir"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def cache_dir() -> Path:
    """Return the folder of what can be fetched again; `CLIR_CACHE_DIR` overrides."""
    override = os.environ.get("CLIR_CACHE_DIR")
    return Path(override).expanduser().resolve() if override else _cache()


def instances_dir() -> Path:
    """Return the folder with one sub-folder per instance; `CLIR_DATA_DIR` overrides its parent."""
    override = os.environ.get("CLIR_DATA_DIR")
    root = Path(override).expanduser().resolve() if override else _data()
    return root / "local"


def instance_dir(name: str) -> Path:
    """Return the folder of the instance `name` (not created).

    Raises `LocalServerError` for a name that is not 1-40 of a-z, 0-9, "-" and "_".
    """
    if not _NAME.fullmatch(name):
        raise LocalServerError(
            f"instance name {name!r} is not allowed: use 1-40 of a-z, 0-9, '-' and '_', "
            "beginning with a letter or digit"
        )
    return instances_dir() / name


def _cache() -> Path:
    return Path(platformdirs.user_cache_dir(APP))


def _data() -> Path:
    return Path(platformdirs.user_data_dir(APP))
