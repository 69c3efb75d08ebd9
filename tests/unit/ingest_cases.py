"""What the tests of the write path share: a schema and an encoder whose vectors can be computed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from opensearch_clir.encoders.base import Role, Vectors
from opensearch_clir.errors import EncoderError
from opensearch_clir.index_templates.schema import Generation, IndexSchema, SourceField
from opensearch_clir.ingest.pipeline import Enricher
from opensearch_clir.language.registry import load_detector

LANGUAGES = ("de", "en", "fr", "ja", "ko", "ru", "zh")
ENGLISH = "The quick brown fox jumps over the lazy dog, and then it sleeps in the warm sun."
FRENCH = "Le renard brun saute par-dessus le chien paresseux, puis il dort au soleil chaud."


class WordHash:
    """Counts words by a hash of theirs; knows no word without letters; fails on ``BOOM``."""

    name = "word-hash"
    fingerprint = "f" * 64
    dimension = 16

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.longest = 0

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        assert role == "passage"
        self.calls.append(len(texts))
        self.longest = max(self.longest, *map(len, texts))
        if any("BOOM" in text for text in texts):
            raise EncoderError("the model does not like BOOM")
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                if any(c.isalpha() for c in word):
                    vectors[row, zlib.crc32(word.encode()) % self.dimension] += 1
        return vectors


def schema(
    fields: tuple[str, ...] = ("title^2", "text"),
    lang_field: str | None = None,
    group_field: str | None = None,
    entities: bool = True,
    lexicon: str | None = None,
) -> IndexSchema:
    generation = Generation(
        "abc123", "word-hash", "f" * 64, 16, {"matching": (0.1, 0.1), "non_matching": (0.0, 0.1)}
    )
    return IndexSchema(
        fields=tuple(SourceField.parse(f) for f in fields),
        languages=LANGUAGES,
        analyzers=dict.fromkeys(LANGUAGES, "standard"),
        generations={"abc123": generation},
        active="abc123",
        lang_field=lang_field,
        group_field=group_field,
        entities=entities,
        lexicon=lexicon,
    )


def enricher(given: IndexSchema | None = None, batch_size: int = 256) -> Enricher:
    return Enricher(
        given or schema(), WordHash(), load_detector("langdetect", LANGUAGES), batch_size
    )
