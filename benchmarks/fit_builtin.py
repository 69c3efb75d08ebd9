"""Fit the built-in fusion parameters on evaluation sets and write them as JSON.

    python benchmarks/fit_builtin.py SET... --out integration/calibration/builtin.json [--cache DIR]

Each SET is a folder with `corpus.jsonl[.gz]`, `queries.tsv` and `qrels.tsv[.gz]`; `FOLDER-thin0` is
its variant with one language per text. Every set is indexed on the running server and the evidence
of its judged queries is read from it; sets weigh the same, whatever their size. An index that is
calibrated on its own data does not use these parameters.

They have no bend: it differs too much between sets to carry over (decision 19).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from statistics import mean

import numpy as np
from evidence import Gathered, gathered, limited, read

from opensearch_clir.calibration.feedback import FINGERPRINT, NAME, Feedback
from opensearch_clir.calibration.feedback_windows import FeedbackWindows
from opensearch_clir.calibration.fit import Places, fit
from opensearch_clir.calibration.fit_feedback import fit_feedback
from opensearch_clir.calibration.gather import UNIT, Rows
from opensearch_clir.calibration.parameters import WORDS, DensePair, Parameters
from opensearch_clir.calibration.predict import log_odds
from opensearch_clir.calibration.second import SecondLine, SecondStage
from opensearch_clir.cli.common import open_client
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.thin import thin

#: Queries of a set that are looked at, at most.
QUERIES = 800

#: Next to no penalty: there is no prior to believe in yet.
RIDGE = 1e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="folder that keeps the evidence that was read")
    parser.add_argument("--queries", type=int, default=QUERIES, help="of each set, at most")
    arguments = parser.parse_args()
    client, settings = open_client()
    sets = [limited(read(place), arguments.queries) for place in arguments.sets]
    evidence = [gathered(client, settings, found, arguments.cache) for found in sets]
    found = rounded(average(evidence, sets)).to_json()
    arguments.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


def average(evidence: Sequence[Gathered], sets: Sequence[EvaluationSet]) -> Parameters:
    """Return the mean of the parameters that fit each set on its own, with feedback."""
    places = Places(evidence[0].background)
    found = words_and_vectors({one.name: one.rows for one in evidence}, places)
    return replace(found, feedback=feedback(found, evidence, sets))


def feedback(
    parameters: Parameters, evidence: Sequence[Gathered], sets: Sequence[EvaluationSet]
) -> Feedback:
    """Return the mean of the weights of feedback that suit each set, full and thinned.

    A thinned set has each text in one language only, so that the first hits have no translations:
    what is gained by finding those must not be paid for where there are none.
    """
    fits = []
    for one, full in zip(evidence, sets, strict=True):
        kept = thin(full, 0).documents.keys()
        thinned = [row.subset(np.array([i in kept for i in row.ids])) for row in one.rows]
        for rows in (one.rows, [row for row in thinned if row.relevant.any()]):
            logits = [log_odds(row, parameters, one.background) for row in rows]
            place = one.background["non_matching"]
            fits.append(fit_feedback(FeedbackWindows(rows, logits, one.vectors, place)))
    typical = mean(fit.typical for fit in fits)
    origin = f"mean of fits on {', '.join(one.name for one in evidence)}, full and thinned"

    def line(name: str) -> SecondLine:
        lines = [getattr(fit.stage, name) for fit in fits]
        # As lines in the plain evidence, which can be averaged.
        slope = mean(one.weight / one.scale for one in lines)
        at = mean(
            one.at - one.weight * (one.location + fit.typical - typical) / one.scale
            for one, fit in zip(lines, fits, strict=True)
        )
        location, scale = mean(one.location for one in lines), mean(one.scale for one in lines)
        keep = mean(one.keep for one in lines)
        return SecondLine(at + slope * location, keep, slope * scale, location, scale)

    stage = SecondStage(NAME, FINGERPRINT, line("matching"), line("non_matching"), {}, origin)
    return Feedback(typical, stage)


def words_and_vectors(rows: Mapping[str, Sequence[Rows]], places: Places) -> Parameters:
    """Return the mean of the parameters that fit each set on its own.

    One fit of all sets together, each with intercepts of its own, carries over no better to a set
    that it has not seen. A piece found in a heading weighs as much as one found anywhere, so that
    it counts twice: only some sets have headings, and what those of one are worth says little of
    another's (5.8 and 0 log-odds on two sets; decision 20).
    """
    fits = {n: fit(_as_one(r), UNIT, places, origin=n, ridge=RIDGE) for n, r in rows.items()}
    found = list(fits.values())

    def pair(name: str) -> DensePair:
        pairs = [getattr(one, name) for one in found]
        return DensePair(mean(p.intercept for p in pairs), mean(p.slope for p in pairs))

    words = {name: mean(getattr(one, name) for one in found) for name in WORDS}
    words["head"] = words["translated"]
    origin = f"mean of logistic regressions on {', '.join(rows)}; benchmarks/fit_builtin.py"
    return replace(
        UNIT, matching=pair("matching"), non_matching=pair("non_matching"), origin=origin, **words
    )


def _as_one(rows: Sequence[Rows]) -> list[Rows]:
    """Return rows in which pieces found in headings count as pieces found, twice."""
    whole, head = WORDS.index("translated"), WORDS.index("head")
    found = []
    for row in rows:
        words = row.words.copy()
        words[:, whole] += words[:, head]
        words[:, head] = 0.0
        found.append(replace(row, words=words))
    return found


def rounded(parameters: Parameters) -> Parameters:
    def three(pair: DensePair) -> DensePair:
        return DensePair(round(pair.intercept, 3), round(pair.slope, 3))

    def line(second: SecondLine) -> SecondLine:
        return SecondLine(*(round(number, 3) for number in astuple(second)))

    fed = parameters.feedback
    if fed is not None:
        stage = replace(
            fed.stage, matching=line(fed.stage.matching), non_matching=line(fed.stage.non_matching)
        )
        fed = Feedback(round(fed.typical, 3), stage)
    return replace(
        parameters,
        feedback=fed,
        matching=three(parameters.matching),
        non_matching=three(parameters.non_matching),
        **{name: round(getattr(parameters, name), 3) for name in WORDS},
    )


if __name__ == "__main__":
    main()
