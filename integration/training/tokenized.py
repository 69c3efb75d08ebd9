"""Token ids of every distinct training text, kept on disk and memory-mapped.

The cache is a folder: ``ids.npy`` (uint32, all texts end to end), ``starts.npy`` (int64, one
more than there are texts), one ``.npy`` per table of `Tables`, ``english.json``, the texts of
the table ``english``, and ``made.json``, what the cache was asked to hold.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from opensearch_clir.errors import DataError
from opensearch_clir.training import corpora, questions, switched
from opensearch_clir.training.arrays import Ints
from opensearch_clir.training.token_files import ENGLISH, FILES, MADE, tokenise, unreadable

__all__ = ["Ints", "Tables", "Tokens", "build", "first_pieces", "is_current", "load", "write"]

#: Characters of one text that are tokenised for training.
MAX_CHARACTERS = 1500


@dataclass(frozen=True)
class Tokens:
    """Token ids of all texts: text t is ``ids[starts[t]:starts[t + 1]]``."""

    ids: Ints
    starts: Ints


@dataclass
class Tables:
    """What may be paired with what; every entry is a text number unless said otherwise.

    ``pairs`` (n, 3): English text, other text, file number; rows of a file in file order.
    ``switched`` (n, 4): code-switched text, partner, English text, file number.
    ``words`` (n, 3): word, word, file number.
    ``senses`` (n, 3): text, meaning number, file number; sorted by meaning.
    ``parts`` (n,): lines of pages, a page's title or summary first, then those of passages.
    ``english`` (n,): distinct English sentences and dictionary words.
    ``pages`` (n, 4): first part, one past its last part, group number, file number.
    ``questions`` (n, 5): question, first part of its passage, one past its last part, number of
    what it is about, file number.
    The names of files are ``source.language`` in `files`.
    """

    files: list[str] = field(default_factory=list)
    pairs: Ints = field(default_factory=lambda: np.zeros((0, 3), np.int32))
    switched: Ints = field(default_factory=lambda: np.zeros((0, 4), np.int32))
    words: Ints = field(default_factory=lambda: np.zeros((0, 3), np.int32))
    senses: Ints = field(default_factory=lambda: np.zeros((0, 3), np.int32))
    parts: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    pages: Ints = field(default_factory=lambda: np.zeros((0, 4), np.int32))
    english: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    questions: Ints = field(default_factory=lambda: np.zeros((0, 5), np.int32))


class _Numbers:
    """Numbers distinct texts and files in order of arrival."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}
        self.files: dict[str, int] = {}
        self.english: dict[int, str] = {}

    def text(self, text: str) -> int:
        return self.texts.setdefault(text[:MAX_CHARACTERS], len(self.texts))

    def english_text(self, text: str) -> int:
        number = self.text(text)
        self.english.setdefault(number, text[:MAX_CHARACTERS])
        return number

    def word(self, lang: str, word: str) -> int:
        return self.english_text(word) if lang == "en" else self.text(word)

    def file(self, source: str, lang: str) -> int:
        return self.files.setdefault(f"{source}.{lang}", len(self.files))


def build(
    folder: Path,
    tokenizer: Tokenizer,
    cache: Path,
    switched_rows: int = 0,
    seed: int = 1,
    more: Sequence[Path] = (),
) -> None:
    """Read the data folder, tokenise each distinct text once and write the cache.

    Args:
        folder: of the corpora.
        tokenizer: of the model.
        cache: folder to write; what it holds is replaced.
        switched_rows: code-switched rows at most, see `switched`.
        seed: of these rows.
        more: further folders that questions are read from.

    Raises:
        ConfigurationError: there is no such folder.
        DataError: a corpus file is malformed, or there is nothing to train on.
    """
    corpora.check(folder)
    numbers = _Numbers()
    tables = Tables()
    tables.pairs = _pairs(folder, numbers)
    tables.words = _words(folder, numbers)
    tables.senses = _senses(folder, numbers)
    tables.parts, tables.pages = _pages(folder, numbers)
    lines, tables.questions = questions.table(
        corpora.questions(folder, *more), numbers.text, numbers.file, len(tables.parts)
    )
    tables.parts = np.concatenate([tables.parts, lines])
    tables.english = np.array(list(numbers.english), np.int32)
    tables.files = list(numbers.files)
    paired = (tables.pairs, tables.words, tables.senses, tables.pages, tables.questions)
    if not any(len(table) for table in paired):
        raise DataError(f"{folder} holds no texts to train on")
    tables.switched = _switched(numbers, tables, switched_rows, seed)
    english = list(numbers.english.values())
    made = _made(switched_rows, more)
    write(cache, tokenizer, list(numbers.texts), tables, english, made)


