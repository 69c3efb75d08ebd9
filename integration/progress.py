"""Progress of long work: a bar on a terminal, plain lines otherwise.

Only the command line shows progress; library functions take a `Progress` and default to `silent`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Protocol, TextIO, TypeVar

from tqdm import tqdm

T = TypeVar("T")

#: Seconds between two plain lines when the output is not a terminal.
PLAIN_INTERVAL = 10.0


class Progress(Protocol):
    """Wraps an iterable and reports how far its consumer has come."""

    def __call__(
        self, items: Iterable[T], *, label: str, total: int | None = None
    ) -> Iterator[T]: ...


def silent(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
    """Report nothing."""
    return iter(items)


def to_stream(stream: TextIO = sys.stderr) -> Progress:
    """Return a reporter that draws a bar where `stream` is a terminal, else writes plain lines."""

    def show(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
        if stream.isatty():
            return iter(tqdm(items, desc=label, total=total, file=stream, unit_scale=True))
        return _plain(items, label, total, stream)

    return show


def _plain(items: Iterable[T], label: str, total: int | None, stream: TextIO) -> Iterator[T]:
    of = f" of {total}" if total is not None else ""
    started = last = time.monotonic()
    count = 0
    for item in items:
        yield item
        count += 1
        now = time.monotonic()
        if now - last >= PLAIN_INTERVAL:
            last = now
            print(f"{label}: {count}{of}", file=stream, flush=True)
    print(f"{label}: {count}{of}, {time.monotonic() - started:.1f} s", file=stream, flush=True)
