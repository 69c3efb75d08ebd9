"""Lines of a file or of standard input, counted, bounded and decoded one by one."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from opensearch_clir.errors import DataError
from opensearch_clir.ingest.rejected import Rejected

__all__ = ["MAX_LINE", "Line", "open_input", "read_lines"]

#: Bytes of a line that are accepted unless the caller says otherwise.
MAX_LINE = 64 * 1024 * 1024

_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Line:
    """One line of text without its line end; `number` counts from 1."""

    number: int
    text: str


@contextmanager
def open_input(path: Path | str) -> Iterator[IO[bytes]]:
    """Open a file, or standard input for ``-``; gzip is recognised by its first bytes.

    Raises:
        DataError: it can't be opened, or is UTF-16.
    """
    if str(path) == "-":
        yield _unpacked(sys.stdin.buffer, "standard input")
        return
    try:
        raw = Path(path).open("rb")  # noqa: SIM115  closed below
    except OSError as error:
        raise DataError(f"can't read {path}: {error.strerror}") from error
    with raw:
        yield _unpacked(raw, str(path))


def _unpacked(raw: IO[bytes], name: str) -> IO[bytes]:
    buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast("Any", raw))
    start = buffered.peek(2)[:2]
    if start in _UTF16:
        raise DataError(f"{name} is UTF-16: convert it to UTF-8 (`iconv -f UTF-16 -t UTF-8`)")
    if start == _GZIP:
        return cast("IO[bytes]", gzip.open(buffered))
    return buffered


def read_lines(stream: IO[bytes], name: str, max_line: int = MAX_LINE) -> Iterator[Line | Rejected]:
    """Yield the lines, blank ones too, or why one can't be read.

    A line longer than `max_line` bytes is skipped without being held in memory; one that is not
    UTF-8 is refused with the place of the wrong byte. A byte order mark is dropped.

    Raises:
        DataError: the file can't be read any further (a damaged gzip file, an I/O error).
    """
    number = 0
    while True:
        number += 1
        try:
            raw = stream.readline(max_line + 1)
            too_long = len(raw) > max_line and not raw.endswith(b"\n")
            rest = raw
            while too_long and rest and not rest.endswith(b"\n"):
                rest = stream.readline(max_line)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{name}, line {number}: can't be read ({error})") from error
        if not raw:
            return
        if too_long:
            reason = f"the line is longer than {max_line:,} bytes"
            yield Rejected(None, "read", reason, number)
            continue
        if number == 1:
            raw = raw.removeprefix(_BOM)
        yield _decoded(raw.rstrip(b"\r\n"), number)


def _decoded(raw: bytes, number: int) -> Line | Rejected:
    try:
        return Line(number, raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        reason = f"invalid UTF-8 at byte {error.start + 1} of the line"
        return Rejected(None, "read", reason, number, raw.decode("utf-8", "backslashreplace"))
