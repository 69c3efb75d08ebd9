"""Parts of a token cache that are no arrays, and tokenising many texts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from opensearch_clir.errors import DataError
from opensearch_clir.training.arrays import Ints

__all__ = ["ENGLISH", "FILES", "MADE", "english_texts", "tokenise", "unreadable"]

#: The file that is written last.
FILES = "files.json"
ENGLISH = "english.json"
#: What the cache was asked to hold.
MADE = "made.json"
#: Texts handed to the tokenizer at once.
CHUNK = 50_000


def english_texts(cache: Path) -> list[str]:
    """Return the texts of the table ``english`` of a cache, in its order.

    Raises:
        DataError: the cache was not built, or is damaged.
    """
    try:
        texts: list[str] = json.loads((cache / ENGLISH).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise unreadable(cache, error) from error
    return texts


def unreadable(cache: Path, error: Exception) -> DataError:
    """Return the error that says what to do about a damaged cache."""
    return DataError(
        f"the token cache {cache} can't be read ({error}); delete it to have it made anew"
    )


def tokenise(texts: list[str], tokenizer: Tokenizer) -> tuple[Ints, Ints]:
    """Return the ids of all texts end to end, uint32, and where each starts (texts + 1,)."""
    chunks: list[Ints] = []
    lengths: list[int] = []
    for start in range(0, len(texts), CHUNK):
        encodings = tokenizer.encode_batch_fast(
            texts[start : start + CHUNK], add_special_tokens=False
        )
        rows = [encoding.ids for encoding in encodings]
        lengths.extend(len(row) for row in rows)
        chunks.append(np.fromiter((i for row in rows for i in row), np.uint32))
    starts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    return np.concatenate(chunks) if chunks else np.zeros(0, np.uint32), starts
