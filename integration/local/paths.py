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
    return _overridden("CLIR_CACHE_DIR") or _cache()


def instances_dir() -> Path:
    """Return the folder with one sub-folder per instance; `CLIR_DATA_DIR` overrides its parent."""
    return (_overridden("CLIR_DATA_DIR") or _data()) / "local"


def made_usable(folder: Path, variable: str) -> Path:
    """Return a folder of ours, created where it is missing.

    Args:
        folder: to be written to.
        variable: of the environment, which can name another place.

    Raises:
        LocalServerError: it can't be created or written to.
    """
    remedy = f"set {variable} to a folder that you can write to"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalServerError(f"can't create {folder} ({error.strerror}): {remedy}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise LocalServerError(f"can't write to {folder}: {remedy}")
    return folder


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


def _overridden(variable: str) -> Path | None:
    override = os.environ.get(variable)
    if not override:
        return None
    try:
        return Path(override).expanduser().resolve()
    except (OSError, RuntimeError) as error:  # no such user; a loop of links
        raise LocalServerError(f"{variable} names no usable folder: {error}") from error


def _cache() -> Path:
    return Path(platformdirs.user_cache_dir(APP))


def _data() -> Path:
    return Path(platformdirs.user_data_dir(APP))
