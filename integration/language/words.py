"""How frequent words are in each language, and which of them are function words."""

from __future__ import annotations

import functools
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

__all__ = ["Words", "load_words"]

#: Function words of languages without spaces, where they stand between words of another script.
_UNSPACED = {
    "ja": "の に は を が で と も から まで です ます か へ や よ ね した して する な って",
    "th": "ที่ ใน และ ของ ไม่ ได้ เป็น มี จะ ให้ ก็ กับ",
    "zh": "的 了 吗 是 在 我 你 我的 你的 和 把 被 都 也 就 不 没 没有 有 呢 吧 怎么 什么 用 会 让",
}


@dataclass(frozen=True)
class Words:
    """Counted words; see ``WORDS.md`` beside this module for where they come from.

    Attributes:
        shares: language -> word -> share of the running words, in (0, 1). ``hi-Latn`` holds
            romanised Hindi as people typed it. Sums to less than 1: the rest is rarer words.
        function_words: language -> words that say nothing about what a text is about.
    """

    shares: Mapping[str, Mapping[str, float]]
    function_words: Mapping[str, frozenset[str]]


@functools.cache
def load_words() -> Words:
    """Read the words that come with the package (about a tenth of a second, once per process)."""
    packed = resources.files("opensearch_clir.language").joinpath("words.txt.gz").read_bytes()
    shares: dict[str, dict[str, float]] = {}
    functional = {code: frozenset(words.split()) for code, words in _UNSPACED.items()}
    for line in gzip.decompress(packed).decode("utf-8").splitlines():
        code, bucket, words = line.split("\t")
        if bucket == "=":
            functional[code] = frozenset(words.split())
        else:
            share = 2.0 ** (-int(bucket) / 2)
            shares.setdefault(code, {}).update(dict.fromkeys(words.split(), share))
    return Words(shares, functional)
