"""CSV with a header: one document a row, empty cells left out."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from opensearch_clir.errors import DataError
from opensearch_clir.ingest.lines import MAX_LINE, Line
from opensearch_clir.ingest.rejected import Rejected

__all__ = ["read_csv"]


def read_csv(
    lines: Iterable[Line | Rejected], name: str
) -> Iterator[tuple[int, dict[str, str] | Rejected]]:
    """Yield the first line number and the cells of each row by column name.

    Quoted cells may hold line breaks. A line that can't be read is rejected alone, also where it
    stood inside a quoted cell.

    Raises:
        DataError: the header is empty or names a column twice, or a quote is never closed.
    """
    # A cell can hold a whole document; the module's own limit is 128 kB, for all its users.
    csv.field_size_limit(max(MAX_LINE, csv.field_size_limit()))
    source = _Source(lines)
    rows = csv.reader(source, strict=True)
    header: list[str] | None = None
    while True:
        try:
            row = next(rows)
        except StopIteration:
            yield from source.take_rejected()
            return
        except csv.Error as error:
            if header is None or not _one_row(error):
                raise DataError(
                    f"{name}, line {source.first}: {error}; check for a quote that is not closed"
                ) from error
            raw = "".join(source.row)
            number = source.start_row()
            yield number, Rejected(None, "read", f"invalid CSV: {error}", number, raw)
            continue
        yield from source.take_rejected()
        number = source.start_row()
        if not row:
            continue
        if header is None:
            header = _header(row, name)
        elif len(row) != len(header):
            reason = f"{len(row)} cells, the header has {len(header)}"
            yield number, Rejected(None, "read", reason, number, row)
        else:
            yield number, {k: cell for k, cell in zip(header, row, strict=True) if cell}


def _one_row(error: csv.Error) -> bool:
    """Whether the error is that of a row, not of a quote that swallows the rest of the file."""
    return "end of data" not in str(error) and "field limit" not in str(error)


class _Source:
    """Feeds the csv module, and remembers on which line a row began and what was left out."""

    def __init__(self, lines: Iterable[Line | Rejected]) -> None:
        self._lines = iter(lines)
        self._rejected: list[Rejected] = []
        self.row: list[str] = []
        self.first = 1

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            if isinstance(line, Rejected):
                self._rejected.append(line)
                continue
            if not self.row:
                self.first = line.number
            self.row.append(f"{line.text}\n")
            yield self.row[-1]

    def start_row(self) -> int:
        """Close the row that was just read; return the number of its first line."""
        self.row = []
        return self.first

    def take_rejected(self) -> Iterator[tuple[int, Rejected]]:
        rejected, self._rejected = self._rejected, []
        for item in rejected:
            yield item.line or 0, item


def _header(row: list[str], name: str) -> list[str]:
    header = [cell.strip() for cell in row]
    if not all(header) or len(set(header)) < len(header):
        raise DataError(f"{name}: the header has an empty or repeated column name: {row}")
    return header
