"""A made-up bilingual corpus, and helpers to write corpora and run the training (no tests here)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from opensearch_clir.encoders.base import Role, Vectors
from opensearch_clir.training.config import Config
from opensearch_clir.training.mixture import Mixture

#: English words and their made-up translations share no letters.
_HERE, _THERE = "bdfgklmnprst", "вжзкмнпрстфх"
_VOWELS_HERE, _VOWELS_THERE = "aeiou", "аеиоу"

WORDS = 60
PAIRS = 240

#: Pairs whose English sentence is left out of training, see `unrelated.HELD_OUT`.
Pair = tuple[str, str]


class Numbers:
    """Texts that begin with near numbers are near."""

    name = fingerprint = "numbers"
    dimension = 2

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        angles = np.array([int(text.split()[0]) / 100 for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def _word(rng: np.random.Generator, consonants: str, vowels: str) -> str:
    return "".join(
        consonants[rng.integers(len(consonants))] + vowels[rng.integers(len(vowels))]
        for _ in range(3)
    )


def bilingual(seed: int = 5) -> tuple[list[Pair], list[Pair]]:
    """Return sentence pairs of made-up words, translated word by word, and the word pairs."""
    rng = np.random.default_rng(seed)
    lexicon = [
        (_word(rng, _HERE, _VOWELS_HERE), _word(rng, _THERE, _VOWELS_THERE)) for _ in range(WORDS)
    ]
    sentences = []
    for _ in range(PAIRS):
        chosen = [lexicon[number] for number in rng.choice(WORDS, size=5, replace=False)]
        sentences.append((" ".join(w for w, _ in chosen), " ".join(w for _, w in chosen[::-1])))
    return sentences, lexicon


def gz(path: Path, lines: Iterable[str]) -> Path:
    """Write compressed lines, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    return path


def jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write compressed JSON lines."""
    return gz(path, (json.dumps(row, ensure_ascii=False) for row in rows))


def write_corpus(folder: Path, pairs: int = PAIRS - 40) -> Path:
    """Write all four rooms; the last sentence pairs stay out, for tests of retrieval."""
    sentences, lexicon = bilingual()
    sentences = sentences[:pairs]
    gz(folder / "parallel" / "made.xx.tsv.gz", ("\t".join(pair) for pair in sentences))
    gz(folder / "dict" / "words.tsv.gz", (f"en\t{a}\txx\t{b}" for a, b in lexicon[:30]))
    jsonl(folder / "multi" / "senses.jsonl.gz", ({"en": a, "xx": [b]} for a, b in lexicon[30:]))
    jsonl(folder / "docs" / "pages.jsonl.gz", _pages(sentences))
    return folder


def _pages(sentences: list[Pair]) -> Iterable[dict[str, str]]:
    for start in range(0, len(sentences), 10):
        for side, lang in enumerate(("en", "xx")):
            lines = [pair[side] for pair in sentences[start : start + 10]]
            yield {
                "id": f"{start}.{lang}",
                "lang": lang,
                "group": f"g{start}",
                "title": lines[0],
                "text": "\n".join(lines[1:]),
            }


def small(data: Path, work: Path, **settings: Any) -> Config:
    """Return the configuration of a run of a second."""
    chosen: dict[str, Any] = {
        "vocabulary": 260,
        "dimension": 32,
        "batch": 64,
        "steps": 60,
        "every": 20,
        "rate": 0.01,
        "start": "random",
        "mixture": Mixture(window=3),
    }
    return Config(data=data, work=work, **(chosen | settings))
