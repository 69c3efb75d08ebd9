"""What a batch is judged by: the contrast, a teacher, the base model, the share of languages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from opensearch_clir.training.arrays import Floats, Ints, normalised, pool, product
from opensearch_clir.training.mixture import Batch

__all__ = ["Anchor", "Lessons", "Terms", "contrast", "parted"]

#: Rows of a language in a batch from which its mean says something.
LEAST_ROWS = 8

#: A negative counts for at most so many.
MOST = 16.0


@dataclass
class Lessons:
    """What a teacher says: ``row`` (texts,) is each text's row of ``vectors`` (m, d), or -1."""

    row: Ints
    vectors: Floats
    weight: float

    def turned(self, turn: Floats) -> Lessons:
        """Return the lessons in the space that `turn` (d, d) maps to; with an empty one, these."""
        if not turn.size:
            return self
        return Lessons(self.row, normalised(self.vectors @ turn)[0], self.weight)

    def pull(self, gradient: Floats, keys: Ints) -> None:
        """Add the gradient of minus the mean cosine to it, times the weight.

        Args:
            gradient: by unit vectors (2n, d), left sides, then right; changed in place.
            keys: of the batch's rows (n,); those that are text numbers may have a lesson.
        """
        size = len(keys)
        known = np.flatnonzero(keys < len(self.row))
        rows = self.row[keys[known]]
        known, rows = known[rows >= 0], rows[rows >= 0]
        pull = self.vectors[rows] * np.float32(self.weight / (2 * size))
        gradient[known] -= pull
        gradient[known + size] -= pull


@dataclass
class Anchor:
    """The vectors of a base model's pieces (V, d): texts are pulled towards what they give."""

    vectors: Floats
    weight: float

    def pull(self, gradient: Floats, matrix: sparse.csr_matrix, rows: Ints) -> None:
        """Add the gradient of minus the mean cosine to the base's vectors, times the weight.

        Args:
            gradient: by unit vectors (2n, d); changed in place.
            matrix: pieces of the texts (2n, u).
            rows: the vocabulary's numbers of these pieces (u,).
        """
        target = normalised(product(matrix, self.vectors[rows]))[0]
        gradient -= target * np.float32(self.weight / len(gradient))


@dataclass
class Terms:
    """What counts beside the plain contrast.

    Attributes:
        lessons: of a teacher.
        anchor: to a base model.
        langs: number of each text's language (texts,), -1 for none; needed by the others.
        debias: weight of the spread of language means, see `parted`.
        balanced: whether negatives of the same language and of others count alike.
    """

    lessons: Lessons | None = None
    anchor: Anchor | None = None
    langs: Ints | None = None
    debias: float = 0.0
    balanced: bool = False

    def languages(self, batch: Batch) -> tuple[Ints, Ints] | None:
        """Return the languages of left rows and right rows (n,), by each row's first text."""
        if self.langs is None:
            return None
        return self.langs[_first(batch.left)], self.langs[_first(batch.right)]


def contrast(
    left: Floats,
    right: Floats,
    batch: Batch,
    scale: float,
    langs: tuple[Ints, Ints] | None = None,
) -> tuple[float, Floats]:
    """Return the loss of in-batch softmax both ways and its gradient (2n, d) by unit vectors.

    Args:
        left: unit vectors (n, d).
        right: unit vectors (n, d).
        batch: tells which rows are no negatives of each other, see `_same`.
        scale: cosines are multiplied by it.
        langs: languages of the left rows and the right ones (n,), to have negatives of a row's own
            language and of others count alike, see `_shares`; None: each negative counts alike.
    """
    size = len(left)
    odds = left @ right.T
    own = np.einsum("ij,ij->i", left, right)
    odds -= 1
    odds *= scale
    list(pool().map(lambda part: np.exp(part, out=part), np.array_split(odds, 2)))
    hidden = _same(batch)
    odds[hidden] = 0
    if langs is None:
        by_row, by_column = 1 / odds.sum(axis=1), 1 / odds.sum(axis=0)
        factor = by_row[:, None] + by_column[None, :]
    else:
        across, down = _shares(*langs, hidden), _shares(*langs[::-1], hidden.T).T
        by_row, by_column = 1 / (odds * across).sum(axis=1), 1 / (odds * down).sum(axis=0)
        factor = across * by_row[:, None] + down * by_column[None, :]
    likely = np.exp(scale * (own - 1))
    loss = -0.5 * float(np.mean(np.log(likely * by_row) + np.log(likely * by_column)))
    odds *= factor
    odds[np.arange(size), np.arange(size)] -= 2
    odds *= scale / (2 * size)
    return loss, np.concatenate([odds @ right, odds.T @ left])


