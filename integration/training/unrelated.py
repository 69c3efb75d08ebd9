"""How similar unrelated texts look to a model: cosine of random pairs, by language match."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.training.static_model import Floats, bags, embed
from opensearch_clir.training.tokenized import Ints, Tables, Tokens

__all__ = ["cosines", "split"]

#: One English sentence in this many is held out, with all its translations.
HELD_OUT = 200
#: Texts per language; a language with fewer is left out.
PER_LANGUAGE = 100


def split(tables: Tables) -> tuple[Tables, Ints]:
    """Return the tables without the held-out sentence pairs, and those pairs (n, 3)."""
    held = _held(tables.pairs[:, 0])
    english = np.setdiff1d(tables.english, tables.pairs[held, 0])
    switched = tables.switched[~_held(tables.switched[:, 2])]
    kept = replace(tables, pairs=tables.pairs[~held], english=english, switched=switched)
    return kept, tables.pairs[held]


def _held(english: Ints) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = english % HELD_OUT == HELD_OUT - 1
    return found


def cosines(
    tokens: Tokens, pairs: Ints, files: list[str], vectors: Floats, seed: int
) -> dict[str, list[float]]:
    """Return ``{"matching": [mean, deviation], "non_matching": [...]}`` over random pairs.

    ``matching`` are pairs of one language. Each language gives equally many held-out sentences;
    pairs that share their English sentence are left out. With fewer than two usable languages the
    lists are empty.

    Args:
        pairs: rows of ``Tables.pairs`` (n, 3).
        files: names of files, as in `Tables`.
        vectors: of the pieces (V, d).
        seed: at least 0; of the choice of sentences.
    """
    rng = np.random.default_rng(seed)
    langs = np.array([files[file].rsplit(".", 1)[1] for file in pairs[:, 2]])
    texts, names, keys = [], [], []
    for lang in np.unique(langs):
        rows = pairs[langs == lang]
        _, first = np.unique(rows[:, 1], return_index=True)
        if len(first) >= PER_LANGUAGE:
            chosen = rows[rng.choice(first, PER_LANGUAGE, replace=False)]
            texts.append(chosen[:, 1])
            keys.append(chosen[:, 0])
            names.append(np.repeat(lang, PER_LANGUAGE))
    if len(texts) < 2:
        return {"matching": [], "non_matching": []}
    text, name, key = np.concatenate(texts), np.concatenate(names), np.concatenate(keys)
    offsets, ids = bags(tokens, (np.arange(len(text)), text), len(text))
    unit = embed(vectors, offsets, ids)
    values = unit @ unit.T
    upper = np.triu(key[:, None] != key[None, :], 1)
    same = name[:, None] == name[None, :]
    found = {"matching": values[upper & same], "non_matching": values[upper & ~same]}
    return {
        match: [round(float(v.mean()), 4), round(float(v.std()), 4)] for match, v in found.items()
    }
