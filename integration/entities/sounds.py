"""What a name sounds like, coarsely enough that it comes out the same from different scripts.

In the line of Soundex (Russell 1918) and of Daitch-Mokotoff (1985): consonants that scripts confuse
share a sign, and letters that are read in two ways give two keys. Measured in decision 14.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Mapping

from opensearch_clir.language.transliteration import romanised

__all__ = ["sound_keys"]

#: Signs of a key; a shorter one means too many names.
MIN_SIGNS = 4

#: Keys of either kind that one word may have.
MAX_VARIANTS = 4

#: Letters of a word that are read; no name is longer, and run-together text is.
MAX_LETTERS = 40

#: Scripts between which vowels are not compared, as one of them leaves vowels out.
_SKELETON_SCRIPTS = frozenset({"Latn", "Cyrl", "Arab", "Hebr", "Zyyy"})

# Letters that one spelling reads in two ways: English and continental w, j, ch, soft g, mute r, th.
_READINGS = {
    "w": ("O", "B"),
    "j": ("S", "I"),
    "C": ("S", "k"),
    "G": ("g", "S"),
    "R": ("L", ""),
    "H": ("t", "S"),
}
_SKELETON_READINGS = _READINGS | {"w": ("", "B"), "j": ("S", ""), "R": ("R",)}

_SIBILANTS = re.compile("dzh|dj|tsch|tch|tsh|shch|sch|sh|ts|tz|zh|dz|cz|cs|sz|sc(?=[ei])")
_SPELLINGS = (("ph", "f"), ("kh", ""), ("gh", "g"), ("ck", "k"), ("x", "ks"), ("qu", "k"))
_CLASSES = str.maketrans("lreiyouawpfvb", "LLIIIOOAOBBBB")
_CONSONANTS = str.maketrans("pfvblr", "BBBBLR")
_VOWELS = re.compile("[aeiouyAIO]")


@functools.lru_cache(maxsize=65_536)
def sound_keys(word: str) -> tuple[str, ...]:
    """Return the phonetic keys of a name, the more specific kind first; may be empty.

    ``~`` marks keys with vowels (three classes), ``^`` consonant skeletons; a word has at most
    `MAX_VARIANTS` of each. Equal for spellings that differ in case, width or accents.
    """
    letters, script = romanised(word)
    if not 2 <= len(letters) <= MAX_LETTERS:
        return ()
    sounds = _sounds(letters, script)
    vowelled = (f"~{key}" for key in _vowelled(sounds, script))
    skeletons = (f"^{key}" for key in _skeletons(sounds, script))
    return (*vowelled, *skeletons)


def _sounds(letters: str, script: str) -> str:
    """Spelling to sounds: capitals are classes, or letters with several readings."""
    is_latin = script == "Latn"
    text = _SIBILANTS.sub("S", _single(letters))
    text = text.replace("ch", "C" if is_latin else "S").replace("th", "H" if is_latin else "t")
    for spelling, sound in _SPELLINGS:
        text = text.replace(spelling, sound)
    text = re.sub("c(?=[eiy])", "S", text.replace("q", "k")).replace("c", "k")
    text = re.sub("[zs]", "S", text).replace("h", "")
    if is_latin:
        text = re.sub("g(?=[eiy])", "G", text)
        text = re.sub("r(?![aeiouy])", "R", text)
    else:
        text = re.sub("j(?=[aeiou])", "S", text).replace("j", "i")
    text = re.sub("[nm]g(?![aeiouy])", "n", text)
    return re.sub("m(?=[bpvf])", "n", text)


def _vowelled(sounds: str, script: str) -> tuple[str, ...]:
    spoken = [sounds]
    if script == "Kana":  # vowels that Japanese puts after consonants
        spoken.insert(0, re.sub("(?<=[^aeiou])u|(?<=[td])o(?![aeiou])", "", sounds))
    elif script == "Hani":
        spoken.insert(
            0, re.sub("(?<=[kdtSf])[ei](?=[^aeiou]|$)|(?<=[bf])u(?=[^aeiou])", "", sounds)
        )
    elif script == "Latn" and re.search("[^aeiouy]es?$", sounds):  # a mute e
        spoken.insert(0, re.sub("e(?=s?$)", "", sounds))
    found: dict[str, None] = {}
    for text in spoken:
        for reading in _readings(text, _READINGS):
            key = re.sub("([AIO])[AIO]+", r"\1", reading.translate(_CLASSES))
            key = _single(key)
            if len(key) > MIN_SIGNS:
                key = re.sub("[AIO]$", "", key)
            if len(key) >= MIN_SIGNS:
                found[key.lower()] = None
    return tuple(found)[:MAX_VARIANTS]


def _skeletons(sounds: str, script: str) -> tuple[str, ...]:
    if script not in _SKELETON_SCRIPTS:
        return ()
    text = sounds if script in ("Latn", "Zyyy") else sounds.replace("w", "")
    initial = "A" if _VOWELS.match(text) else ""
    found: dict[str, None] = {}
    for reading in _readings(text, _SKELETON_READINGS):
        key = initial + _single(_VOWELS.sub("", reading).translate(_CONSONANTS))
        if len(key) >= MIN_SIGNS:
            found[key.lower()] = None
    return tuple(found)[:MAX_VARIANTS]


def _readings(text: str, table: Mapping[str, tuple[str, ...]]) -> list[str]:
    choices = [table.get(letter, (letter,)) for letter in text]
    spelled = itertools.islice(itertools.product(*choices), 2 * MAX_VARIANTS)
    return ["".join(reading) for reading in spelled]


def _single(text: str) -> str:
    return re.sub(r"(.)\1+", r"\1", text)
