"""Pairs of a user's own documents, without judgments.

A title or a sentence is to find the rest of its document, or a translation: a document of the same
group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from opensearch_clir.training.own_corpus import Document
from opensearch_clir.training.pairs import Example

__all__ = ["own_examples"]

#: Sentences of a passage, at most.
WINDOW = 5


def own_examples(found: Sequence[Document], rng: np.random.Generator) -> Iterator[Example]:
    """Yield each title and sentence with sentences of a document of its group, its own or another.

    Each document of the group is equally likely. Of its own document the sentence itself is left
    out.
    """
    by_group: dict[str, list[Document]] = defaultdict(list)
    for document in found:
        by_group[document.group].append(document)
    for document in found:
        members = by_group[document.group]
        for place, part in enumerate(document.parts):
            other = members[int(rng.integers(len(members)))]
            parts = other.parts
            if other is document:
                parts = (*parts[:place], *parts[place + 1 :])
            first = int(rng.integers(max(1, len(parts) - WINDOW + 1)))
            text = "\n".join(parts[first : first + WINDOW])
            group = f"document {document.group}"
            yield Example(part, text, group, document.lang, other.lang)
