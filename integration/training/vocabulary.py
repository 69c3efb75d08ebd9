"""One Unigram vocabulary over all languages, learned from a language-balanced sample."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.training import corpora

__all__ = ["UNKNOWN", "WORD_START", "balanced", "learn", "rounded", "texts_by_language"]

#: The unknown piece; it is id 0 and its vector is zero.
UNKNOWN = "<unk>"

#: The piece that marks the start of a word.
WORD_START = "▁"

#: Longest text, in characters, that enters the sample.
MAX_CHARACTERS = 400


def texts_by_language(folder: Path, *more: Path) -> dict[str, list[str]]:
    """Return the distinct sentences, words and lines of pages of a data folder by language.

    Questions and the lines of their passages are read from it and from the folders `more`.

    Raises:
        ConfigurationError: there is no such folder.
        DataError: a corpus file is malformed, or there is no text at all.
    """
    corpora.check(folder)
    found: dict[str, set[str]] = defaultdict(set)
    for bitext in corpora.bitexts(folder):
        found["en"].update(bitext.english)
        found[bitext.lang].update(bitext.other)
    for _, lang1, word1, lang2, word2 in corpora.word_pairs(folder):
        found[lang1].add(word1)
        found[lang2].add(word2)
    for _, row in corpora.meanings(folder):
        for lang, texts in row.items():
            found[lang].update(texts)
    for page in corpora.pages(folder):
        found[page.lang].update(line for line in page.text.split("\n") if line)
    for question in corpora.questions(folder, *more):
        found[question.lang].add(question.text)
        found[question.passage_lang].update(line for line in question.passage.split("\n") if line)
    if not any(found.values()):
        raise DataError(f"{folder} holds no text to learn a vocabulary from")
    return {lang: sorted(texts) for lang, texts in sorted(found.items())}


def balanced(texts: dict[str, list[str]], total: int, exponent: float, seed: int) -> Iterator[str]:
    """Yield about `total` texts, languages weighted by size to the power `exponent`.

    A language with fewer texts than its share gives all it has, once. Texts are cut at
    `MAX_CHARACTERS`. The same arguments give the same texts in the same order.
    """
    rng = np.random.default_rng(seed)
    weights = {lang: len(rows) ** exponent for lang, rows in texts.items()}
    scale = total / sum(weights.values())
    for lang, rows in texts.items():
        count = min(len(rows), int(scale * weights[lang]) + 1)
        for index in rng.choice(len(rows), size=count, replace=False):
            yield rows[index][:MAX_CHARACTERS]


def learn(texts: Iterable[str], size: int) -> Tokenizer:
    """Return a Unigram tokenizer with at most `size` pieces learned from `texts`.

    Texts are NFKC-normalised and lower-cased; accents stay. The unknown piece is id 0.

    Raises:
        ConfigurationError: the texts have more distinct characters than `size`.
    """
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=size,
        unk_token=UNKNOWN,
        special_tokens=[UNKNOWN],
        max_piece_length=16,
        show_progress=False,
    )
    try:
        tokenizer.train_from_iterator(texts, trainer)
    # The library raises nothing more specific than Exception.
    except Exception as error:
        raise ConfigurationError(
            f"no vocabulary of {size} pieces can be learned: {error}; raise `vocabulary`"
        ) from error
    return rounded(tokenizer)


def rounded(tokenizer: Tokenizer) -> Tokenizer:
    """Return the tokenizer with piece scores of four decimals: a file of a third the size."""
    state = json.loads(tokenizer.to_str())
    state["model"]["vocab"] = [[piece, round(score, 4)] for piece, score in state["model"]["vocab"]]
    return Tokenizer.from_str(json.dumps(state, ensure_ascii=False))
