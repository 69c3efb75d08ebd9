"""How much of two texts is the same: copies of a passage, and near duplicates among many texts."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict

import numpy as np

from opensearch_clir.language.folding import fold

__all__ = ["Seen", "copied_share", "plain"]

#: Bytes of UTF-8 (8 Chinese characters, 12 Russian letters) below which a stretch is no copy:
#: names and compounds must be allowed to return.
SHORTEST_COPY = 24

#: Hash functions, in bands of so many: pairs that share 80% of their triples meet in one of the
#: bands with a probability of 0.9998, those that share 40% with one of 0.34.
HASHES, BAND = 64, 4

_NO_WORD = re.compile(r"[\W_]+")


def plain(text: str) -> str:
    """Return the text folded, its words separated by single blanks and all else dropped."""
    return " ".join(_NO_WORD.sub(" ", fold(text)).split())


def copied_share(query: str, passage: str) -> float:
    """Return the longest stretch of a query that its passage holds, as a share of the query.

    It is 0 where the stretch is shorter than `SHORTEST_COPY`. Both are compared as by `plain`.
    """
    short, long = plain(query), plain(passage)
    best = start = 0
    for end in range(1, len(short) + 1):
        # The stretch that ends here can be at most one longer than the best one so far.
        while start < end - best and short[start:end] not in long:
            start += 1
        if end - start > best and short[start:end] in long:
            best, at = end - start, start
    if not best or len(short[at : at + best].encode()) < SHORTEST_COPY:
        return 0.0
    return best / len(short)


class Seen:
    """Texts so far; finds one that is nearly the same (Broder, "On the resemblance …", 1997)."""

    def __init__(self, near: float, seed: int = 1) -> None:
        """Take the Jaccard similarity of letter triples from which two texts are the same."""
        rng = np.random.default_rng(seed)
        # Multiply-shift hashing: the upper half of a product modulo 2 ** 64 by an odd factor.
        self._factor = rng.integers(1, 1 << 63, HASHES, np.uint64) * np.uint64(2) + np.uint64(1)
        self._offset = rng.integers(0, 1 << 63, HASHES, np.uint64)
        self._near = near
        self._equal: set[str] = set()
        self._triples: list[frozenset[int]] = []
        self._bands: dict[tuple[int, bytes], list[int]] = defaultdict(list)

    def add(self, text: str) -> str | None:
        """Return ``duplicate`` or ``near duplicate`` of an earlier text, or None and keep it."""
        same = plain(text)
        if same in self._equal:
            return "duplicate"
        triples = _triples(same)
        bands = self._signature(triples)
        for number in {n for band in bands for n in self._bands.get(band, ())}:
            other = self._triples[number]
            if len(triples & other) >= self._near * len(triples | other):
                return "near duplicate"
        self._equal.add(same)
        for band in bands:
            self._bands[band].append(len(self._triples))
        self._triples.append(triples)
        return None

    def _signature(self, triples: frozenset[int]) -> list[tuple[int, bytes]]:
        hashed = np.fromiter(triples, np.uint64, len(triples))
        least = (hashed[:, None] * self._factor + self._offset >> np.uint64(32)).min(axis=0)
        rows = least.reshape(-1, BAND)
        return [(number, row.tobytes()) for number, row in enumerate(rows)]


def _triples(text: str) -> frozenset[int]:
    """Return digests (32 bits) of the letter triples; a blank stands before and after."""
    padded = f" {text} "
    return frozenset(
        zlib.crc32(padded[at : at + 3].encode("utf-8", "surrogatepass"))
        for at in range(max(1, len(padded) - 2))
    )