def _first(side: tuple[Ints, Ints]) -> Ints:
    """Return the first text number of each row."""
    rows, texts = side
    return texts[np.flatnonzero(np.diff(rows, prepend=-1))]


def _same(batch: Batch) -> NDArray[np.bool_]:
    """Return (n, n): whether left row i and right row j, i other than j, may mean the same.

    So they do with equal keys, when their partners (or they) begin with the same text, or when
    they begin with the same text themselves, as sides are exchanged at random.
    """
    left, right = _first(batch.left), _first(batch.right)
    same = _equal(batch.keys, batch.keys) | _equal(left, left)
    same |= _equal(right, right)
    same |= _equal(left, right)
    np.fill_diagonal(same, False)
    return same


def _equal(rows: Ints, columns: Ints) -> NDArray[np.bool_]:
    equal: NDArray[np.bool_] = rows[:, None] == columns[None, :]
    return equal


def _shares(own: Ints, other: Ints, hidden: NDArray[np.bool_]) -> Floats:
    """Return weights (n, n): a row's negatives of its language weigh as much as all others.

    The weights of a row sum to what they would be as ones; none is above `MOST`. A row of an
    unknown language, or without negatives of both kinds, has ones.

    Args:
        own: languages of the rows (n,), -1 where unknown.
        other: languages of the columns (n,).
        hidden: pairs that are no negatives.
    """
    same = (own[:, None] == other[None, :]) & (own >= 0)[:, None]
    usable = ~hidden
    np.fill_diagonal(usable, False)
    near = (same & usable).sum(axis=1)
    far = usable.sum(axis=1) - near
    both = (near > 0) & (far > 0)
    half = (near + far) / 2
    weigh_near = np.where(both, np.minimum(half / np.maximum(near, 1), MOST), 1)
    weigh_far = np.where(both, np.minimum(half / np.maximum(far, 1), MOST), 1)
    found = np.where(same, weigh_near[:, None], weigh_far[:, None]).astype(np.float32)
    np.fill_diagonal(found, 1)
    return found


def parted(unit: Floats, langs: Ints) -> tuple[float, Floats]:
    """Return how far apart the means of languages are, and its gradient (n, d).

    The variance between languages: the mean over texts of the squared distance of their language's
    mean from the mean of all, 0 where all languages have one mean. Texts of languages with fewer
    than `LEAST_ROWS` of them, or of none (-1), are left out.

    Args:
        unit: vectors (n, d).
        langs: numbers of languages (n,).
    """
    gradient = np.zeros_like(unit)
    known, place, count = np.unique(langs, return_inverse=True, return_counts=True)
    kept = ((count >= LEAST_ROWS) & (known >= 0))[place]
    if not kept.any():
        return 0.0, gradient
    rows, groups = unit[kept], np.unique(place[kept], return_inverse=True)[1]
    sizes = np.bincount(groups)
    sums = np.zeros((len(sizes), unit.shape[1]), np.float32)
    np.add.at(sums, groups, rows)
    apart = sums / sizes[:, None] - rows.mean(axis=0)
    gradient[kept] = apart[groups] * np.float32(2 / len(rows))
    return float((sizes / len(rows)) @ np.einsum("ij,ij->i", apart, apart)), gradient
