"""Fragments of known language, for fitting and measuring language detectors.

Two sources: evaluation sets (``corpus.jsonl[.gz]`` and ``queries.tsv`` with a language each), and
folders of parallel text, ``SOURCE.LANG.tsv.gz`` with English TAB other language in each row.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.language.scripts import letter_count
from opensearch_clir.languages import UND, canonical

__all__ = ["Fragment", "Length", "Row", "fragments", "parallel_rows", "set_rows"]

#: Scripts without spaces: a "word" there is this many characters.
UNSEGMENTED = ("zh", "ja", "th")
CHARACTERS_PER_WORD = 2


@dataclass(frozen=True)
class Row:
    """One text: its language (`UND` where we don't know it by name), and its English twin."""

    lang: str
    text: str
    english: str = ""


@dataclass(frozen=True, order=True)
class Length:
    """How much of a text is shown, in ``words`` or ``characters``."""

    unit: str
    count: int

    def __str__(self) -> str:
        return f"{self.count} {self.unit if self.count > 1 else self.unit[:-1]}"


@dataclass(frozen=True)
class Fragment:
    """A piece of a text with its true language."""

    lang: str
    text: str
    length: Length


def parallel_rows(folder: Path, sources: Sequence[str]) -> list[Row]:
    """Read the rows of some sources (all of them if none is named), English ones included."""
    found: list[Row] = []
    english: dict[str, None] = {}
    for path in sorted(folder.glob("*.tsv.gz")):
        source, tag = path.name.removesuffix(".tsv.gz").split(".", 1)
        if sources and source not in sources:
            continue
        lang = _code(tag)
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                ours, other = line.rstrip("\n").split("\t")
                found.append(Row(lang, other, ours))
                english[ours] = None
    return found + [Row("en", text) for text in english]


def set_rows(folder: Path, *, queries: bool) -> list[Row]:
    """Read the queries, or the documents, of an evaluation set.

    Queries of another `kind` than ``natural`` (entities, code-switched) are left out: they have no
    one language.
    """
    if queries:
        lines = (folder / "queries.tsv").read_text(encoding="utf-8").splitlines()
        headed = lines[0].startswith("id\t")
        names = lines[0].split("\t") if headed else ["id", "lang", "text"]
        found = [dict(zip(names, line.split("\t"), strict=False)) for line in lines[headed:]]
        natural = (row for row in found if row.get("kind", "natural") == "natural")
        return [Row(_code(row["lang"]), row["text"]) for row in natural]
    plain, packed = folder / "corpus.jsonl", folder / "corpus.jsonl.gz"
    content = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
    documents = [json.loads(line) for line in content.decode("utf-8").splitlines() if line.strip()]
    return [Row(_code(d["lang"]), f"{d.get('title', '')} {d['text']}".strip()) for d in documents]


def fragments(
    rows: Iterable[Row], lengths: Sequence[Length], count: int, seed: int = 7
) -> list[Fragment]:
    """Draw fragments at random places, without replacement of texts where there are enough.

    A fragment of words comes from one text. A fragment of characters joins texts that follow each
    other and ends at the end of a word. Left out are fragments without a letter and those whose
    words all stand in the English twin, too: a name belongs to no language.

    Args:
        rows: of any languages.
        lengths: to draw.
        count: fragments for each language and length, at most.
        seed: of the choice.
    """
    by_lang: Mapping[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_lang[row.lang].append(row)
    drawn: list[Fragment] = []
    for lang, mine in sorted(by_lang.items()):
        for length in lengths:
            rng = random.Random(f"{seed} {lang} {length}")
            tried = 0
            kept: dict[str, None] = {}
            while len(kept) < count and tried < 5 * count:
                tried += 1
                place = rng.randrange(len(mine))
                text = _cut(mine, place, length, lang, rng)
                if text and _own(text, mine[place]):
                    kept[text] = None
            drawn += [Fragment(lang, text, length) for text in kept]
    return drawn


def _cut(rows: list[Row], place: int, length: Length, lang: str, rng: random.Random) -> str:
    if length.unit == "words":
        text = rows[place].text
        if lang in UNSEGMENTED:
            size = length.count * CHARACTERS_PER_WORD
            start = rng.randrange(max(1, len(text) - size + 1))
            piece = text[start : start + size]
            return piece if len(piece.strip()) == size else ""
        words = text.split()
        start = rng.randrange(max(1, len(words) - length.count + 1))
        picked = words[start : start + length.count]
        return " ".join(picked) if len(picked) == length.count else ""
    joined = ""
    while len(joined) < length.count + 20 and place < len(rows):
        joined += f"{rows[place].text} "
        place += 1
    if len(joined) < length.count:
        return ""
    cut = joined[: length.count]
    head, space, _ = cut.rpartition(" ")
    return head if space and lang not in UNSEGMENTED and joined[length.count] != " " else cut


def _own(text: str, row: Row) -> bool:
    if not letter_count(text):
        return False
    if row.lang == "en" or not row.english:
        return True
    theirs = set(_words(row.english))
    return any(word not in theirs for word in _words(text))


def _words(text: str) -> list[str]:
    return [w for w in (word.strip(".,;:!?()\"'«»„“”‘’").casefold() for word in text.split()) if w]


def _code(tag: str) -> str:
    try:
        return canonical(tag)
    except ConfigurationError:
        return UND
