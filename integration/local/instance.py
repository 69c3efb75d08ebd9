"""A server to talk to: how to reach it, and how to stop it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from opensearchpy import OpenSearch

Kind = Literal["local", "docker", "url"]


def _nothing() -> None:
    """Stop nothing: the server is somebody else's."""


@dataclass(frozen=True)
class Instance:
    """A reachable OpenSearch: a local one, a container, or one given by its address.

    Passwords are neither kept in here nor shown: they are read where they are used.
    """

    name: str
    kind: Kind
    urls: tuple[str, ...]
    version: str | None = None
    nodes: int = 1
    security: bool = False
    #: Seconds since 1970; 0 when unknown.
    started: float = 0.0
    pids: tuple[int, ...] = ()
    container: str | None = None
    #: Folder with logs, state and, in the secure variant, certificates and the password file.
    folder: Path | None = None
    username: str | None = None
    ca_certs: Path | None = None
    _password: Callable[[], str | None] = field(default=lambda: None, repr=False, compare=False)
    _stop: Callable[[], None] = field(default=_nothing, repr=False, compare=False)

    @property
    def url(self) -> str:
        """The address of the first node."""
        return self.urls[0]

    @property
    def password_file(self) -> Path | None:
        """The file (mode 0600) with the administrator's password, where we made one."""
        return self.folder / "password" if self.folder and self.security else None

    def credentials(self) -> tuple[str, str] | None:
        """Return user name and password, or None where neither is needed."""
        password = self._password()
        return (self.username, password) if self.username and password is not None else None

    def client(self, **options: Any) -> OpenSearch:
        """Return a client of all nodes, with credentials and certificates in place.

        `options` go to `opensearchpy.OpenSearch` and win over what is set here.
        """
        settings: dict[str, Any] = {"hosts": list(self.urls), "timeout": 60, "max_retries": 2}
        if (credentials := self.credentials()) is not None:
            settings["http_auth"] = credentials
        if self.ca_certs is not None:
            settings["ca_certs"] = str(self.ca_certs)
        return OpenSearch(**{**settings, **options})

    def stop(self) -> None:
        """Stop the server if it was started by this package; a temporary one is removed too.

        Raises `LocalServerError` where that fails.
        """
        self._stop()
