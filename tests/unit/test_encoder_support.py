"""A tiny static model for the tests of encoders (no tests here)."""

from __future__ import annotations

import functools
import gzip
import json
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

DIMENSION = 16

SENTENCES = [
    "The library opens at nine in the morning.",
    "Die Bibliothek öffnet um neun Uhr morgens.",
    "La bibliothèque ouvre à neuf heures du matin.",
    "La biblioteca abre a las nueve de la mañana.",
    "Библиотека открывается в девять утра.",
    "تفتح المكتبة في التاسعة صباحا.",
    "पुस्तकालय सुबह नौ बजे खुलता है।",
    "图书馆早上九点开门。",
    "図書館は朝九時に開きます。",
    "도서관은 아침 아홉 시에 문을 엽니다.",
    "Rivers carry sand to the sea.",
    "Flüsse tragen Sand ins Meer.",
]


@functools.cache  # training twice gives scores that differ in the last digits
def train_tokenizer(vocabulary: int = 400) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocabulary,
        unk_token="<unk>",
        special_tokens=["<unk>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer


def write_model(folder: Path, *, compressed: bool = True, max_tokens: int = 64) -> Path:
    """Write a model with random weights; the same call writes the same vectors."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = train_tokenizer()
    size = tokenizer.get_vocab_size()
    rng = np.random.default_rng(7)
    rows = rng.integers(-127, 128, (size, DIMENSION), dtype=np.int8)
    scales = rng.uniform(0.001, 0.01, size).astype(np.float16)
    rows[0], scales[0] = 0, 0
    np.save(folder / "weights.npy", rows)
    np.save(folder / "scales.npy", scales)
    text = tokenizer.to_str()
    if compressed:
        (folder / "tokenizer.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    config = {
        "name": "tiny",
        "version": "1",
        "dimension": DIMENSION,
        "vocabulary": size,
        "max_tokens": max_tokens,
        "languages": ["en", "de"],
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
