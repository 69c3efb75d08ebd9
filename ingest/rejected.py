"""Documents that did not go in, each with its reason: never dropped silently."""

from __future__ import annotations

import json
import logging
import math
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from opensearch_clir.errors import ConfigurationError

__all__ = ["DeadLetters", "Rejected"]

logger = logging.getLogger("opensearch_clir.ingest")

#: Distinct reasons that are counted; a server can word the same thing in endless ways.
MAX_REASONS = 100

_SPECIFIC = re.compile(r"'[^']*'|\[[^\]]*\]|\d+")


@dataclass(frozen=True)
class Rejected:
    """A document that was refused.

    Attributes:
        id: of the document, if it has one.
        stage: ``read``, ``enrich``, ``encode`` or ``write``.
        reason: one line: what is wrong, and where.
        line: in the input file, counted from 1.
        source: the document as the user gave it (text or None where it could not be parsed).
        duplicate: the id, where it was refused because an earlier document has the same one.
    """

    id: str | None
    stage: str
    reason: str
    line: int | None = None
    source: Any = None
    duplicate: str | None = None

    @property
    def kind(self) -> str:
        """The reason without names and numbers, for counting."""
        reason = _SPECIFIC.sub("…", self.reason)
        return f"{self.stage}: {reason if len(reason) <= 240 else reason[:239] + '…'}"

    def to_json(self) -> str:
        """Return one line of JSON. Any source can be written, lone surrogates and dates too.

        What JSON does not have (NaN, infinity, objects) becomes text.
        """
        letter: dict[str, Any] = {
            "id": self.id,
            "stage": self.stage,
            "reason": self.reason,
            "line": self.line,
            "source": self.source,
        }
        if self.duplicate is not None:
            letter["duplicate"] = self.duplicate
        try:
            return json.dumps(letter, default=str, allow_nan=False)
        except (ValueError, TypeError, RecursionError):
            pass
        try:
            return json.dumps({**letter, "source": _plain(self.source)})
        except (ValueError, RecursionError):
            reason = f"{self.reason} (nested too deep to be kept here)"
            return json.dumps({**letter, "reason": reason, "source": None})


def _plain(value: Any) -> Any:
    """Return a value with text in place of whatever JSON does not have."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, (str, int)) else str(value)


class DeadLetters:
    """Collects what was rejected: counts by reason and, given a path, one JSON object a line.

    Use it as a context manager; calling it adds one document. Each line reaches the file at once,
    so that it survives a crash. ``clir index INDEX FILE --format dead-letters`` reads it again.

    Attributes:
        counts: number of documents by `Rejected.kind`.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Count only, or also write to `path`, which is emptied on entering the context."""
        self.path = path
        self.counts: Counter[str] = Counter()
        self._file: TextIO | None = None

    def __call__(self, rejected: Rejected) -> None:
        """Count and write one document.

        Raises:
            ConfigurationError: the file can't be written any more; the rest is only counted.
        """
        known = rejected.kind in self.counts or len(self.counts) < MAX_REASONS
        self.counts[rejected.kind if known else "other reasons"] += 1
        if self._file is not None:
            try:
                print(rejected.to_json(), file=self._file, flush=True)
            except OSError as error:
                self._close()
                raise ConfigurationError(
                    f"can't write the dead letters to {self.path}: {error.strerror}"
                ) from error

    @property
    def total(self) -> int:
        """Number of documents."""
        return self.counts.total()

    def log(self) -> None:
        """Log one warning with the counts, if anything was rejected."""
        if self.total:
            reasons = "; ".join(f"{count} × {kind}" for kind, count in self.counts.most_common(5))
            logger.warning("%d documents were rejected: %s", self.total, reasons)

    def __enter__(self) -> DeadLetters:
        """Open the file.

        Raises:
            ConfigurationError: it can't be written.
        """
        if self.path is not None:
            try:
                self._file = self.path.open("w", encoding="utf-8")
            except OSError as error:
                raise ConfigurationError(
                    f"can't write the dead letters to {self.path}: {error.strerror}"
                ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            # Each line was flushed: what is left in the buffer was told as an error already.
            with suppress(OSError):
                file.close()
