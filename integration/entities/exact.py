"""Keys of codes, numbers, versions and addresses: one spelling for all that mean the same."""

from __future__ import annotations

import re

from opensearch_clir.entities.sounds import sound_keys
from opensearch_clir.language.transliteration import latin, script_of

__all__ = [
    "JOINTS",
    "MAX_KEY",
    "address_key",
    "code_key",
    "compound_keys",
    "domain",
    "number_key",
    "word_key",
]

#: Characters of a key, its mark included.
MAX_KEY = 64

_MAIL = re.compile(r"[^/:@]{1,64}@([^/:@]+\.[^/:@]+)")
_HOST = re.compile(
    r"(?:[a-z]+://)?(?:www\.)?((?:[^\W_][\w-]*\.)+[a-z]{2,24})(?::\d+)?((?:[/:].*)?)"
)
_GROUPED = re.compile(r"(?!0)(\d{1,3})((?:([.,' ])\d{3})(?:\3\d{3})*)(?:[.,](\d+))?")
_DECIMAL = re.compile(r"(\d+)[.,](\d+)")
_VERSION = re.compile(r"v?(\d+(?:\.\d+)+)", re.IGNORECASE)

#: What joins the parts of a code, a number or an address.
JOINTS = re.compile(r"[-./:@_'’&,]+")


def word_key(word: str) -> str | None:
    """Return the exact key of a word, such as ``=tokyo``; None where it has none.

    One letter has none, nor has a word of a script that leaves vowels out, and three letters of
    another script are too often the same by chance.
    """
    letters = latin(word[: 2 * MAX_KEY])
    script = script_of(word)
    least = 2 if script in ("Latn", "Cyrl") else 4
    if len(letters) < least or script in ("Arab", "Hebr"):
        return None
    return f"={letters}"[:MAX_KEY]


def number_key(text: str) -> str | None:
    """Return the key of a number or dotted version, None if it is neither.

    ``1,000``, ``1.000``, ``1'000`` and ``1 000`` are one thousand, as a point before three digits
    at the end is read as grouping; ``4,5`` is ``4.5``; ``v2.19.1`` is ``2.19.1``.
    """
    if text.isdigit():
        return f"={text}"[:MAX_KEY]
    grouped = _GROUPED.fullmatch(text)
    if grouped:
        whole = re.sub(r"\D", "", grouped[1] + grouped[2])
        return f"={whole}.{grouped[4]}"[:MAX_KEY] if grouped[4] else f"={whole}"[:MAX_KEY]
    decimal = _DECIMAL.fullmatch(text)
    if decimal:
        return f"={decimal[1]}.{decimal[2]}"[:MAX_KEY]
    version = _VERSION.fullmatch(text)
    return f"={version[1]}"[:MAX_KEY] if version else None


def code_key(text: str) -> str | None:
    """Return the key of a run of letters and digits: ``GPT-4`` and ``GPT4`` are ``=gpt4``.

    None for a run that is too long, or goes on with an ordinary word (``60-minute``).
    """
    parts = [part for part in JOINTS.split(text) if part]
    if len(parts) > 4 or any(p.isalpha() and p.islower() and len(p) > 3 for p in parts[1:]):
        return None
    joined = latin("".join(parts)[: 2 * MAX_KEY])
    return f"={joined}" if 2 <= len(joined) <= 32 else None


def compound_keys(word: str, code: str) -> tuple[str, ...]:
    """Return the keys of a name and the short code after it: ``ISO 9001`` and ``ISO-9001``.

    The sound of the name counts too, so that لومو 2 is Lumo 2.
    """
    name, number = latin(word[:MAX_KEY]), latin(code[:MAX_KEY])
    if not (1 <= len(name) <= 20 and 1 <= len(number) <= 8):
        return ()
    sounds = [key for key in sound_keys(word) if key.startswith("~")]
    return (f"={name}{number}", *(f"{key}{number}" for key in sounds[:2]))


def address_key(text: str) -> str | None:
    """Return the key of an e-mail address, URL or domain, without its scheme; None for others."""
    host = domain(text)
    if host is None:
        return None
    lower = text.lower()
    mail = _MAIL.fullmatch(lower)
    whole = lower if mail else lower[lower.index(host) :]
    return f"={whole.rstrip('/')}"[:MAX_KEY]


def domain(text: str) -> str | None:
    """Return the domain of an e-mail address or URL, or the domain itself; None for others."""
    lower = text.lower()
    mail = _MAIL.fullmatch(lower)
    if mail:
        return mail[1]
    found = _HOST.fullmatch(lower)
    return found[1] if found and len(found[1].split(".")[0]) >= 2 else None
