"""The n-gram profiles that come with langdetect, as one matrix of log probabilities."""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from langdetect.detector_factory import PROFILES_DIRECTORY
from langdetect.utils.ngram import NGram
from numpy.typing import NDArray

__all__ = ["Profiles", "load_profiles", "normalise"]

#: Added to each probability (langdetect's alpha / base frequency): an n-gram never seen in a
#: language speaks against it, but does not exclude it.
SMOOTHING = 0.5 / 10_000

#: Letters of a word in a script that puts spaces between words.
MAX_WORD = 40
_FIRST_IDEOGRAPH = "\u2e80"

_ADDRESS = re.compile(r"https?://\S+|\S+@\S+")
_SPACES = re.compile(r"\s+")


class _Letters(dict[int, str]):
    """langdetect's normal form of each character, filled as characters come."""

    def __missing__(self, code: int) -> str:
        self[code] = str(NGram.normalize(chr(code)))
        return self[code]


_LETTERS = _Letters()


def normalise(text: str) -> str:
    """Return `text` as langdetect counts n-grams: letters and single spaces.

    Addresses go, as do runs that are no words (hashes, encoded data). Words all in capitals become
    lower case (langdetect skips them).
    """
    text = _ADDRESS.sub(" ", unicodedata.normalize("NFC", text))
    words = (
        word.lower() if len(word) > 1 and word.isupper() else word
        for word in text.split()
        if len(word) <= MAX_WORD or word[0] >= _FIRST_IDEOGRAPH
    )
    return _SPACES.sub(" ", f" {' '.join(words)} ".translate(_LETTERS))


@dataclass(frozen=True)
class Profiles:
    """Log probabilities of n-grams in some languages.

    Attributes:
        codes: language of each column; a language can have several (simplified and traditional).
        keys: sorted; each n-gram (1 to 3 characters, 21 bits each) as one number, shape (n,).
        logs: log of the smoothed probability of the n-gram in the language, shape (n, columns).
    """

    codes: tuple[str, ...]
    keys: NDArray[np.uint64]
    logs: NDArray[np.float32]

    def likelihoods(self, text: str) -> NDArray[np.float64]:
        """Sum the log probabilities of the n-grams of a text, as `normalise` returns it.

        Each n-gram counts once: "xxxxx" is no more Somali than "xx". Those that no language has
        count nothing.

        Returns:
            Log likelihoods, shape (columns,).
        """
        keys = _ngrams(text)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        sums: NDArray[np.float64] = self.logs[np.unique(place[self.keys[place] == keys])].sum(
            axis=0, dtype=np.float64
        )
        return sums


def _ngrams(text: str) -> NDArray[np.uint64]:
    """Return the key of every n-gram inside a word, its bordering spaces included."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    wide = codes.astype(np.uint64)
    letter = wide != ord(" ")
    pairs = (wide[:-1] << np.uint64(21)) | wide[1:]
    triples = (pairs[:-1] << np.uint64(21)) | wide[2:]
    inner = letter[1:-1]  # a space in the middle would join two words
    return np.concatenate([wide[letter], pairs, triples[inner]])


def _key(ngram: str) -> int:
    key = 0
    for char in ngram:
        key = (key << 21) | ord(char)
    return key


@functools.cache
def load_profiles() -> Profiles:
    """Read langdetect's profiles (about half a second, once per process).

    ``zh-cn`` and ``zh-tw`` are both columns of ``zh``.
    """
    profiles: list[dict[str, Any]] = [
        json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(Path(PROFILES_DIRECTORY).iterdir())
        if not file.name.startswith((".", "_"))
    ]
    rows = {key: i for i, key in enumerate(sorted({_key(g) for p in profiles for g in p["freq"]}))}
    table = np.full((len(rows), len(profiles)), SMOOTHING, dtype=np.float64)
    for column, profile in enumerate(profiles):
        for ngram, frequency in profile["freq"].items():
            table[rows[_key(ngram)], column] += frequency / profile["n_words"][len(ngram) - 1]
    return Profiles(
        codes=tuple(str(p["name"]).split("-")[0] for p in profiles),
        keys=np.fromiter(rows, dtype=np.uint64, count=len(rows)),
        logs=np.log(table).astype(np.float32),
    )
