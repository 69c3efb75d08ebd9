"""What a teacher says of English texts: its vectors are what a student's are pulled towards.

The teacher may know English only. Translations inherit the vector of their English side (Reimers
and Gurevych, "Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation",
EMNLP 2020), so that the whole space takes the teacher's shape.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from opensearch_clir.encoders.base import Encoder, encode
from opensearch_clir.encoders.registry import load_encoder
from opensearch_clir.errors import DataError
from opensearch_clir.training import corpora, token_files, tokenized
from opensearch_clir.training.config import Config
from opensearch_clir.training.losses import Lessons
from opensearch_clir.training.static_model import Floats
from opensearch_clir.training.tokenized import Tables, Tokens
from opensearch_clir.training.workspace import Report

__all__ = ["answers", "lessons_of", "reduced", "select"]

#: Characters of a sentence that is asked about.
SHORTEST, LONGEST = 8, 220

#: Texts between two savings.
CHUNK = 2048


def select(folder: Path, sentences: int, words: int) -> list[str]:
    """Return English sentences and dictionary words to ask about, sorted by length, then text.

    Those with most translations first, since each teaches as many languages; a source has a share
    of the sentences by the square root of its size.

    Raises:
        ConfigurationError: there is no such folder.
        DataError: a corpus file is malformed.
    """
    corpora.check(folder)
    by_source: dict[str, Counter[str]] = defaultdict(Counter)
    for bitext in corpora.bitexts(folder):
        by_source[bitext.source].update(
            text for text in bitext.english if SHORTEST <= len(text) <= LONGEST
        )
    entries: Counter[str] = Counter()
    for _, lang1, word1, lang2, word2 in corpora.word_pairs(folder):
        if lang1 == "en":
            entries[word1] += 1
        if lang2 == "en":
            entries[word2] += 1
    return sorted({*_shared(by_source, sentences), *_most(entries, words)}, key=_by_length)


def lessons_of(config: Config, tokens: Tokens, tables: Tables, report: Report) -> Lessons | None:
    """Return what the configured teacher says, asked now or before; None without a teacher.

    Raises:
        EncoderError: the teacher can't be loaded, or can't encode.
        DataError: the folder `work` holds damaged files, or answers of another teacher.
    """
    if config.teacher is None:
        return None
    texts = select(config.data, config.teacher_sentences, config.teacher_words)
    vectors = answers(texts, config.teacher, config.work / "teacher", report)
    place = {text: row for row, text in enumerate(texts)}
    kept = np.full(len(tokens.starts) - 1, -1, np.int64)
    cache = config.work / "tokens"
    numbers = tokenized.load(cache)[1].english
    # Numbers that `tables` lacks are withheld from training.
    allowed = np.isin(numbers, tables.english)
    english = token_files.english_texts(cache)
    for number, text, use in zip(numbers, english, allowed, strict=True):
        if use and text in place:
            kept[number] = place[text]
    return Lessons(kept, reduced(vectors, config.dimension), config.distillation)


def answers(texts: list[str], teacher: str, folder: Path, report: Report) -> Floats:
    """Return the teacher's unit vectors (n, d); what `folder` holds of them is not asked again.

    Raises:
        EncoderError: the teacher can't be loaded, or can't encode.
        DataError: what the folder holds is damaged, or of other texts or another teacher.
    """
    asked = {"teacher": teacher, "texts": texts}
    path = folder / "asked.json"
    encoder: Encoder | None = None
    parts = [np.zeros((0, 1), np.float32)] if not texts else []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(json.dumps(asked, ensure_ascii=False), encoding="utf-8")
        if json.loads(path.read_text(encoding="utf-8")) != asked:
            raise DataError(
                f"{folder} holds what another teacher said, or of other texts; delete it"
            )
        for start in range(0, len(texts), CHUNK):
            part = folder / f"{start:08}.npy"
            if not part.exists():
                encoder = encoder or load_encoder(teacher)
                unfinished = part.with_suffix(".part.npy")
                np.save(unfinished, encode(encoder, texts[start : start + CHUNK], "passage"))
                unfinished.replace(part)
                report({"stage": "teacher", "texts": min(start + CHUNK, len(texts))})
            parts.append(np.load(part))
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{folder} can't be used: {error}; delete it to ask anew") from error
    return np.concatenate(parts)


def reduced(vectors: Floats, dimension: int) -> Floats:
    """Return unit rows (n, dimension) that keep the cosines of unit rows (n, d) as well as can be.

    They are the leading principal components, not centred, with zeros where d is smaller.
    """
    values, basis = np.linalg.eigh(vectors.T @ vectors)
    kept = vectors @ basis[:, np.argsort(-values)[:dimension]]
    kept = np.pad(kept, ((0, 0), (0, dimension - kept.shape[1])))
    unit: Floats = kept / np.maximum(np.linalg.norm(kept, axis=1, keepdims=True), 1e-9)
    return unit


def _shared(by_source: Mapping[str, Counter[str]], size: int) -> list[str]:
    total = sum(len(found) ** 0.5 for found in by_source.values())
    chosen: list[str] = []
    for _, found in sorted(by_source.items()):
        chosen += _most(found, round(size * len(found) ** 0.5 / total))
    return chosen


def _most(found: Counter[str], size: int) -> list[str]:
    return sorted(found, key=lambda text: (-found[text], text))[:size]


def _by_length(text: str) -> tuple[int, str]:
    return len(text), text
