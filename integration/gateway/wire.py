"""One side's connection: heads and bodies off it, bytes onto it, and a deadline for both."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from ssl import SSLError

from opensearch_clir.gateway.framing import CHUNKED, UNTIL_CLOSE, Framing
from opensearch_clir.gateway.messages import Malformed, fields_of
from opensearch_clir.gateway.protocol import BrokenOff, Piece, TooSlow, WireProtocol

__all__ = ["MAX_HEAD", "READ", "Wire"]

#: Bytes of a head. OpenSearch takes 4 KB for the request line and 16 KB for the fields by default.
MAX_HEAD = 64 * 1024

#: Bytes read at once. A reader is paused at twice as much, so this bounds memory per connection.
READ = 64 * 1024

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")
_NOT_IN_TRAILERS = frozenset(
    {b"authorization", b"content-encoding", b"content-length", b"content-type", b"host"}
    | {b"transfer-encoding", b"trailer", b"connection", b"te", b"set-cookie"}
)


class Wire:
    """Reads and writes messages on one connection.

    Every wait ends at the deadline that `within` has set, with `TooSlow`.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: WireProtocol
    ) -> None:
        self._reader, self._writer, self.protocol = reader, writer, protocol
        self._loop = asyncio.get_running_loop()
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._late = False

    @property
    def gone(self) -> bool:
        """Whether the other side has closed, or this one has."""
        return self.protocol.gone or self._writer.is_closing()

    def within(self, seconds: float | None) -> None:
        """Set the deadline for what follows; None: no deadline."""
        self._deadline = None if seconds is None else self._loop.time() + seconds
        due = self._timer.when() if self._timer is not None else float("inf")
        if self._deadline is not None and self._deadline < due:
            self._arm()

    async def read_head(self) -> bytes | None:
        """Return a head without its empty line; None where the other side has closed before it.

        Raises:
            Malformed: longer than `MAX_HEAD`.
            BrokenOff: it ends in the middle.
            TooSlow: the deadline passed.
        """
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            raise Malformed(f"the head is longer than {MAX_HEAD} bytes", 431) from None
        except asyncio.IncompleteReadError as error:
            if not error.partial:
                return None
            raise BrokenOff("closed within a head") from None
        except (OSError, SSLError) as error:
            raise self._failure(error) from error
        return head[:-4]

    async def pieces(self, framing: Framing) -> AsyncIterator[Piece]:
        """Yield a body as it comes in.

        Raises:
            Malformed: chunks that are not of the strict form.
            BrokenOff: it ends early.
            TooSlow: the deadline passed.
        """
        try:
            if framing == CHUNKED:
                async for piece in self._chunks():
                    yield piece
            elif framing == UNTIL_CLOSE:
                while data := await self._reader.read(READ):
                    yield Piece(data, data)
            else:
                async for data in self._counted(int(framing)):
                    yield Piece(data, data)
        except asyncio.LimitOverrunError:
            raise Malformed("a line between chunks is too long") from None
        except asyncio.IncompleteReadError:
            raise BrokenOff("closed within a body") from None
        except BrokenOff:
            raise
        except (OSError, SSLError) as error:
            raise self._failure(error) from error

    async def send(self, data: bytes) -> None:
        """Write, and wait where the other side is slow to take it.

        Raises:
            BrokenOff: the other side is gone.
            TooSlow: the deadline passed.
        """
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (OSError, SSLError) as error:
            raise self._failure(error) from error

    async def discard(self, seconds: float) -> None:
        """Say that nothing more comes, and drop what still comes in, until the other side ends.

        Closing while something is unread would make the other side lose what was sent to it.
        """
        self.within(seconds)
        try:
            if self._writer.can_write_eof():
                self._writer.write_eof()
            while await self._reader.read(READ):
                pass
        except (OSError, SSLError) as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Close once everything written has left."""
        self._disarm()
        with suppress(OSError, RuntimeError):
            self._writer.close()

    def abort(self) -> None:
        """Close at once, so that the other side notices that something is missing."""
        self._disarm()
        self._writer.transport.abort()

    async def closed(self) -> None:
        """Wait until it is closed."""
        with suppress(OSError, SSLError, TimeoutError):
            await self._writer.wait_closed()

    async def _counted(self, length: int) -> AsyncIterator[bytes]:
        while length:
            data = await self._reader.read(min(length, READ))
            if not data:
                raise BrokenOff("closed within a body")
            length -= len(data)
            yield data

    async def _chunks(self) -> AsyncIterator[Piece]:
        while True:
            line = await self._reader.readuntil(b"\r\n")
            match = _CHUNK_SIZE.fullmatch(line)
            if match is None:
                raise Malformed("a chunk size is not a hexadecimal number")
            size = int(match[1], 16)
            if size == 0:
                break
            if size <= READ - 2:
                # One write for what the sender most likely wrote at once.
                data = await self._reader.readexactly(size + 2)
                if data[-2:] != b"\r\n":
                    raise Malformed("a chunk is longer than its size")
                yield Piece(match[1] + b"\r\n" + data, data[:-2])
                continue
            yield Piece(match[1] + b"\r\n", b"")
            async for data in self._counted(size):
                yield Piece(data, data)
            if await self._reader.readexactly(2) != b"\r\n":
                raise Malformed("a chunk is longer than its size")
            yield Piece(b"\r\n", b"")
        yield Piece(match[1] + b"\r\n" + await self._trailers(), b"")

    async def _trailers(self) -> bytes:
        lines: list[bytes] = []
        while (line := await self._reader.readuntil(b"\r\n")) != b"\r\n":
            lines.append(line)
            if sum(map(len, lines)) > MAX_HEAD:
                raise Malformed(f"the trailers are longer than {MAX_HEAD} bytes", 431)
        for field in fields_of(line[:-2] for line in lines):
            if field.name in _NOT_IN_TRAILERS:
                raise Malformed(f"{field.name.decode('latin-1')} can't stand in a trailer")
        return b"".join((*lines, b"\r\n"))

    def _failure(self, error: Exception) -> Exception:
        if self._late:
            return TooSlow("the deadline passed")
        return BrokenOff(str(error) or type(error).__name__)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._deadline is not None:
            self._timer = self._loop.call_at(self._deadline, self._ring)

    def _disarm(self) -> None:
        self._deadline = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        if self._loop.time() < self._deadline:  # it was moved meanwhile
            self._arm()
            return
        self._late = True
        if self._reader.exception() is None:
            self._reader.set_exception(TooSlow("the deadline passed"))
        if self._writer.transport.get_write_buffer_size():
            # The other side takes nothing any more: only this wakes who waits to write.
            self._writer.transport.abort()
