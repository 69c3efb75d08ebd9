"""Label probabilities of many lines at once under a fastText model (Joulin et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.language.fasttext_file import FastTextModel

__all__ = ["predict"]

#: What fastText adds to each line.
_END = "</s>"

#: 32-bit FNV-1a hash.
_OFFSET, _PRIME = np.uint32(2_166_136_261), np.uint32(16_777_619)

#: fastText's guard against the log of 0.
_TINY = np.float32(1e-5)

Sums = tuple[NDArray[np.float32], NDArray[np.int64]]


def predict(model: FastTextModel, lines: Sequence[str]) -> NDArray[np.float32]:
    """Return the probability of each label, nearly summing to 1; shape (lines, labels).

    The same as fastText's ``predict`` with all labels asked for, up to rounding.

    Args:
        model: as read.
        lines: valid Unicode; white space separates words.
    """
    split = [[*line.split(), _END] for line in lines]
    index: dict[str, int] = {}
    words = [index.setdefault(word, len(index)) for line in split for word in line]
    sums, counts = _of_words(model, list(index))
    sizes = np.array([len(line) for line in split], dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    total = np.add.reduceat(counts[words], starts) if len(words) else counts
    hidden = np.add.reduceat(sums[words], starts, axis=0) if len(words) else sums
    hidden = hidden / np.maximum(total, 1).astype(np.float32)[:, None]
    # The logistic function, without overflow.
    right = (1 + np.tanh(hidden @ model.nodes.T / 2)) / 2
    steps = np.log(np.concatenate([right, 1 - right], axis=1) + _TINY)
    probabilities: NDArray[np.float32] = np.exp(steps @ model.paths)
    return probabilities


def _of_words(model: FastTextModel, words: Sequence[str]) -> Sums:
    """Return the sum of the rows that make up each word, and how many they are.

    Those are the row of the word itself, if the model has it, and those of the n-grams of
    characters inside ``<word>``.
    """
    sums = np.zeros((len(words), model.rows.shape[1]), dtype=np.float32)
    counts = np.zeros(len(words), dtype=np.int64)
    known = np.array([model.words.get(word, -1) for word in words], dtype=np.int64)
    found = np.flatnonzero(known >= 0)
    sums[found] += model.rows[known[found]]
    counts[found] += 1
    marked = [f"<{word}>" if word != _END else "" for word in words]
    data = np.frombuffer("".join(marked).encode("utf-8"), dtype=np.int8)
    owner = np.repeat(np.arange(len(words)), [len(m) for m in marked])
    if not len(owner):
        return sums, counts
    leads = np.append(np.flatnonzero((data.view(np.uint8) & 0xC0) != 0x80), len(data))
    count = len(owner)
    longest = min(model.longest, count)
    hashes = _hashes(data, leads, longest)
    for n in range(model.shortest, longest + 1):
        starts = np.flatnonzero(owner[: count - n + 1] == owner[n - 1 :])
        if n == 1:  # not the marks around the word alone
            starts = starts[~np.isin(data[leads[starts]], (ord("<"), ord(">")))]
        widths = leads[starts + n] - leads[starts]
        rows = model.buckets[hashes[widths - 1, starts] % np.uint32(len(model.buckets))]
        kept = np.flatnonzero(rows >= 0)
        each = np.bincount(owner[starts[kept]], minlength=len(words))
        filled = np.flatnonzero(each)
        if len(filled):
            first = (np.cumsum(each) - each)[filled]
            sums[filled] += np.add.reduceat(model.rows[rows[kept]], first, axis=0)
            counts += each
    return sums, counts


def _hashes(data: NDArray[np.int8], leads: NDArray[np.int64], longest: int) -> NDArray[np.uint32]:
    """Return the hash of the first k + 1 bytes from each character on; shape (k, characters).

    Only set as far as `longest` characters reach. Bytes count as signed, as they do in C.
    """
    count = len(leads) - 1
    spans = leads[np.minimum(np.arange(count) + longest, count)] - leads[:-1]
    hashes = np.empty((int(spans.max()), count), dtype=np.uint32)
    hashes[0] = (data[leads[:-1]].astype(np.uint32) ^ _OFFSET) * _PRIME
    active = np.arange(count)
    for k in range(1, len(hashes)):
        active = active[spans[active] > k]
        latest = data[leads[active] + k].astype(np.uint32)
        hashes[k, active] = (hashes[k - 1, active] ^ latest) * _PRIME
    return hashes