def write(
    cache: Path,
    tokenizer: Tokenizer,
    texts: list[str],
    tables: Tables,
    english: list[str],
    made: str = "",
) -> None:
    """Tokenise the texts, in the order of their numbers, and write them with their tables.

    Args:
        cache: folder to write.
        tokenizer: of the model.
        texts: all of them.
        tables: by their numbers.
        english: texts of the table ``english``.
        made: what the cache was asked to hold, for `is_current`.

    Raises:
        OSError: the folder can't be written.
    """
    cache.mkdir(parents=True, exist_ok=True)
    # Its presence says the cache is complete: taken away first, put in place last.
    (cache / FILES).unlink(missing_ok=True)
    ids, starts = tokenise(texts, tokenizer)
    np.save(cache / "ids.npy", ids)
    np.save(cache / "starts.npy", starts)
    for table in fields(tables):
        if table.name != "files":
            np.save(cache / f"{table.name}.npy", getattr(tables, table.name))
    (cache / ENGLISH).write_text(json.dumps(english, ensure_ascii=False), encoding="utf-8")
    (cache / MADE).write_text(made, encoding="utf-8")
    part = cache / ".files.json.part"
    part.write_text(json.dumps(tables.files), encoding="utf-8")
    part.replace(cache / FILES)


def is_current(cache: Path, switched_rows: int, more: Sequence[Path] = ()) -> bool:
    """Whether the cache is complete, with every table, and has the rows that are asked for.

    One made by an earlier version lacks the tables that came later.
    """
    names = [FILES, MADE, *(f"{t.name}.npy" for t in fields(Tables) if t.name != "files")]
    if not all((cache / name).is_file() for name in names):
        return False
    return (cache / MADE).read_text(encoding="utf-8") == _made(switched_rows, more)


def _made(switched_rows: int, more: Sequence[Path]) -> str:
    folders = [str(folder.resolve()) for folder in more]
    return json.dumps({"switched_rows": switched_rows, "questions": folders})


def load(cache: Path) -> tuple[Tokens, Tables]:
    """Return the cache, token ids memory-mapped.

    Raises:
        DataError: the cache was not built, or is damaged.
    """
    try:
        names = json.loads((cache / FILES).read_text(encoding="utf-8"))
        arrays = {
            table.name: np.load(cache / f"{table.name}.npy")
            for table in fields(Tables)
            if table.name != "files"
        }
        tokens = Tokens(np.load(cache / "ids.npy", mmap_mode="r"), np.load(cache / "starts.npy"))
    except (OSError, EOFError, ValueError) as error:
        raise unreadable(cache, error) from error
    return tokens, Tables(files=names, **arrays)


def first_pieces(tokens: Tokens, texts: Ints, most: int) -> tuple[Ints, Ints]:
    """Return how many pieces of each text (n,) are read, at most `most`, and all ids end to end."""
    starts = tokens.starts[texts]
    lengths = np.minimum(tokens.starts[texts + 1] - starts, most)
    positions = np.arange(lengths.sum()) + np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    return lengths, np.asarray(tokens.ids[positions], np.int32)


def _pairs(folder: Path, numbers: _Numbers) -> Ints:
    rows: list[tuple[int, int, int]] = []
    for bitext in corpora.bitexts(folder):
        file = numbers.file(bitext.source, bitext.lang)
        rows.extend(
            (numbers.english_text(english), numbers.text(other), file)
            for english, other in zip(bitext.english, bitext.other, strict=True)
        )
    return np.array(rows, np.int32).reshape(-1, 3)


def _switched(numbers: _Numbers, tables: Tables, count: int, seed: int) -> Ints:
    rows = [
        (numbers.text(row.text), row.partner, row.english, row.file)
        for row in switched.made(list(numbers.texts), tables, count, seed)
    ]
    return np.array(rows, np.int32).reshape(-1, 4)


def _words(folder: Path, numbers: _Numbers) -> Ints:
    rows = [
        (
            numbers.word(lang1, word1),
            numbers.word(lang2, word2),
            numbers.file(source, _foreign(lang1, lang2)),
        )
        for source, lang1, word1, lang2, word2 in corpora.word_pairs(folder)
    ]
    return np.array(rows, np.int32).reshape(-1, 3)


def _foreign(lang1: str, lang2: str) -> str:
    """Return the language a dictionary row counts for: the first that is not English."""
    return lang2 if lang1 == "en" else lang1


def _senses(folder: Path, numbers: _Numbers) -> Ints:
    rows: list[tuple[int, int, int]] = []
    for meaning, (source, texts) in enumerate(corpora.meanings(folder)):
        if len(texts) < 2:
            continue
        for lang, variants in texts.items():
            file = numbers.file(source, lang)
            rows.extend((numbers.text(text), meaning, file) for text in variants)
    return np.array(rows, np.int32).reshape(-1, 3)


def _pages(folder: Path, numbers: _Numbers) -> tuple[Ints, Ints]:
    """Return the tables ``parts`` and ``pages``; a page with tasks is its summary and tasks."""
    parts: list[int] = []
    rows: list[tuple[int, int, int, int]] = []
    groups: dict[str, int] = defaultdict(lambda: len(groups))
    for page in corpora.pages(folder):
        first = len(parts)
        lines: Iterable[str] = page.text.split("\n")
        lines = (page.descr, *page.tasks) if page.tasks else (page.title, *lines)
        parts.extend(numbers.text(line.strip()) for line in lines if line.strip())
        if len(parts) - first >= 2:
            file = numbers.file(page.source, page.lang)
            rows.append((first, len(parts), groups[page.group], file))
    pages = np.array(rows, np.int32).reshape(-1, 4)
    return np.array(parts, np.int32), pages[np.argsort(pages[:, 2], kind="stable")]
