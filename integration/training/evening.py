"""Evening out the components of a finished space: what all texts share says nothing of any.

The leading principal components of texts' vectors are what texts of all subjects have in common.
They are removed (Mu and Viswanath, "All-but-the-Top: Simple and Effective Postprocessing for Word
Representations", ICLR 2018) or made smaller (Su et al., "Whitening Sentence Representations for
Better Semantics and Faster Retrieval", 2021). The map is linear, so it goes into the rows.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from opensearch_clir.training.arrays import Floats, Ints, normalised, product
from opensearch_clir.training.lsi import MAX_PIECES
from opensearch_clir.training.tokenized import Tables, Tokens, first_pieces

__all__ = ["PER_FILE", "of_rows", "of_texts", "of_vectors"]

#: Sentence pairs of each file in the sample: as many of a small language as of a large one.
PER_FILE = 60


def of_rows(directions: Floats, weights: Floats, power: float) -> Floats:
    """Return the map (d, d) that makes the spread of weighted directions (V, d) more even.

    Each principal component, not centred, is divided by its standard deviation to the `power`: 0
    leaves them, 1 whitens.
    """
    return of_vectors(directions * weights[:, None], power, 0)


def of_texts(
    vectors: Floats, tokens: Tokens, tables: Tables, power: float, common: int, seed: int
) -> Floats:
    """Return the map (d, d) that does so by the vectors of texts, as many from each file.

    Args:
        vectors: of the pieces, (V, d); a text's is their sum, at length 1.
        tokens, tables: the texts; without sentence pairs the map changes nothing.
        power: of the standard deviation, 0 to 1.
        common: leading components that are removed, fewer than d.
        seed: of the sample.
    """
    texts = _drawn(tables, np.random.default_rng(seed))
    lengths, ids = first_pieces(tokens, texts, MAX_PIECES)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    known = (ids != 0).astype(np.float32)
    bags = sparse.csr_matrix((known, ids, offsets), shape=(len(texts), len(vectors)))
    units = normalised(product(bags, vectors))[0] if len(texts) else vectors[:0]
    return of_vectors(units, power, common)


def _drawn(tables: Tables, rng: np.random.Generator) -> Ints:
    """Return the distinct texts of `PER_FILE` pairs of each file."""
    pairs = tables.pairs[rng.permutation(len(tables.pairs))]
    pairs = pairs[np.argsort(pairs[:, 2], kind="stable")]
    first = np.searchsorted(pairs[:, 2], pairs[:, 2])
    kept = np.arange(len(pairs)) - first < PER_FILE
    return np.unique(pairs[kept, :2])


def of_vectors(rows: Floats, power: float, common: int) -> Floats:
    """Return the map (d, d) by vectors (n, d); arguments as for `of_texts`."""
    moment = (rows.T @ rows).astype(np.float64) / max(len(rows), 1)
    values, basis = np.linalg.eigh(moment)
    scale = np.maximum(values, 1e-9 * max(float(values[-1]), 1e-30)) ** (-power / 2)
    scale /= scale.min()
    scale[len(scale) - common :] = 0.0
    found: Floats = (basis * scale @ basis.T).astype(np.float32)
    return found
