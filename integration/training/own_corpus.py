"""A user's documents as training pages, without judgments.

A page is the title and the sentences of a document; a title or sentence is to find the rest of its
page, or of another page of its group (translations). Each page has code-switched copies: some of
its pieces give way to their nearest in the base model's vocabulary, most of them translations, so
that what is learned in one language carries over to the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.errors import DataError
from opensearch_clir.ingest.readers import read
from opensearch_clir.ingest.rejected import Rejected
from opensearch_clir.language.sentences import sentences
from opensearch_clir.languages import UND
from opensearch_clir.training.arrays import Ints
from opensearch_clir.training.switched import RATES
from opensearch_clir.training.tokenized import MAX_CHARACTERS, Tables
from opensearch_clir.translation.neighbours import Neighbours

__all__ = ["Document", "documents", "near_pieces", "pages", "switched_ids", "told"]

#: Fewer documents than this teach nothing: each is the negative of the others.
FEWEST = 10

#: Pieces that have near ones looked up, the most frequent of the corpus; near ones of a piece, and
#: their least cosine.
MOST_PIECES, MOST_NEAR, LEAST_COSINE = 5000, 8, 0.5

#: Pieces looked up at once: each needs a number for every piece of the vocabulary.
AT_ONCE = 64

#: Source of the pages, as in the names of training files.
SOURCE = "corpus"


@dataclass(frozen=True)
class Document:
    """A document: its language tag, title and sentences, the title first, and group."""

    lang: str
    parts: tuple[str, ...]
    group: str


def documents(path: Path, title: str, text: str) -> tuple[list[Document], list[Rejected]]:
    """Return the usable documents of a file as `clir index` takes it, and what was refused.

    Documents with a title or one sentence alone are left out: they have no pair.

    Args:
        path: JSON lines, bulk bodies or CSV.
        title: field of the title.
        text: field of the text.

    Raises:
        DataError: the file can't be read, or holds fewer than `FEWEST` usable documents.
    """
    found: list[Document] = []
    refused: list[Rejected] = []
    for number, record in enumerate(read(path)):
        if isinstance(record, Rejected):
            refused.append(record)
            continue
        source: Mapping[str, Any] = record.source or {}
        parts = [" ".join(_text(source.get(title)).split()), *sentences(_text(source.get(text)))]
        # Twice the same sentence would be its own answer.
        parts = list(dict.fromkeys(part[:MAX_CHARACTERS] for part in parts if part))
        if len(parts) >= 2:
            group = _text(source.get("group")) or f"\0{number}"
            found.append(Document(_text(source.get("lang")) or UND, tuple(parts), group))
    if len(found) < FEWEST:
        raise DataError(
            f"{path} has {len(found)} documents with {title!r} and {text!r}, or two sentences; "
            f"fine-tuning needs at least {FEWEST}"
        )
    return found, refused


def told(found: Sequence[Document], refused: Sequence[Rejected]) -> dict[str, Any]:
    """Return a row of progress about what `documents` found."""
    langs = sorted({document.lang for document in found})
    row = {"stage": "corpus", "documents": len(found), "refused": len(refused), "languages": langs}
    if refused:
        row["first_refusal"] = f"line {refused[0].line}: {refused[0].reason}"
    return row


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def pages(found: Sequence[Document], copies: int) -> tuple[list[str], Tables]:
    """Return the distinct texts, and the tables of pages and parts with `copies` of each page.

    Copies stand in the group of their page. The number of copy c of text t is
    ``len(texts) * c + t``.
    """
    texts: dict[str, int] = {}
    files: dict[str, int] = {}
    groups: dict[str, int] = defaultdict(lambda: len(groups))
    rows: list[tuple[tuple[int, ...], int, int]] = []
    for document in found:
        numbers = tuple(texts.setdefault(part, len(texts)) for part in document.parts)
        file = files.setdefault(f"{SOURCE}.{document.lang}", len(files))
        rows.append((numbers, groups[document.group], file))
    parts: list[int] = []
    table: list[tuple[int, int, int, int]] = []
    for copy in range(copies + 1):
        for numbers, group, file in rows:
            first = len(parts)
            parts += [len(texts) * copy + number for number in numbers]
            table.append((first, len(parts), group, file))
    array = np.array(table, np.int32)
    tables = Tables(list(files), parts=np.array(parts, np.int32))
    tables.pages = array[np.argsort(array[:, 2], kind="stable")]
    return list(texts), tables


def switched_ids(
    ids: Sequence[Sequence[int]], near: Mapping[int, Sequence[int]], rng: np.random.Generator
) -> Iterator[list[int]]:
    """Yield each text's pieces with a share of those that have near ones replaced by one of them.

    The share is drawn from `switched.RATES` for each text.
    """
    for pieces in ids:
        rate = RATES[int(rng.integers(len(RATES)))]
        draws = rng.random((len(pieces), 2)).tolist()
        yield [
            options[int(which * len(options))] if draw < rate and (options := near.get(p)) else p
            for p, (draw, which) in zip(pieces, draws, strict=True)
        ]


def near_pieces(encoder: StaticEncoder, ids: Ints) -> dict[int, list[int]]:
    """Return the pieces nearest to the most frequent pieces of a corpus, those with letters.

    Args:
        encoder: gives vocabulary and vectors.
        ids: pieces of the corpus (n,).
    """
    neighbours = Neighbours(encoder)
    counts = np.bincount(ids, minlength=len(encoder.scales))
    counts[neighbours.weights == 0] = 0
    order = [int(i) for i in np.argsort(-counts, kind="stable")[:MOST_PIECES] if counts[i] > 0]
    words = [i for i in order if any(map(str.isalpha, neighbours.piece(i)))]
    number = encoder.tokenizer.token_to_id
    found: dict[int, list[int]] = {}
    for start in range(0, len(words), AT_ONCE):
        asked = words[start : start + AT_ONCE]
        for piece, near in zip(asked, neighbours.of(asked), strict=True):
            # The first is the piece itself.
            names = [name for name, cosine in near[1 : MOST_NEAR + 1] if cosine >= LEAST_COSINE]
            found[piece] = [i for name in names if (i := number(name)) is not None]
    return {piece: near for piece, near in found.items() if near}
