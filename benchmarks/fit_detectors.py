"""Fit the calibrations of the language detectors and write them as JSON.

    python benchmarks/fit_detectors.py --texts FOLDER --sources NAME,NAME \\
        --out integration/language/calibrations.json

FOLDER holds parallel texts, `SOURCE.LANG.tsv.gz` with English TAB other language. Fragments of 1 to
6 words and of 20 to 64 characters in all known languages, and some in others, weigh the same in
each language; the log loss of the true language is minimised. Keep the sources apart from those
that `benchmarks/detectors.py` measures on.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from detector_texts import Fragment, Length, fragments, parallel_rows
from numpy.typing import NDArray
from scipy.optimize import minimize

from opensearch_clir.language.calibration import UNIT, Calibration, features
from opensearch_clir.language.evidence import CODES, COLUMN
from opensearch_clir.language.registry import DETECTORS, EVIDENCE
from opensearch_clir.language.sample import clean_pieces
from opensearch_clir.language.scripts import SCRIPTS, languages_of, script_ids

LENGTHS = [Length("words", n) for n in (1, 2, 3, 4, 5, 6)] + [
    Length("characters", n) for n in (20, 40, 64)
]

#: Penalty on squared biases, as a share of the log loss of one fragment per language and length.
RIDGE = 0.02

Matrix = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--sources", required=True, help="names, with commas between them")
    parser.add_argument("--count", type=int, default=150, help="per language and length")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    sources = arguments.sources.split(",")
    drawn = fragments(parallel_rows(arguments.texts, sources), LENGTHS, arguments.count)
    pieces, truth, possible = ambiguous(drawn)
    print(f"{len(drawn)} fragments, {len(pieces)} of them left open by their letters")
    # All fragments of a language weigh 1, those included that their letters give away: Japanese
    # without kana is rare, for one.
    in_all = Counter(COLUMN[fragment.lang] for fragment in drawn)
    weight = np.array([1.0 / in_all[column] for column in truth.tolist()])
    scores = {}
    for name, make in EVIDENCE.items():
        evidence = make()
        scores[name] = features(evidence.scores(pieces), evidence.known, possible)
        print("read by", name, flush=True)
    detectors = {}
    for name, members in sorted(DETECTORS.items()):
        found, loss = fit({m: scores[m] for m in members}, pieces, truth, possible, weight)
        detectors[name] = as_json(found)
        print(f"{name}: log loss {loss:.3f}, weights {detectors[name]['weights']}", flush=True)
    origin = f"{len(pieces)} fragments of {', '.join(sources)}; benchmarks/fit_detectors.py"
    stored = {"origin": origin, "detectors": detectors}
    arguments.out.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def ambiguous(
    drawn: Sequence[Fragment],
) -> tuple[list[str], NDArray[np.int64], NDArray[np.bool_]]:
    """Return pieces, true columns and possible columns where several languages share the script."""
    pieces, truth, possible = [], [], []
    for fragment in drawn:
        cleaned = " ".join(clean_pieces(fragment.text))
        ids = script_ids(np.frombuffer(cleaned.encode("utf-32-le"), dtype=np.uint32))
        counts = np.bincount(ids, minlength=len(SCRIPTS))[1:]
        script = SCRIPTS[1 + int(counts.argmax())]
        codes = languages_of(script)
        foreign = fragment.lang in COLUMN and fragment.lang not in (*codes, "und")
        if not counts.any() or len(codes) < 2 or foreign or (counts > 0).sum() > 1:
            continue
        pieces.append(cleaned)
        truth.append(COLUMN[fragment.lang])
        possible.append([code in codes or code == "und" for code in CODES])
    return pieces, np.array(truth), np.array(possible)


def fit(
    scores: Mapping[str, Matrix],
    pieces: Sequence[str],
    truth: NDArray[np.int64],
    possible: NDArray[np.bool_],
    weight: Matrix,
) -> tuple[Calibration, float]:
    """Minimise the weighted log loss; return the calibration and its loss per fragment."""
    names = list(scores)
    lengths = [len(piece) for piece in pieces]
    steps = np.log(np.maximum(np.array(lengths, dtype=np.float64), 1.0) / UNIT)
    weight = weight / weight.sum()
    actual = np.zeros((len(pieces), len(CODES)))
    actual[np.arange(len(pieces)), truth] = 1.0

    def unpacked(vector: Matrix) -> Calibration:
        weights = {n: (float(vector[2 * i]), float(vector[2 * i + 1])) for i, n in enumerate(names)}
        bias = dict(zip(CODES, vector[2 * len(names) :].tolist(), strict=True))
        return Calibration(weights, bias)

    def objective(vector: Matrix) -> tuple[float, Matrix]:
        current = unpacked(vector)
        logits = np.where(possible, current.logits(scores, lengths), -np.inf)
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        norm = shares.sum(axis=1, keepdims=True)
        shares /= norm
        losses = np.log(norm[:, 0]) - logits[np.arange(len(pieces)), truth]
        error = (shares - actual) * weight[:, None]
        gradient = np.zeros_like(vector)
        for i, name in enumerate(names):
            log_weight, power = current.weights[name]
            each = (error * scores[name]).sum(axis=1) * np.exp(log_weight + power * steps)
            gradient[2 * i] = each.sum()
            gradient[2 * i + 1] = (each * steps).sum()
        bias = vector[2 * len(names) :]
        gradient[2 * len(names) :] = error.sum(axis=0) + 2 * RIDGE * bias / len(CODES)
        return float(weight @ losses + RIDGE * (bias**2).sum() / len(CODES)), gradient

    start = np.zeros(2 * len(names) + len(CODES))
    start[: 2 * len(names) : 2] = -np.log(2 * len(names))
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return unpacked(found.x), float(found.fun)


def as_json(calibration: Calibration) -> dict[str, object]:
    return {
        "weights": {n: [round(w, 3), round(p, 3)] for n, (w, p) in calibration.weights.items()},
        "bias": {code: round(b, 2) for code, b in calibration.bias.items() if round(b, 2)},
    }


if __name__ == "__main__":
    main()
