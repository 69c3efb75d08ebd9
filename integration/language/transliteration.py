"""Words of any script in Latin letters: by anyascii, with what it leaves to the reader for some.

Anyascii maps one character at a time. Three scripts need more than that: small kana belong to the
kana before them, and Hebrew and Arabic write most vowels of foreign names with consonant letters.
"""

from __future__ import annotations

import functools
import re

from anyascii import anyascii

from opensearch_clir.language.folding import fold

__all__ = ["latin", "romanised", "script_of"]

#: First letter of a script that is romanised in a way of its own; everything else is ``Zyyy``.
_SCRIPTS = (
    ("Kana", re.compile("[\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff]")),
    ("Hebr", re.compile("[\u05d0-\u05ea]")),
    ("Arab", re.compile("[\u0620-\u06ff]")),
    ("Kore", re.compile("[\uac00-\ud7a3]")),
    ("Hani", re.compile("[\u3400-\u9fff]")),
    ("Cyrl", re.compile("[\u0400-\u052f]")),
    ("Latn", re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")),
)

_SMALL = dict(
    zip("ァィゥェォャュョヮ", ("a", "i", "u", "e", "o", "ya", "yu", "yo", "wa"), strict=True)
)
_NOT_LETTER = re.compile("[^a-z]+")

# Letters that stand for a vowel, or for a sound that anyascii writes like another.
_HEBREW = str.maketrans({"ו": "o", "י": "i", "א": "a", "ע": "a", "ה": "h", "כ": "k", "ח": "h"})
_ARABIC = str.maketrans(
    dict(zip("اأإآعىؤةيوغق", "aaaaaaoaiogk", strict=True)) | {"ئ": "i", "ء": ""}
)
_ARABIC_SOUNDS = (("تش", "sh"), ("ث", "t"), ("ذ", "d"), ("ج", "sh"))


def script_of(word: str) -> str:
    """Return the ISO 15924 code of the script that decides how a word is romanised.

    One of ``Latn``, ``Cyrl``, ``Kana``, ``Hani``, ``Kore``, ``Arab``, ``Hebr``, or ``Zyyy`` for all
    others, whose letters have vowels and are taken as anyascii gives them.
    """
    return next((name for name, letters in _SCRIPTS if letters.search(word)), "Zyyy")


@functools.lru_cache(maxsize=65_536)
def latin(word: str) -> str:
    """Return a word in the letters a-z and digits, as its exact key has it; may be empty.

    Never raises; idempotent; linear in the length of `word`.
    """
    folded = fold(word)
    if folded.isascii():
        letters = folded
    elif script_of(folded) == "Kana":
        letters = _kana(folded)
    else:
        letters = anyascii(folded).lower()
    return re.sub("[^a-z0-9]+", "", letters)


@functools.lru_cache(maxsize=65_536)
def romanised(word: str) -> tuple[str, str]:
    """Return a word as it sounds, in the letters a-z, and its script as `script_of` names it."""
    folded = fold(word)
    script = script_of(folded)
    if script == "Kana":
        return _only_letters(_kana(folded)), script
    if script == "Hebr":
        return _hebrew(folded), script
    if script == "Arab":
        return _arabic(folded), script
    letters = _only_letters(anyascii(folded).lower())
    if script == "Kore":
        # The vowel that Korean puts between consonants.
        letters = letters.replace("eu", "")
    elif script == "Hani":
        letters = re.sub("zh|[xqj]", "sh", letters)
    return letters, script


def _kana(folded: str) -> str:
    """Return Hepburn romanisation without long vowel marks and doubled consonants."""
    written = ""
    for sign in folded:
        katakana = chr(ord(sign) + 0x60) if "\u3041" <= sign <= "\u3096" else sign
        if katakana in "ッー":
            continue
        vowel = _SMALL.get(katakana)
        if vowel is None:
            written += anyascii(katakana).lower()
        elif written.endswith(("sha", "shi", "chi", "ji")) and vowel[0] == "y":
            written = written[:-1] + vowel[1:]
        elif written[-1:] in tuple("aiueo"):
            written = written[:-1] + vowel
        else:
            written += vowel
    return written


def _hebrew(folded: str) -> str:
    word = folded.replace("וו", "v").replace("יי", "י")
    if word.startswith("ו"):
        word = f"v{word[1:]}"
    elif word[:1] in ("א", "ע") and word[1:2] in ("ו", "י"):
        word = word[1:]
    letters = _only_letters(anyascii(word.translate(_HEBREW)).lower())
    return re.sub("h$", "a", letters)


def _arabic(folded: str) -> str:
    word = folded
    if word[:1] in tuple("اأإآع") and word[1:2] in ("و", "ي"):
        word = word[1:]
    for written, sound in _ARABIC_SOUNDS:
        word = word.replace(written, sound)
    return _only_letters(anyascii(word.translate(_ARABIC)).lower())


def _only_letters(text: str) -> str:
    return _NOT_LETTER.sub("", text)
