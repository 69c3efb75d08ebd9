"""What feedback is worth: nDCG@10 with it and without, on evidence that was read once.

    python benchmarks/feedback.py SET... --cache DIR --out benchmarks/results/feedback.json

Each SET is a folder with `corpus.jsonl[.gz]`, `queries.tsv` and `qrels.tsv[.gz]`; it is looked at
as it is and thinned to one language per text. All weights are cross-fitted by topic. Of feedback,
`others` are the weights that the other sets (full and thinned) suggest, which have seen nothing of
this one; `fitted` are its own. Rankings are of the gathered documents: the nearest, the best by
words, all relevant ones, and a random sample. `own` ranks the documents in the question's language
alone, as a search that is limited to it does, first hits included; `one other` those in each other
language alone, as the mean over these.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from evidence import Gathered, gathered, limited, read
from fit_builtin import feedback, words_and_vectors
from numpy.typing import NDArray

from opensearch_clir.calibration.bending import bent_and_held_out
from opensearch_clir.calibration.feedback import Feedback
from opensearch_clir.calibration.feedback_windows import FeedbackWindows
from opensearch_clir.calibration.fit import Places, fit
from opensearch_clir.calibration.fit_feedback import after, fit_feedback
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.parameters import Parameters, builtin
from opensearch_clir.calibration.predict import judged, log_odds
from opensearch_clir.cli.common import open_client
from opensearch_clir.evaluation.folds import make_folds
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.statistics import mean_interval
from opensearch_clir.evaluation.thin import thin
from opensearch_clir.evaluation.tuning import PAIR_RIDGE

QUERIES, FOLDS = 800, 5


@dataclass
class Fold:
    """What was learned without the topics of a fold."""

    parameters: Parameters
    feedback: Feedback


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/feedback.json"))
    arguments = parser.parse_args()
    client, settings = open_client()
    sets = [limited(read(place), QUERIES) for place in arguments.sets]
    evidence = [gathered(client, settings, found, arguments.cache) for found in sets]
    result: dict[str, Any] = {}
    for number, one in enumerate(evidence):
        others = [i for i in range(len(sets)) if i != number]
        elsewhere = learned([evidence[i] for i in others], [sets[i] for i in others])
        for name, rows in variants(one, sets[number]).items():
            result[name] = compared(replace(one, rows=rows), elsewhere)
            print(name, json.dumps(result[name]), flush=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def learned(evidence: Sequence[Gathered], sets: Sequence[EvaluationSet]) -> Feedback:
    """Return the weights of feedback that some sets suggest."""
    words = words_and_vectors({o.name: o.rows for o in evidence}, Places(evidence[0].background))
    return feedback(words, evidence, sets)


def variants(one: Gathered, full: EvaluationSet) -> dict[str, list[Rows]]:
    kept = thin(full, 0).documents.keys()
    few = [row.subset(np.array([i in kept for i in row.ids])) for row in one.rows]
    return {one.name: one.rows, f"{one.name}, thinned": [row for row in few if row.relevant.any()]}


def compared(one: Gathered, elsewhere: Feedback) -> dict[str, Any]:
    topics = {row.query: one.topics[row.query] for row in one.rows}
    folds = make_folds(topics, FOLDS)
    by_fold = [fold_without(one, folds, fold) for fold in range(FOLDS)]
    found: dict[str, Any] = {"queries": len(one.rows)}
    for view, rows in views(one.rows).items():
        logits = [
            log_odds(row, by_fold[folds[row.query]].parameters, one.background) for row in rows
        ]
        place = one.background["non_matching"]
        windows = FeedbackWindows(rows, logits, one.vectors, place)
        plain = judged(rows, logits).ndcg
        found[view] = {"without": round(float(plain.mean()), 4)}
        sources = {"others": [elsewhere] * FOLDS, "fitted": [each.feedback for each in by_fold]}
        for name, weights in sources.items():
            scored = [windows.scored(each.typical) for each in weights]
            fed_back = [
                after(scored[folds[row.query]][i], weights[folds[row.query]])
                for i, row in enumerate(rows)
            ]
            gain = judged(rows, fed_back).ndcg - plain
            values = means_by_query(rows, gain)
            interval = mean_interval({query: topics[query] for query in values}, values)
            found[view][name] = [round(x, 4) for x in (interval.value, interval.low, interval.high)]
    return found


def views(rows: Sequence[Rows]) -> dict[str, list[Rows]]:
    """Return what is ranked: everything, and the documents of one language at a time."""
    own = [row.subset(row.matching) for row in rows]
    other = [
        row.subset(row.documents == language)
        for row in rows
        for language in np.unique(row.documents[~row.matching & (row.relevant > 0)])
    ]
    return {
        "pooled": list(rows),
        "own": [row for row in own if row.relevant.any()],
        "one other": other,
    }


def means_by_query(rows: Sequence[Rows], gains: NDArray[np.float64]) -> dict[str, float]:
    """Return each query's mean, however many languages it was asked in."""
    found: dict[str, list[float]] = {}
    for row, gain in zip(rows, gains.tolist(), strict=True):
        found.setdefault(row.query, []).append(gain)
    return {query: float(np.mean(values)) for query, values in found.items()}


def fold_without(one: Gathered, folds: Mapping[str, int], fold: int) -> Fold:
    rows = [row for row in one.rows if folds[row.query] != fold]

    def weights(some: Sequence[Rows]) -> Parameters:
        places = Places(one.background)
        return fit(some, builtin(), places, origin=one.name, pair_ridge=PAIR_RIDGE)

    parameters, logits = bent_and_held_out(rows, one.topics, weights, one.background)
    place = one.background["non_matching"]
    return Fold(parameters, fit_feedback(FeedbackWindows(rows, logits, one.vectors, place)))


if __name__ == "__main__":
    main()
