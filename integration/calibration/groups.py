"""What translations of one document tell: how pairs of languages differ from one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from opensearch_clir.calibration.choose import LEAVE_ALONE, Choice
from opensearch_clir.calibration.design import Design
from opensearch_clir.calibration.fit import Places
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.intercepts import recalibrated
from opensearch_clir.calibration.logistic import logistic
from opensearch_clir.calibration.parameters import PairPlace, Parameters
from opensearch_clir.calibration.predict import fused
from opensearch_clir.calibration.sample import Sampled
from opensearch_clir.calibration.trials import Fitter, Trials, select
from opensearch_clir.cluster import guarded
from opensearch_clir.query.prepare import Preparer

__all__ = ["across", "choose_across", "members", "pair_offsets"]

#: Members of sampled groups that are read, at most; the server's largest page.
MEMBERS = 10_000

#: Groups asked for in one request.
BATCH = 1_000

#: Strengths of the pull of a pair's log-odds towards none, the strongest first.
PULLS = (100.0, 10.0)


def members(
    preparer: Preparer, documents: Sequence[Sampled]
) -> dict[str, tuple[str, frozenset[str]]]:
    """Return, for each document with translations, its group and their ids in other languages.

    Raises:
        ClusterError: the server refused or did not answer.
    """
    names = preparer.schema.names
    wanted = sorted({d.group for d in documents if d.group is not None})
    found: dict[str, list[tuple[str, str]]] = {}
    for start in range(0, len(wanted), BATCH):
        body = {
            "query": {"terms": {names.group: wanted[start : start + BATCH]}},
            "size": MEMBERS,
            "_source": False,
            "docvalue_fields": [names.group, names.lang],
        }
        with guarded(f"reading translation groups of {preparer.index!r}"):
            hits = preparer.client.search(index=preparer.index, body=body)["hits"]["hits"]
        for hit in hits:
            fields = hit.get("fields", {})
            if names.lang in fields:
                member = (hit["_id"], fields[names.lang][0])
                found.setdefault(fields[names.group][0], []).append(member)
    result = {}
    for document in documents:
        others = frozenset(
            id_ for id_, lang in found.get(document.group or "", []) if lang != document.lang
        )
        if document.group is not None and others:
            result[document.id] = (document.group, others)
    return result


def across(rows: Sequence[Rows]) -> list[Rows]:
    """Keep the documents in other languages than the question's."""
    return [row.subset(~row.matching) for row in rows]


def choose_across(
    rows: Sequence[Rows],
    topics: Mapping[str, str],
    prior: Parameters,
    places: Places,
    *,
    seed: int = 0,
) -> Choice:
    """Return what ranks held-out translations best, the simplest of equals, as `choose.choose`.

    In the trials all candidates get the intercept that suits the questions, which are not real
    ones; the result keeps the prior's.

    Args:
        rows: of documents in other languages only.
        topics: query id -> translation group.
        prior: what leaving alone means.
        places: of unrelated cosines, by pair.
        seed: of the folds.
    """
    background = places.background
    own = {pair: PairPlace(*place) for pair, place in places.pairs.items()}
    placed = replace(prior, pairs=own, origin="places of pairs in this index")

    def settled(make: Fitter) -> Fitter:
        return lambda some: recalibrated(some, make(some), background, prior.origin)

    candidates: dict[str, Fitter] = {LEAVE_ALONE: lambda _: prior}
    if own:
        candidates["places of pairs"] = lambda _: placed
    for start, label in ((prior, ""), (placed, "places of pairs, ")):
        for pull in PULLS if start is prior or own else ():
            candidates[f"{label}log-odds of pairs, ridge {pull:g}"] = _offsetter(
                start, background, pull
            )
    trials = Trials(rows, topics, background, seed)
    for name, make in candidates.items():
        trials.add(name, settled(make))
    table = trials.table()
    winner = table[select(table)].name
    return Choice(winner, candidates[winner](rows), table)


def pair_offsets(
    rows: Sequence[Rows],
    start: Parameters,
    background: Mapping[str, tuple[float, float]],
    pull: float,
) -> Parameters:
    """Return the parameters with log-odds of pairs whose mean over the pairs is 0."""
    logits = np.concatenate([fused(row, start, background) for row in rows])
    labels = np.concatenate([np.array([f"{r.lang}>{d}" for d in r.documents]) for r in rows])
    names, groups = np.unique(labels, return_inverse=True)
    # The known log-odds are a column whose coefficient is held at 1.
    columns = np.column_stack((np.ones(len(logits)), logits))
    found = logistic(
        Design(columns, groups, len(names)),
        np.concatenate([row.relevant for row in rows]),
        np.concatenate([row.weight for row in rows]),
        np.array([0.0, 1.0, *np.zeros(len(names))]),
        np.array([1e-3, 1e12, *np.full(len(names), pull)]),
        range(2 + len(names)),
    )[2:]
    pairs = dict(start.pairs)
    for name, offset in zip(names.tolist(), found - found.mean(), strict=True):
        place = pairs.get(name, PairPlace(*background["non_matching"]))
        pairs[name] = replace(place, offset=place.offset + float(offset))
    return replace(start, pairs=pairs, origin="translation groups of this index")


def _offsetter(
    start: Parameters, background: Mapping[str, tuple[float, float]], pull: float
) -> Fitter:
    return lambda rows: pair_offsets(rows, start, background, pull)
