"""What connections are made of: their end is noticed at once, bodies come in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["BrokenOff", "Piece", "TooSlow", "WireProtocol"]


class BrokenOff(ConnectionError):  # noqa: N818  a verdict on a peer
    """The other side went away in the middle of a message."""


class TooSlow(TimeoutError):  # noqa: N818  a verdict on a peer
    """The deadline passed while waiting for the other side."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a body: as it is sent on, and what it holds."""

    wire: bytes
    data: bytes


class WireProtocol(asyncio.StreamReaderProtocol):
    """Tells at once when the other side goes away, also while nobody is reading."""

    def __init__(self, reader: asyncio.StreamReader, *args: object) -> None:
        super().__init__(reader, *args)  # type: ignore[arg-type]
        self.gone = False
        self.on_gone: Callable[[], None] | None = None
        self.on_data: Callable[[], None] | None = None

    def data_received(self, data: bytes) -> None:
        """Tell, once, that something has come."""
        if self.on_data is not None:
            hook, self.on_data = self.on_data, None
            hook()
        super().data_received(data)

    def eof_received(self) -> bool | None:
        """Note the end of input."""
        self._note()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the loss."""
        self._note()
        super().connection_lost(exc)

    def _note(self) -> None:
        self.gone = True
        if self.on_gone is not None:
            hook, self.on_gone = self.on_gone, None
            hook()
