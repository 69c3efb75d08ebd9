"""Colour scales that colour-blind readers can tell apart, each colour with a legible ink.

Both scales vary in lightness alone or between orange and blue, which all common kinds of colour
blindness keep apart; cells print their values as well.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Paint", "contrast", "diverging", "sequential"]

_BLUES = ("#f7fbff", "#deebf7", "#c6dbef", "#9ecae1", "#6baed6", "#3182bd", "#08519c", "#08306b")
_ORANGE_BLUE = ("#8f4300", "#d9791a", "#fdc58a", "#f7f7f7", "#a6cbe6", "#3a87c2", "#0b4a86")


class Paint(NamedTuple):
    """Background and ink as ``#rrggbb``."""

    background: str
    ink: str

    @property
    def style(self) -> str:
        """As a CSS declaration."""
        return f"background:{self.background};color:{self.ink}"


def sequential(value: float) -> Paint:
    """Return the colour of a value in [0, 1], light to dark; beyond, that of the end."""
    return _paint(_BLUES, value)


def diverging(value: float, reach: float) -> Paint:
    """Return the colour of a difference in [-reach, reach]: orange, white at 0, blue."""
    return _paint(_ORANGE_BLUE, 0.5 + 0.5 * value / reach if reach > 0 else 0.5)


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours by WCAG, 1 to 21."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _paint(stops: tuple[str, ...], share: float) -> Paint:
    place = min(max(share, 0.0), 1.0) * (len(stops) - 1)
    lower = min(int(place), len(stops) - 2)
    pairs = zip(_channels(stops[lower]), _channels(stops[lower + 1]), strict=True)
    mixed = [round(a + (b - a) * (place - lower)) for a, b in pairs]
    background = "#" + "".join(f"{channel:02x}" for channel in mixed)
    # The better of black and white has a contrast of 4.58 at least, above the 4.5 of WCAG AA.
    ink = max(("#000000", "#ffffff"), key=lambda candidate: contrast(background, candidate))
    return Paint(background, ink)


def _channels(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]


def _luminance(colour: str) -> float:
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
