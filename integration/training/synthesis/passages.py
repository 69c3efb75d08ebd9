"""The passages that are asked about: read, cut, and sampled with a temperature over languages."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from opensearch_clir.encoders.texts import well_formed
from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.ingest.readers import read
from opensearch_clir.ingest.records import Record
from opensearch_clir.language.base import DOCUMENT_DETECTOR
from opensearch_clir.language.registry import load_detector
from opensearch_clir.languages import LANGUAGES, UND, canonical
from opensearch_clir.training import corpora
from opensearch_clir.training.synthesis.config import Config, Passages

__all__ = ["Passage", "cut", "passages", "sampled"]

#: Where a line that is too long is cut, best first.
_STOPS = (". ", "。", "! ", "? ", "; ", "، ", ", ", " ")


@dataclass(frozen=True)
class Passage:
    """Lines that belong together.

    Attributes:
        id: of the document.
        lang: code of the language.
        group: the same for translations of the document; empty without.
        text: lines, the title first if there is one.
    """

    id: str
    lang: str
    group: str
    text: str


def passages(config: Config) -> tuple[list[Passage], Counter[str]]:
    """Return every passage that may be asked about, and how many documents can't be used, by why.

    Raises:
        ConfigurationError: there is no such folder.
        DataError: a file is malformed, or nothing usable is in it.
    """
    chosen, unused = config.passages, Counter[str]()
    if chosen.file is None:
        corpora.check(config.data, ("docs/*.jsonl.gz",))
        documents: Iterator[Passage] = _pages(config.data)
    else:
        documents = _documents(chosen.file, chosen, unused)
    found: dict[tuple[str, str], Passage] = {}
    for document in _tagged(list(documents), unused):
        pieces = [text for text in cut(document.text, chosen) if len(text) >= chosen.shortest]
        if not pieces:
            unused["too short"] += 1
        for text in pieces:
            found.setdefault((document.lang, text), replace(document, text=text))
    if not found:
        why = ", ".join(f"{count} {reason}" for reason, count in sorted(unused.items()))
        raise DataError(f"{chosen.file or config.data} has no passage to ask about ({why})")
    return list(found.values()), unused


def cut(text: str, chosen: Passages) -> list[str]:
    """Return the text in stretches of whole lines within the limits; long lines are cut."""
    stretches: list[list[str]] = [[]]
    size = 0
    for line in _short_lines(text, chosen.longest):
        full = len(stretches[-1]) == chosen.lines or size + len(line) + 1 > chosen.longest
        if stretches[-1] and full:
            stretches.append([])
            size = 0
        stretches[-1].append(line)
        size += len(line) + 1
    return ["\n".join(lines) for lines in stretches if lines]


def sampled(found: Iterable[Passage], number: int, exponent: float, seed: int) -> list[Passage]:
    """Return about `number` passages, languages weighed by size to the power `exponent`.

    A language with fewer than its share gives all. A larger number keeps what a smaller one chose,
    apart from rounding, so that paid answers stay useful.
    """
    by_lang: dict[str, list[Passage]] = defaultdict(list)
    for passage in found:
        by_lang[passage.lang].append(passage)
    total = sum(len(rows) ** exponent for rows in by_lang.values())
    chosen: list[Passage] = []
    for _, rows in sorted(by_lang.items()):
        share = max(1, round(number * len(rows) ** exponent / total))
        chosen += sorted(rows, key=lambda p: _place(p, seed))[:share]
    return chosen


def _place(passage: Passage, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{passage.lang}\0{passage.text}".encode()).digest()


def _short_lines(text: str, longest: int) -> Iterator[str]:
    for line in text.split("\n"):
        rest = " ".join(line.split())
        while len(rest) > longest:
            ends = (rest.rfind(stop, longest // 2, longest) + len(stop) for stop in _STOPS)
            end = next((end for end, s in zip(ends, _STOPS, strict=True) if end >= len(s)), longest)
            yield rest[:end].strip()
            rest = rest[end:].strip()
        if rest:
            yield rest


def _pages(folder: Path) -> Iterator[Passage]:
    for number, page in enumerate(corpora.pages(folder)):
        text = "\n".join(part for part in (page.title, page.descr, page.text) if part)
        yield Passage(f"{page.source}/{number}", page.lang, page.group, text)


def _documents(path: Path, chosen: Passages, unused: Counter[str]) -> Iterator[Passage]:
    """Yield the documents of a file; without a language tag, that is empty."""
    for record in read(path):
        if not isinstance(record, Record):
            unused[f"not readable ({record.reason})"] += 1
            continue
        row = record.source or {}
        names = (chosen.lang_field, chosen.group_field, chosen.title_field, chosen.text_field)
        lang, group, title, text = ("" if row.get(n) is None else row[n] for n in names)
        if not isinstance(text, str) or not text.strip():
            unused[f"without text in the field {chosen.text_field!r}"] += 1
            continue
        whole = f"{title}\n{text}" if isinstance(title, str) and title.strip() else text
        yield Passage(str(record.id), str(lang), str(group), well_formed([whole])[0])


def _tagged(documents: list[Passage], unused: Counter[str]) -> Iterator[Passage]:
    """Yield the documents under our codes; those without a tag get it from the detector."""
    untagged = [document.text for document in documents if not document.lang]
    detector = load_detector(DOCUMENT_DETECTOR, tuple(LANGUAGES)) if untagged else None
    guesses = iter(detector.posteriors(untagged) if detector else ())
    for document in documents:
        try:
            lang = canonical(document.lang) if document.lang else next(guesses).primary
        except ConfigurationError:
            lang = UND
        if lang == UND:
            unused["in an unknown language"] += 1
        else:
            yield replace(document, lang=lang)
