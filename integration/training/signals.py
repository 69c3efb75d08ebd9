"""Which tables a mixture learns from: a kind of pairs without a share is left out of the start too.

The regression and LSI would otherwise see its rows before the first batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.training.arrays import Ints
from opensearch_clir.training.mixture import Kind
from opensearch_clir.training.tokenized import Tables

__all__ = ["PARALLEL", "kept"]

#: The kinds that read sentence pairs; each other kind has a table of its name.
PARALLEL: tuple[Kind, ...] = ("sentences", "windows")


def kept(tables: Tables, shares: Mapping[Kind, float]) -> Tables:
    """Return the tables without the rows of kinds that have no share, and without their texts.

    Without sentence pairs, code-switched sentences lose their translations too: English ones
    against themselves stay, which a dictionary alone would give.
    """
    out: dict[str, Any] = {}
    for kind in get_args(Kind):
        if kind not in PARALLEL and not shares.get(kind, 0):
            out[kind] = getattr(tables, kind)[:0]
    if not any(shares.get(kind, 0) for kind in PARALLEL):
        out["pairs"] = tables.pairs[:0]
        mixed = out.get("switched", tables.switched)
        out["switched"] = mixed[mixed[:, 1] == mixed[:, 2]]
    if not out:
        return tables
    left = replace(tables, **out)
    gone = np.setdiff1d(_texts(tables), _texts(left))
    return replace(left, english=tables.english[~np.isin(tables.english, gone)])


def _texts(tables: Tables) -> Ints:
    """Return the numbers of the texts of all tables."""
    columns = (
        tables.pairs[:, :2],
        tables.words[:, :2],
        tables.senses[:, 0],
        tables.switched[:, :3],
        tables.questions[:, 0],
        tables.parts[_inside(tables.pages[:, :2], len(tables.parts))],
        tables.parts[_inside(tables.questions[:, 1:3], len(tables.parts))],
    )
    return np.concatenate([np.ravel(np.asarray(part, np.int32)) for part in columns])


def _inside(spans: Ints, size: int) -> NDArray[np.bool_]:
    """Return which of `size` places lie in any of the spans (n, 2), first and one past the last."""
    steps = np.zeros(size + 1, np.int64)
    np.add.at(steps, spans[:, 0], 1)
    np.add.at(steps, spans[:, 1], -1)
    return np.asarray(np.cumsum(steps)[:-1] > 0)
