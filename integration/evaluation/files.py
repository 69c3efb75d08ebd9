"""Text files line by line, plain or ``.gz``, with broken lines noted instead of raised."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from opensearch_clir.evaluation.problems import Problems

__all__ = ["find", "lines", "write_text"]


def find(folder: Path, name: str, problems: Problems) -> Path | None:
    """Return `name` or `name`.gz in a folder; note a problem where there are none or both."""
    found = [path for path in (folder / name, folder / f"{name}.gz") if path.is_file()]
    if not found:
        problems.add(name, 0, "file is missing (a .gz of it is welcome too)")
        return None
    if len(found) == 2:
        problems.add(name, 0, f"{name} and {name}.gz both exist: remove one")
    return found[0]


def lines(path: Path, problems: Problems) -> Iterator[tuple[int, str]]:
    """Yield ``(line number from 1, text without line end)`` of every line that is not blank.

    A line that is not UTF-8 and an unreadable file become problems.
    """
    try:
        with _open(path) as stream:
            for number, raw in enumerate(stream, start=1):
                text = _decode(raw, path.name, number, problems)
                if text is not None and text.strip():
                    yield number, text
    except (OSError, EOFError, zlib.error) as error:
        problems.add(path.name, 0, f"can't be read: {error}")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text; gzip (without a time stamp, so that equal texts give equal files)."""
    data = text.encode("utf-8")
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def _open(path: Path) -> BinaryIO:
    if path.suffix != ".gz":
        return path.open("rb")
    # BufferedReader: iterating a GzipFile itself costs a Python call for every line.
    return cast("BinaryIO", io.BufferedReader(gzip.open(path, "rb")))


def _decode(raw: bytes, file: str, number: int, problems: Problems) -> str | None:
    try:
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        problems.add(file, number, f"is not UTF-8 (byte {error.start + 1} of the line)")
        return None
    return text.rstrip("\r\n")
