"""Problems of input files, collected so that one error lists them all."""

from __future__ import annotations

from opensearch_clir.errors import DataError

__all__ = ["SHOWN", "Problems"]

#: Problems listed for each file; the others are counted, so that no file hides another.
SHOWN = 20


class Problems:
    """A list of what is wrong, with file names and 1-based line numbers."""

    def __init__(self, subject: str, files: tuple[str, ...] = ()) -> None:
        """Collect problems.

        Args:
            subject: the folder or file that the message is about.
            files: names in the order in which the message lists them; others follow.
        """
        self.subject = subject
        self._found: dict[str, list[tuple[int, str]]] = {file: [] for file in files}

    def add(self, file: str, line: int, message: str) -> None:
        """Note a problem; line 0 means the file as a whole."""
        self._found.setdefault(file, []).append((line, message))

    def raise_if_any(self) -> None:
        """Raise one error for all problems noted so far.

        Raises:
            DataError: there is at least one problem; the first `SHOWN` of each file are listed.
        """
        count = sum(len(found) for found in self._found.values())
        if not count:
            return
        head = f"{self.subject}: {count} problem{'s' if count > 1 else ''}"
        listed = [line for file, found in self._found.items() for line in _list(file, found)]
        raise DataError("\n  ".join([head, *listed]))


def _list(file: str, found: list[tuple[int, str]]) -> list[str]:
    ordered = sorted(found, key=lambda problem: problem[0])
    lines = [f"{file}:{n}: {text}" if n else f"{file}: {text}" for n, text in ordered[:SHOWN]]
    more = len(ordered) - SHOWN
    return [*lines, f"{file}: … and {more} more"] if more > 0 else lines
