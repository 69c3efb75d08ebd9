"""What the service's operator chooses."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from opensearch_clir.encoders.registry import EMBEDDED
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.query.rewrite import LEAST_PROBABILITY

__all__ = ["Limits", "ServeOptions", "is_loopback", "read_token"]

#: Characters that a token must have, so that nobody can guess it.
MIN_TOKEN = 16


@dataclass(frozen=True)
class Limits:
    """What one worker takes on.

    Attributes:
        body: bytes of one request.
        waiting: bytes of all requests that are being answered; more are refused with 503.
        documents: of one enrich request, and texts of one embed, detect or rerank request.
        batch: documents that are enriched together.
        seconds: for one request; then 504.
        threads: that plan queries, each of which may wait for the cluster.
    """

    body: int = 32 * 1024 * 1024
    waiting: int = 256 * 1024 * 1024
    documents: int = 2_048
    batch: int = 64
    seconds: float = 30.0
    threads: int = 16

    def __post_init__(self) -> None:
        """Refuse limits that let nothing through.

        Raises:
            ConfigurationError: one is not positive.
        """
        wrong = [f.name for f in fields(self) if getattr(self, f.name) <= 0]
        if wrong:
            raise ConfigurationError(f"limits of the service must be positive: {', '.join(wrong)}")


@dataclass(frozen=True)
class ServeOptions:
    """Everything that a worker process needs to know; holds paths of secrets, no secrets.

    Attributes:
        connection: options for `cli.common.open_client`, paths as text.
        indices: that are served; empty: every index that is set up.
        token_file: file with the token that callers send; None: no token.
        least: probability from which rewritten queries find by meaning alone.
        limits: see there.
        reranker: that is served, by name.
    """

    connection: dict[str, Any] = field(default_factory=dict)
    indices: tuple[str, ...] = ()
    token_file: str | None = None
    least: float = LEAST_PROBABILITY
    limits: Limits = field(default_factory=Limits)
    reranker: str = EMBEDDED

    def to_json(self) -> str:
        """Return the options as workers read them."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ServeOptions:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        limits = Limits(**values.pop("limits"))
        return cls(**{**values, "indices": tuple(values["indices"])}, limits=limits)


def read_token(path: Path | str | None) -> str | None:
    """Return the token in a file, without white space around it; None without a file.

    Raises:
        ConfigurationError: it can't be read, is too short, or holds what no header can.
    """
    if path is None:
        return None
    try:
        token = Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"can't read the token file {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        # The chain would show a part of the token.
        raise ConfigurationError(f"the token file {path} is not UTF-8 text") from None
    if len(token) < MIN_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(
            f"the token in {path} must be {MIN_TOKEN} or more ASCII characters without spaces; "
            "make one with: openssl rand -hex 32"
        )
    return token


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
