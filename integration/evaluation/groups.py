"""Translation groups: which documents are the same text in other languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from opensearch_clir.evaluation.sets import Document

__all__ = ["GROUPINGS", "assign_groups"]

#: How groups may be found; ``auto`` is ``field`` where any document has one, else ``id``.
GROUPINGS = ("auto", "field", "id", "none")


def assign_groups(
    documents: Iterable[Document], grouping: str = "auto"
) -> tuple[list[Document], str]:
    """Return the documents with their groups set, and what the groups come from.

    ``field`` keeps what the file says: a document without `group` has no translation. ``id`` takes
    ``abstraction`` from ``abstraction.pt-BR`` and ``abstraction.en``: ids that end in a dot and
    their own language tag. A stem that only one document has makes no group.

    Args:
        grouping: one of `GROUPINGS`.
    """
    listed = list(documents)
    if grouping == "auto":
        grouping = "field" if any(doc.group is not None for doc in listed) else "id"
    if grouping == "field":
        return listed, "field" if any(doc.group is not None for doc in listed) else "none"
    stems = [_stem(doc) if grouping == "id" else None for doc in listed]
    sizes = Counter(stem for stem in stems if stem is not None)
    grouped = [
        replace(doc, group=stem if stem is not None and sizes[stem] > 1 else None)
        for doc, stem in zip(listed, stems, strict=True)
    ]
    return grouped, "id" if any(doc.group is not None for doc in grouped) else "none"


def _stem(document: Document) -> str | None:
    ending = "." + (document.tag or document.lang).lower().replace("_", "-")
    if document.id.lower().replace("_", "-").endswith(ending) and len(document.id) > len(ending):
        return document.id[: -len(ending)]
    return None
