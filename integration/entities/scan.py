"""A text as runs that can hold an entity, cut where the way of writing changes. One linear pass."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import Literal, NamedTuple

__all__ = ["Run", "RunKind", "prepared", "runs"]

#: ``cased``: Latin, Greek, Cyrillic, Armenian letters and digits, with what joins them inside a
#: code or an address; ``spaced``: words of scripts without case; ``kana``: katakana.
RunKind = Literal["cased", "spaced", "kana", "hiragana", "han"]


class Run(NamedTuple):
    """One run.

    Attributes:
        kind: see `RunKind`.
        text: of the run, without marks that case and accents do not need.
        before: what stands between it and the run before it.
    """

    kind: RunKind
    text: str
    before: str


# Invisible characters, and marks that are no letters; both only keep equal words apart.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ud800-\udfff]+"
)
_MARKS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u0483-\u0489"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed]+"
)

# Sorting marks takes quadratic time; no word has that many on a letter, in any normal form.
_PILED = re.compile(r"(?:(?!\s)[^\x00-\u02ff\w]){64,}")

_CASED = "A-Za-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u052f\u0531-\u0587\u1e00-\u1fff"
_RUN = re.compile(
    f"(?P<cased>[A-Za-z](?:\\+\\+|#)(?![{_CASED}])"
    f"|[{_CASED}]+(?:(?:://|[-./:@_'’&,])[{_CASED}]+)*)"
    "|(?P<kana>[\u30a1-\u30fa\u30fc\u31f0-\u31ff]+)"
    "|(?P<hiragana>[\u3041-\u3096\u30fc]+)"
    "|(?P<han>[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]+)"
    "|(?P<spaced>[\u05d0-\u05f2\u0620-\u06ff\u0750-\u077f\u0900-\u0963\u0970-\u0df3"
    "\u1000-\u10ff\uac00-\ud7a3]+)"
)

_DIGITS = {
    code: str(unicodedata.decimal(chr(code)))
    for code in range(0x80, sys.maxunicode + 1)
    if unicodedata.decimal(chr(code), None) is not None
} | {0x066B: ".", 0x066C: ","}


def prepared(text: str) -> str:
    """Return the text as it is scanned: composed, digits of all scripts as 0-9, no bare marks.

    The same for every normal form of a text. Case stays. Never raises; linear.
    """
    if text.isascii():
        return text
    visible = _PILED.sub("", _INVISIBLE.sub("", text))
    composed = unicodedata.normalize("NFKC", visible).translate(_DIGITS)
    return _MARKS.sub("", composed)


def runs(text: str) -> Iterator[Run]:
    """Yield the runs of a prepared text in order."""
    end = 0
    for match in _RUN.finditer(text):
        kind: RunKind = match.lastgroup  # type: ignore[assignment]
        yield Run(kind, match[0], text[end : match.start()])
        end = match.end()
