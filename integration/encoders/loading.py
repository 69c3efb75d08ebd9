"""What errors of model libraries become in our messages."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["INSTALL", "hint", "one_line"]

INSTALL = (
    "it needs sentence-transformers; run: pip install 'opensearch-clir[sentence-transformers]'"
)

#: Tokens of the hub, and credentials or query strings of addresses, as messages may quote them.
_SECRETS = re.compile(
    r"hf_\w+|(?<=://)[^/\s@]+@|(?<=[\w/])\?[^\s'\")]*=[^\s'\")]*|Bearer\s+\S+", re.IGNORECASE
)


def hint(source: str) -> str:
    """Return what to check where a model of sentence-transformers can't be loaded."""
    if Path(source).is_dir():
        return "check that the folder holds a complete sentence-transformers model"
    return (
        "check the model's name or folder, the connection to the hub and, for a private model, "
        "that you are logged in there"
    )


def one_line(error: BaseException) -> str:
    """Return the start of an error's message as one line without secrets."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = _SECRETS.sub("…", text)
    return text if len(text) <= 300 else text[:299] + "…"
