"""Fitting the fusion: one ridge logistic regression, each part shrunk towards a prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.design import Design
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.logistic import logistic
from opensearch_clir.calibration.parameters import WORDS, DensePair, PairPlace, Parameters
from opensearch_clir.errors import DataError

__all__ = ["MIN_POSITIVES", "RIDGE", "Places", "fit"]

#: Fewer relevant pairs of a class than this say nothing about it.
MIN_POSITIVES = 10

#: Strength of the pull towards the prior, in units of one observation's curvature.
RIDGE = 1.0

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Places:
    """Where the cosines of unrelated texts lie.

    Attributes:
        background: location and scale by class, as in the generation.
        pairs: location and scale by ordered pair, ``fr>en``, where known.
    """

    background: Mapping[str, tuple[float, float]]
    pairs: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def of(self, query: str, document: str) -> tuple[float, float]:
        """Return location and scale for a query and a document in these languages."""
        same = "matching" if query == document else "non_matching"
        return self.pairs.get(f"{query}>{document}", self.background[same])

    def z(self, rows: Rows, missing: float) -> Array:
        """Return the standardised cosine of each row, `missing` where there is none."""
        places = np.array([self.of(rows.lang, d) for d in rows.documents]).reshape(-1, 2)
        z = (rows.cosine - places[:, 0]) / places[:, 1]
        return np.where(np.isnan(z), missing, z)


def fit(
    rows: Sequence[Rows],
    prior: Parameters,
    places: Places,
    *,
    origin: str,
    ridge: float = RIDGE,
    pair_ridge: float | None = None,
) -> Parameters:
    """Return the parameters that fit the rows best, near the prior where the rows say little.

    Args:
        rows: of the judged queries.
        prior: what is believed without them.
        places: to standardise cosines by; those of pairs become part of the result.
        origin: where the rows come from, for reports.
        ridge: strength of the prior, > 0.
        pair_ridge: strength of the pull of each ordered pair's log-odds towards its class's, > 0;
            None: pairs have no log-odds of their own.

    Raises:
        DataError: fewer than `MIN_POSITIVES` relevant pairs of a class.
    """
    matching = np.concatenate([r.matching for r in rows]) if rows else np.zeros(0, dtype=np.bool_)
    target = np.concatenate([r.relevant for r in rows]) if rows else np.zeros(0)
    for same, name in ((True, "within"), (False, "across")):
        count = float(target[matching == same].sum())
        if count < MIN_POSITIVES:
            raise DataError(
                f"only {count:.0f} relevant pairs {name} languages, at least {MIN_POSITIVES} are "
                "needed to fit the fusion: judge more queries"
            )
    z = np.concatenate([places.z(r, prior.missing_z) for r in rows])
    words = np.concatenate([r.words for r in rows])
    own = matching.astype(np.float64)
    columns = [own, 1 - own, own * z, (1 - own) * z, *words.T]
    start = [prior.matching.intercept, prior.non_matching.intercept]
    start += [prior.matching.slope, prior.non_matching.slope]
    start += [getattr(prior, name) for name in WORDS]
    names: list[str] = []
    design = Design.dense(np.column_stack(columns))
    if pair_ridge is not None:
        found_names, groups = np.unique(
            np.concatenate([_pairs(r) for r in rows]), return_inverse=True
        )
        names = found_names.tolist()
        design = Design(design.columns, groups, len(names))
    penalty = np.full(len(start) + len(names), ridge)
    penalty[len(start) :] = pair_ridge or ridge
    free = [0, 1, *range(len(start), len(penalty))]
    found = logistic(
        design,
        target,
        np.concatenate([r.weight for r in rows]),
        np.array([*start, *(0.0 for _ in names)]),
        penalty,
        free,
    ).tolist()
    offsets = dict(zip(names, found[len(start) :], strict=True))
    return Parameters(
        matching=DensePair(found[0], found[2]),
        non_matching=DensePair(found[1], found[3]),
        missing_z=prior.missing_z,
        origin=origin,
        pairs=_pair_places(places, offsets),
        **dict(zip(WORDS, found[4 : len(start)], strict=True)),
    )


def _pairs(rows: Rows) -> NDArray[np.str_]:
    return np.array([f"{rows.lang}>{document}" for document in rows.documents], dtype=np.str_)


def _pair_places(places: Places, offsets: Mapping[str, float]) -> dict[str, PairPlace]:
    return {
        pair: PairPlace(*places.of(*pair.split(">")), offsets.get(pair, 0.0))
        for pair in sorted({*places.pairs, *offsets})
    }
