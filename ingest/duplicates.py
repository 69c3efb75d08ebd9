"""Documents with the same id within one run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opensearch_clir.ingest.records import Record
from opensearch_clir.ingest.rejected import Rejected

__all__ = ["first_of_each_id"]


def first_of_each_id(records: Iterable[Record | Rejected]) -> Iterator[Record | Rejected]:
    """Let the first document of each id through; the later ones are rejected.

    Only ``index`` and ``create`` count, and a ``delete`` frees its id. Remembers every id:
    about 150 bytes a document.
    """
    seen: dict[str, int | None] = {}
    for record in records:
        if isinstance(record, Rejected) or record.id is None or record.op == "update":
            yield record
        elif record.op == "delete":
            seen.pop(record.id, None)
            yield record
        elif record.id in seen:
            first = seen[record.id]
            where = f", first on line {first}" if first is not None else ""
            reason = f"duplicate id '{record.id}'{where}"
            yield Rejected(record.id, "read", reason, record.line, record.source, record.id)
        else:
            seen[record.id] = record.line
            yield record
