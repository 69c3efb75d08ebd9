"""The language of each text of a token cache, by the names of the files that it stands in."""

from __future__ import annotations

import numpy as np

from opensearch_clir.training.arrays import Ints
from opensearch_clir.training.tokenized import Tables

__all__ = ["of_texts"]


def of_texts(tables: Tables, count: int) -> Ints:
    """Return a number for each text's language (count,), -1 for unknown ones and mixed texts.

    A text that stands in files of several languages has one of them; the English side of a pair
    is English. Lines of a question's passage are unknown unless they stand elsewhere, too.
    """
    names = [name.rsplit(".", 1)[1] for name in tables.files]
    number = {lang: place for place, lang in enumerate(dict.fromkeys(["en", *names]))}
    by_file = np.array([number[lang] for lang in names], np.int32)
    langs = np.full(count, -1, np.int32)
    for column in (0, 1):
        langs[tables.words[:, column]] = by_file[tables.words[:, 2]]
    langs[tables.senses[:, 0]] = by_file[tables.senses[:, 2]]
    first, end, _, file = tables.pages.T
    inside = np.arange((end - first).sum()) + np.repeat(
        first - np.cumsum(end - first) + (end - first), end - first
    )
    langs[tables.parts[inside]] = np.repeat(by_file[file], end - first)
    langs[tables.questions[:, 0]] = by_file[tables.questions[:, 4]]
    langs[tables.pairs[:, 1]] = by_file[tables.pairs[:, 2]]
    langs[tables.english] = number["en"]
    return langs
