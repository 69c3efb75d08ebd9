"""Addresses of a cluster as a user writes them, checked before anything is sent.

The text may hold a password, also where it is malformed: no message repeats any part of it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from opensearch_clir.errors import ConfigurationError

__all__ = ["Address", "parse_addresses"]

_HOST_NAME = re.compile(r"[\w-]+(\.[\w-]+)*\.?")

_ENCODE = (
    "in a user name or password, write #, /, ?, @, : and commas percent-encoded (%23 %2F %3F %40 "
    "%3A %2C), or give them with --username and --password-file"
)


@dataclass(frozen=True)
class Address:
    """One node.

    Attributes:
        scheme: ``http`` or ``https``.
        host: name or IP address, without brackets.
        port: 9200, or 443 for ``https``, unless given.
        prefix: path before every request, ``""`` or with a leading slash.
        username, password: as they are, not percent-encoded; None where not given.
    """

    scheme: str
    host: str
    port: int
    prefix: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The address without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.prefix}"

    def to_host(self) -> dict[str, Any]:
        """Return what opensearch-py takes as one of its ``hosts``, without credentials."""
        found: dict[str, Any] = {"host": self.host, "port": self.port}
        if self.scheme == "https":
            found["use_ssl"] = True
        if self.prefix:
            found["url_prefix"] = self.prefix
        return found


def parse_addresses(text: str) -> tuple[Address, ...]:
    """Return the nodes that an address names, several separated by commas; at least one.

    Args:
        text: ``[http[s]://][user:password@]host[:port][/prefix]``, with the user name and the
            password percent-encoded.

    Raises:
        ConfigurationError: with what is wrong, but nothing of the text itself.
    """
    parts = [part for part in (p.strip() for p in text.split(",")) if part]
    if not parts:
        raise ConfigurationError("the address of the cluster is empty: write http://HOST:PORT")
    return tuple(
        _named(part, "the address" if len(parts) == 1 else f"address {n} of {len(parts)}")
        for n, part in enumerate(parts, 1)
    )


def _named(text: str, which: str) -> Address:
    try:
        return _parse(text)
    except ValueError as error:
        # The cause would show the text again.
        raise ConfigurationError(
            f"{which} of the cluster (--url, CLIR_URL or OPENSEARCH_URL) is wrong: {error}"
        ) from None


def _parse(text: str) -> Address:
    if any(c.isspace() or not c.isprintable() for c in text):
        raise ValueError("it holds a blank or a control character; write http://HOST:PORT")
    scheme, _, rest = text.partition("://") if "://" in text else ("http", "", text)
    if scheme.lower() not in ("http", "https"):
        raise ValueError("it must begin with http:// or https://")
    if rest.count("@") > 1 or "@" in rest.partition("/")[2] or set(rest) & set("#?"):
        raise ValueError(f"it has a #, ?, / or @ where none can be; {_ENCODE}")
    try:
        split = urlsplit(f"{scheme}://{rest}")
        host = split.hostname or ""
    except ValueError:  # its own messages quote the text
        raise ValueError("the brackets around an IPv6 address don't match") from None
    if not host:
        raise ValueError("it names no host; write http://HOST:PORT")
    if not _is_host(host):
        raise ValueError(f"its host is neither a name nor an IP address; {_ENCODE}")
    return Address(
        scheme.lower(),
        host,
        _port(split),
        split.path.rstrip("/"),
        None if split.username is None else unquote(split.username),
        None if split.password is None else unquote(split.password),
    )


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _HOST_NAME.fullmatch(host) is not None
    try:
        ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _port(split: SplitResult) -> int:
    try:
        port = split.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(
            "its port is not a number from 1 to 65535 (a comma or a / in a password would look "
            "like this, too: percent-encode it)"
        )
    return port or (443 if split.scheme.lower() == "https" else 9200)
