"""Reader of quantised fastText classifiers (``.ftz``), as written by fastText since version 12."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FastTextModel", "read_model"]

_MAGIC, _VERSION = 793_712_314, 12
_HIERARCHICAL_SOFTMAX = 1
_CENTROIDS = 256


@dataclass(frozen=True)
class FastTextModel:
    """A linear classifier with a tree of binary decisions on top.

    Attributes:
        words: row of each word.
        labels: names, most frequent first.
        rows: embeddings of words, then of buckets of n-grams, shape (rows, dimension).
        buckets: row of each bucket, -1 where it was pruned, shape (buckets,).
        shortest, longest: characters of the n-grams.
        nodes: weights of the decisions of the tree, shape (labels - 1, dimension).
        paths: how often the decisions of each label go right, then left (0 or 1),
            shape (2 * (labels - 1), labels).
    """

    words: dict[str, int]
    labels: tuple[str, ...]
    rows: NDArray[np.float32]
    buckets: NDArray[np.int32]
    shortest: int
    longest: int
    nodes: NDArray[np.float32]
    paths: NDArray[np.float32]


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._file = BytesIO(content)

    def numbers(self, form: str) -> tuple[Any, ...]:
        form = "<" + form
        return struct.unpack(form, self._file.read(struct.calcsize(form)))

    def array(self, kind: str, count: int) -> NDArray[Any]:
        size = np.dtype(kind).itemsize * count
        content = self._file.read(size)
        if len(content) < size:
            raise ValueError("the file ends too early")
        return np.frombuffer(content, dtype=kind)

    def name(self) -> str:
        found = bytearray()
        while (byte := self._file.read(1)) not in (b"\0", b""):
            found += byte
        return found.decode("utf-8", "replace")


def read_model(content: bytes) -> FastTextModel:
    """Read a model.

    Raises:
        ValueError: not a quantised classifier with hierarchical softmax over single words.
    """
    reader = _Reader(content)
    try:
        return _model(reader)
    except (struct.error, IndexError) as error:
        raise ValueError(f"the file is damaged: {error}") from error


def _model(reader: _Reader) -> FastTextModel:
    magic, version = reader.numbers("2i")
    if (magic, version) != (_MAGIC, _VERSION):
        raise ValueError("not a fastText model of a known version")
    settings = reader.numbers("12i")
    reader.numbers("d")
    dimension, word_ngrams, loss, bucket_count, shortest, longest = (
        settings[i] for i in (0, 5, 6, 8, 9, 10)
    )
    if word_ngrams != 1 or loss != _HIERARCHICAL_SOFTMAX:
        raise ValueError("not a classifier of single words with hierarchical softmax")
    size, word_count, _, _, pruned = reader.numbers("3i2q")
    entries = [(reader.name(), *reader.numbers("qb")) for _ in range(size)]
    buckets = np.full(bucket_count, -1, dtype=np.int32)
    kept = reader.array("<i4", 2 * max(pruned, 0)).reshape(-1, 2)
    buckets[kept[:, 0]] = kept[:, 1] + word_count
    (quantised,) = reader.numbers("?")
    if not quantised:
        raise ValueError("not a quantised model")
    rows = _quantised(reader)
    (quantised,) = reader.numbers("?")
    if quantised:
        raise ValueError("a quantised output is not supported")
    count, width = reader.numbers("2q")
    nodes = reader.array("<f4", count * width).reshape(count, width)
    if rows.shape[1] != dimension or width != dimension:
        raise ValueError("the file is damaged: dimensions differ")
    labels = entries[word_count:]
    return FastTextModel(
        words={name: i for i, (name, _, _) in enumerate(entries[:word_count])},
        labels=tuple(name for name, _, _ in labels),
        rows=rows,
        buckets=buckets,
        shortest=shortest,
        longest=longest,
        nodes=nodes[: count - 1],
        paths=_paths([frequency for _, frequency, _ in labels]),
    )


def _quantised(reader: _Reader) -> NDArray[np.float32]:
    """Read a product-quantised matrix (Jégou et al. 2011) and unfold it."""
    has_norms, count, width, size = reader.numbers("?2qi")
    codes = reader.array("u1", size)
    found = _unfolded(reader, codes, count, width)
    if has_norms:
        norms = reader.array("u1", count)
        found *= _unfolded(reader, norms, count, 1)
    return found


def _unfolded(
    reader: _Reader, codes: NDArray[np.uint8], count: int, width: int
) -> NDArray[np.float32]:
    dimension, parts, part, last = reader.numbers("4i")
    if dimension != width or part * (parts - 1) + last != dimension:
        raise ValueError("the file is damaged: sizes of the quantiser don't fit")
    centroids = reader.array("<f4", dimension * _CENTROIDS)
    codes = codes.reshape(count, parts)
    found = np.empty((count, dimension), dtype=np.float32)
    for i in range(parts):
        wide = last if i == parts - 1 else part
        block = centroids[i * _CENTROIDS * part :][: _CENTROIDS * wide].reshape(_CENTROIDS, wide)
        found[:, i * part : i * part + wide] = block[codes[:, i]]
    return found


def _paths(frequencies: Sequence[int]) -> NDArray[np.float32]:
    """Build the Huffman tree of the labels, as fastText does at loading (ties to the leaf)."""
    leaves = len(frequencies)
    counts = [*frequencies, *[10**15] * (leaves - 1)]
    parent, right = [-1] * (2 * leaves - 1), [False] * (2 * leaves - 1)
    leaf, node = leaves - 1, leaves
    for new in range(leaves, 2 * leaves - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and counts[leaf] < counts[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        counts[new] = counts[pair[0]] + counts[pair[1]]
        parent[pair[0]] = parent[pair[1]] = new
        right[pair[1]] = True
    paths = np.zeros((2 * (leaves - 1), leaves), dtype=np.float32)
    for label in range(leaves):
        place = label
        while parent[place] >= 0:
            inner = parent[place] - leaves
            paths[inner if right[place] else inner + leaves - 1, label] = 1.0
            place = parent[place]
    return paths
