"""Whole words as pieces of their own, beside the pieces that a Unigram vocabulary has learned.

A static model knows a word by the sum of its pieces. A rare word cut into three short ones is
known poorly, however often a dictionary lists it; as one piece it has a vector of its own.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

from tokenizers import Tokenizer

from opensearch_clir.training.vocabulary import WORD_START

__all__ = ["MAX_WORD", "added", "chosen", "counted"]

#: Longest word, in characters.
MAX_WORD = 20

#: Rarer words are left to their pieces: one occurrence teaches little and may be a slip.
MIN_COUNT = 2

#: Languages with fewer words in the data, repeats included, have no words of their own: vectors
#: for them would be learned from next to nothing.
ENOUGH = 100_000

#: A word outweighs the best way to cut it by at least this, in nats.
MARGIN = 0.01

#: Scripts written without spaces between words.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
)

#: Longest entry of an unspaced script that is looked for in running text.
MAX_UNSPACED = 6


def counted(texts: Iterable[str]) -> Counter[str]:
    """Return how often each piece-to-be occurs in the texts of one language.

    Words between spaces carry the mark of a word's start. In scripts without spaces, the short
    texts (those of dictionaries) are the words; they are counted wherever they stand.
    """
    spaced: Counter[str] = Counter()
    running: list[str] = []
    for text in texts:
        folded = unicodedata.normalize("NFKC", text).lower()
        if _UNSPACED.search(folded):
            running.append(folded)
        else:
            spaced.update(folded.split())
    words: Counter[str] = Counter()
    for word, count in spaced.items():
        bare = _bare(word)
        if 2 <= len(bare) <= MAX_WORD and all(map(_in_word, bare)):
            words[WORD_START + bare] += count
    words.update(_unspaced(running))
    return words


def _in_word(character: str) -> bool:
    """Whether a character occurs within words: a letter, a mark, an apostrophe or a hyphen."""
    return character.isalpha() or character in "'’-" or unicodedata.category(character)[0] == "M"


def _unspaced(texts: list[str]) -> Counter[str]:
    """Count the texts of 2 to `MAX_UNSPACED` characters wherever they occur in the others."""
    entries = {t for t in texts if 2 <= len(t) <= MAX_UNSPACED and t.isalpha()}
    found: Counter[str] = Counter()
    for text in texts:
        for length in range(2, min(MAX_UNSPACED, len(text)) + 1):
            for start in range(len(text) - length + 1):
                part = text[start : start + length]
                if part in entries:
                    found[part] += 1
    return found


def _bare(word: str) -> str:
    """Return the word without the signs around it."""
    start, end = 0, len(word)
    while start < end and _is_sign(word[start]):
        start += 1
    while end > start and _is_sign(word[end - 1]):
        end -= 1
    return word[start:end]


def _is_sign(character: str) -> bool:
    """Whether a character is neither letter, mark nor digit."""
    return not character.isalnum() and unicodedata.category(character)[0] != "M"


def chosen(
    counts: Mapping[str, Counter[str]], tokenizer: Tokenizer, size: int, enough: int = ENOUGH
) -> dict[str, int]:
    """Return `size` words at most with their counts: the most frequent share of each language.

    Args:
        counts: by language, see `counted`.
        tokenizer: words that it has as pieces are left out.
        size: words at most.
        enough: words, repeats included, that a language needs to have a share.
    """
    known = tokenizer.get_vocab()
    usable = {
        lang: [(w, c) for w, c in words.most_common() if c >= MIN_COUNT and w not in known]
        for lang, words in sorted(counts.items())
        if words.total() >= enough
    }
    left = {lang: words for lang, words in usable.items() if words}
    picked: dict[str, int] = {}
    # Languages with fewer words than their share leave the rest to the others.
    while left and len(picked) < size:
        total = sum(map(len, left.values()))
        room = size - len(picked)
        shares = {lang: room * len(words) // total + 1 for lang, words in left.items()}
        for lang, words in list(left.items()):
            for word, count in words[: shares[lang]]:
                picked[word] = picked.get(word, 0) + count
            left[lang] = words[shares[lang] :]
            if not left[lang]:
                del left[lang]
    return dict(sorted(picked.items(), key=lambda item: (-item[1], item[0]))[:size])


def added(tokenizer: Tokenizer, words: Iterable[str]) -> Tokenizer:
    """Return the Unigram tokenizer with `words` as further pieces, after its own.

    A word's score is barely more than that of the best way to cut it, so that it wins there and
    nowhere else: words that are pieces already, or that begin alike, are cut as before.
    """
    state = json.loads(tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    scores = dict(vocabulary)
    new = [word for word in words if word not in scores]
    bare = [word.removeprefix(WORD_START) for word in new]
    encodings = tokenizer.encode_batch_fast(bare, add_special_tokens=False)
    for word, encoding in zip(new, encodings, strict=True):
        # The fast variant gives numbers alone.
        pieces = [vocabulary[number][0] for number in encoding.ids]
        if not word.startswith(WORD_START):
            # The mark was put there for the occasion.
            pieces = [pieces[0].removeprefix(WORD_START), *pieces[1:]]
        score = sum(scores[piece] for piece in pieces if piece in scores)
        vocabulary.append([word, round(score + MARGIN, 4)])
    return Tokenizer.from_str(json.dumps(state, ensure_ascii=False))
