"""A starting point without gradient steps: latent semantic indexing over translated sentences.

Each English sentence with all its translations is one bag; the right singular vectors of the
bags-by-pieces matrix put pieces that occur in the same bags, of whatever language, side by side.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from opensearch_clir.training.static_model import Floats
from opensearch_clir.training.tokenized import Ints, Tables, Tokens, first_pieces

__all__ = ["MAX_PIECES", "initial", "piece_counts", "unit_rows"]

#: Pieces of one text that are read.
MAX_PIECES = 64


def piece_counts(tokens: Tokens, size: int) -> Ints:
    """Return how often each piece occurs over all distinct texts: (size,)."""
    return np.bincount(tokens.ids, minlength=size)


def initial(
    tokens: Tokens, tables: Tables, size: int, dimension: int, seed: int, rounds: int = 2
) -> Floats:
    """Return directions (size, dimension) of length about 1; pieces never seen get noise.

    The same arguments give the same directions. Components beyond the rank of the data, as with
    very little of it, are noise too.

    Args:
        size: pieces of the vocabulary, V.
        dimension: d.
        rounds: power iterations of the randomised singular value decomposition.
    """
    rng = np.random.default_rng(seed)
    bags = _bags(tokens, tables, size)
    document = np.asarray((bags > 0).sum(axis=0)).ravel()
    idf = np.log((bags.shape[0] + 1) / (document + 1)).astype(np.float32)
    bags = unit_rows((bags @ sparse.diags(idf)).tocsr()).astype(np.float32).tocsr()
    # Pieces of equal say: without it the frequent ones own the leading directions.
    column = 1 / np.sqrt(np.maximum(np.asarray(bags.power(2).sum(axis=0)).ravel(), 1e-6))
    bags = (bags @ sparse.diags(column.astype(np.float32) ** 0.5)).tocsr()
    turned = bags.T.tocsr()
    basis = rng.standard_normal((size, dimension + 32), dtype=np.float32)
    for _ in range(rounds):
        basis, _ = np.linalg.qr(turned @ (bags @ basis))
    small = bags @ basis
    values, vectors = np.linalg.eigh(small.T @ small)
    largest = np.argsort(-values)[:dimension]
    # Rounding leaves the eigenvalues of what isn't there slightly below zero.
    values = np.maximum(values[largest], 0)
    direction = basis @ (vectors[:, largest] * np.sqrt(np.sqrt(values)))
    direction = np.pad(direction, ((0, 0), (0, dimension - direction.shape[1])))
    norm = np.linalg.norm(direction, axis=1, keepdims=True)
    noise = rng.standard_normal((size, dimension), dtype=np.float32) / np.sqrt(dimension)
    unit = np.where(norm > 1e-7, direction / np.maximum(norm, 1e-7), noise)
    mixed: Floats = (unit + 0.1 * noise).astype(np.float32)
    return mixed


def _bags(tokens: Tokens, tables: Tables, size: int) -> sparse.csr_matrix:
    """Return bags (n, size) of pieces, the unknown one left out.

    One per distinct English sentence, then per distinct first word of a dictionary, then per
    meaning, each with all its translations; code-switched sentences count as translations.
    """
    texts: list[Ints] = []
    owners: list[Ints] = []
    pairs = np.concatenate([tables.pairs[:, :2], tables.switched[:, [2, 0]]])
    english, group = np.unique(pairs[:, 0], return_inverse=True)
    texts += [english, pairs[:, 1]]
    owners += [np.arange(len(english)), group]
    total = len(english)
    words, group = np.unique(tables.words[:, 0], return_inverse=True)
    texts += [words, tables.words[:, 1]]
    owners += [total + np.arange(len(words)), total + group]
    total += len(words)
    if len(tables.senses):
        texts.append(tables.senses[:, 0])
        owners.append(total + tables.senses[:, 1])
        total += int(tables.senses[:, 1].max()) + 1
    text, owner = np.concatenate(texts), np.concatenate(owners)
    lengths, ids = first_pieces(tokens, text, MAX_PIECES)
    value = np.repeat((1 / np.sqrt(np.maximum(lengths, 1))).astype(np.float32), lengths)
    value[ids == 0] = 0
    return sparse.coo_matrix((value, (np.repeat(owner, lengths), ids)), (total, size)).tocsr()


def unit_rows(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the rows at length 1; zero rows stay."""
    norm = np.sqrt(np.asarray(matrix.power(2).sum(axis=1)).ravel())
    scaled: sparse.csr_matrix = (sparse.diags(1 / np.maximum(norm, 1e-9)) @ matrix).tocsr()
    return scaled
