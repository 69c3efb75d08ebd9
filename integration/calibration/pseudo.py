"""Questions made from documents themselves, where nobody has judged any."""

from __future__ import annotations

import re
from collections.abc import Sequence

from opensearch_clir.calibration.sample import Sampled

__all__ = ["pseudo_query"]

#: Fewer characters than this ask nothing.
SHORTEST = 4

#: A question is no longer than this.
LONGEST = 200

_SENTENCE = re.compile(r"(?<=[.!?。！？])\s*|\n+")


def pseudo_query(document: Sampled) -> str | None:
    """Return a question that the document answers: its heading, or some words of a sentence.

    Without a heading, the longest half of the words of its longest sentence (of at most `LONGEST`
    characters) stand in their order; a script without spaces gives a part of the sentence. A
    question shares few of its words with the answer, so a whole sentence would overstate them.

    Returns:
        The text, or None where the document has nothing of the kind.
    """
    heading = " ".join(document.heading.split())[:LONGEST]
    if len(heading) >= SHORTEST:
        return heading
    sentences = [" ".join(part.split()) for part in _SENTENCE.split(document.body)]
    fitting = [s for s in sentences if SHORTEST <= len(s) <= LONGEST]
    if not fitting:
        return None
    return _half(max(fitting, key=len))


def _half(sentence: str) -> str:
    words = sentence.split()
    if len(words) < 4:
        return sentence[: max(SHORTEST, len(sentence) // 2)]
    return " ".join(_longest(words, len(words) // 2))


def _longest(words: Sequence[str], count: int) -> list[str]:
    order = sorted(range(len(words)), key=lambda i: (-len(words[i]), i))
    return [words[i] for i in sorted(order[:count])]
