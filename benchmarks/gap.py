"""How much of the harm of a language component calibration and debiasing undo.

    python benchmarks/gap.py SET... --out benchmarks/results/gap.json [--words CACHE]
    python benchmarks/gap.py SET... --out benchmarks/results/gap-minilm.json --oracle FOLDER

To every vector of the embedded model a direction of its language is added, so strong that 9 of the
10 nearest neighbours are in the query's language: `apart` in dimensions of its own; `among` in
random directions of the model's own dimensions, where it also meets what the texts say. Reported is
pooled nDCG@10 without the component, with it, and after each cure; and (cured - with) /
(without - with) with an interval by topic. Nothing that cures sees a judgment: locations and scales
come from titles and first words of the documents against all documents, debiasings from the
documents. With `--words` the fusion is measured as well: the evidence of words is read from the
running server and kept in CACHE.

`--oracle` takes the model in FOLDER as it is, on the languages in Latin script: of the gain that
per-pair locations and scales fitted on the test topics themselves have over the plain cosine, how
large a share has the unlabelled calibration?
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from offline import Floats, Matrices, Variant, Vectors, by_language, standardised

from opensearch_clir.calibration.fit import Places
from opensearch_clir.calibration.places import pair_places
from opensearch_clir.encoders.background import robust_place
from opensearch_clir.encoders.registry import load_encoder
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.statistics import mean_interval
from opensearch_clir.languages import LANGUAGES

#: Share of the nearest neighbours in the query's language that the component is to cause.
SHARE = 0.9

RESAMPLES = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--words", type=Path, help="folder that keeps the evidence of words")
    parser.add_argument("--oracle", metavar="FOLDER", help="model for the second question")
    arguments = parser.parse_args()
    # Sets that are not named keep what was measured before.
    before = arguments.out.read_text("utf-8") if arguments.out.exists() else "{}"
    results: dict[str, Any] = json.loads(before)
    for folder in arguments.sets:
        if arguments.oracle:
            results[folder.name] = oracle_share(folder, arguments.oracle)
        else:
            results[folder.name] = component_gap(folder, arguments.words)
        show(folder.name, results[folder.name])
        arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def component_gap(folder: Path, cache: Path | None) -> dict[str, Any]:
    m = Matrices.of(read_set(folder))
    plain = m.encoded(load_encoder("embedded"))
    return {
        kind: one_gap(m, plain, *m.component_for(plain, SHARE, apart=kind == "apart"), cache)
        for kind in ("apart", "among")
    }


def one_gap(
    m: Matrices, plain: Variant, strength: float, moved: Variant, cache: Path | None
) -> dict[str, Any]:
    cosines = m.cosines(moved)
    scores = {
        "without": m.cosines(plain),
        "with": cosines,
        "without, pair places": standardised(m.cosines(plain), places_of(m, plain).pairs, m),
        "class location": cosines - located(m, moved, by_class=True),
        "pair location": relocated(m, moved),
        "pair location and scale": standardised(cosines, places_of(m, moved).pairs, m),
        **{name: m.cosines(m.debiased(moved, name)) for name in ("centre", "shift", "lir:1")},
        "lir:1, pair location": relocated(m, m.debiased(moved, "lir:1")),
    }
    found = {"strength": round(strength, 3), "dense": compared(m, scores)}
    if cache is not None:
        found["fused"] = compared(m, fused_scores(m, plain, moved, cache))
    return found


def fused_scores(m: Matrices, plain: Variant, moved: Variant, cache: Path) -> dict[str, Floats]:
    from offline_words import fused, read_words

    from opensearch_clir.cli.common import open_client

    client, settings = open_client()
    words = read_words(client, settings, m, cache)
    before, after = places_of(m, plain), places_of(m, moved)
    centred = m.debiased(moved, "centre")
    removed = m.debiased(moved, "lir:1")
    return {
        "without": fused(m, m.cosines(plain), words, Places(before.background)),
        "with": fused(
            m,
            m.cosines(moved),
            words,
            Places(after.background),
            fitted_on=(m.cosines(plain), Places(before.background)),
        ),
        "class places": fused(m, m.cosines(moved), words, Places(after.background)),
        "pair places": fused(m, m.cosines(moved), words, after),
        "centre": fused(m, m.cosines(centred), words, Places(places_of(m, centred).background)),
        "lir:1": fused(m, m.cosines(removed), words, Places(places_of(m, removed).background)),
    }


def oracle_share(folder: Path, model: str) -> dict[str, Any]:
    latin = [code for code, language in LANGUAGES.items() if language.script == "Latn"]
    m = Matrices.of(read_set(folder), latin)
    plain = m.encoded(load_encoder(model))
    cosines = m.cosines(plain)
    places = places_of(m, plain).pairs
    scores = {
        "with": cosines,
        "without": fitted_to_test(m, cosines),
        "pair location": relocated(m, plain),
        "pair location and scale": standardised(cosines, places, m),
        **{name: m.cosines(m.debiased(plain, name)) for name in ("centre", "shift", "lir:1")},
        "lir:1, pair location": relocated(m, m.debiased(plain, "lir:1")),
    }
    found = compared(m, scores)
    found["plain"], found["oracle"] = found.pop("with"), found.pop("without")
    return {"queries": len(m.query_ids), "documents": len(m.document_ids), "dense": found}


def places_of(m: Matrices, variant: Variant) -> Places:
    """Return places by class and by pair from heads of documents against all documents."""
    heads = by_language(variant.heads, m.document_langs)
    documents = by_language(variant.documents, m.document_langs)
    cosines = (variant.heads @ variant.documents.T).astype(np.float64)
    np.fill_diagonal(cosines, np.nan)
    known = np.isfinite(cosines)
    same = m.document_langs[:, None] == m.document_langs[None, :]
    background = {
        "matching": robust_place(cosines[same & known]),
        "non_matching": robust_place(cosines[~same & known]),
    }
    pairs = pair_places(_known(heads), _known(documents), background)
    for source in sorted(set(m.query_langs.tolist())):
        for target in documents:
            of_class = background["matching" if source == target else "non_matching"]
            pairs.setdefault(f"{source}>{target}", of_class)
    return Places(background, pairs)


def _known(rows: Mapping[str, Vectors]) -> dict[str, Floats]:
    kept = {code: found[np.any(found, axis=1)].astype(np.float64) for code, found in rows.items()}
    return {code: found for code, found in kept.items() if len(found)}


def located(m: Matrices, variant: Variant, *, by_class: bool = False) -> Floats:
    """Return the location of unrelated cosines for each cell, (Q, N)."""
    places = places_of(m, variant)
    if by_class:
        matching, other = (places.background[k][0] for k in ("matching", "non_matching"))
        return np.where(m.matching, matching, other)
    flat = {pair: (-location, 1.0) for pair, (location, _) in places.pairs.items()}
    return standardised(np.zeros_like(m.gains), flat, m)


def relocated(m: Matrices, variant: Variant) -> Floats:
    """Return cosines less the location of their pair, (Q, N)."""
    return m.cosines(variant) - located(m, variant)


def fitted_to_test(m: Matrices, cosines: Floats) -> Floats:
    """Return scores with the location and scale of each pair fitted on the judgments themselves.

    By the softmax loss over all documents of a query, in scipy's L-BFGS, with next to no penalty.
    """
    from scipy.optimize import minimize

    names, cells = np.unique(
        np.char.add(np.char.add(m.query_langs[:, None], ">"), m.document_langs[None, :]),
        return_inverse=True,
    )
    cells = cells.reshape(m.gains.shape)
    target = (m.gains > 0) / (m.gains > 0).sum(axis=1, keepdims=True)

    def loss(values: Floats) -> tuple[float, Floats]:
        offset, slope = values.reshape(2, -1)
        scores = offset[cells] + slope[cells] * cosines
        scores -= scores.max(axis=1, keepdims=True)
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        wrong = (np.exp(log_p) - target) / len(target)
        gradient = [
            np.bincount(cells.ravel(), (wrong * part).ravel(), len(names))
            for part in (np.ones_like(cosines), cosines)
        ]
        penalty = 1e-6 * float((offset**2).sum() + ((slope - 20) ** 2).sum())
        pull = 2e-6 * np.concatenate([offset, slope - 20])
        return float(-(target * log_p).sum() / len(target)) + penalty, np.concatenate(
            gradient
        ) + pull

    start = np.concatenate([np.zeros(len(names)), np.full(len(names), 20.0)])
    offset, slope = minimize(loss, start, jac=True, method="L-BFGS-B").x.reshape(2, -1)
    found: Floats = offset[cells] + slope[cells] * cosines
    return found


def compared(m: Matrices, scores: Mapping[str, Floats]) -> dict[str, Any]:
    """Return each system's pooled nDCG@10, same-language share, and undone share of the harm."""
    values = {name: m.pooled(found) for name, found in scores.items()}
    topics = dict(zip(m.query_ids, m.topics, strict=True))
    report: dict[str, Any] = {}
    for name, found in values.items():
        report[name] = {
            "nDCG@10": mean_interval(topics, found).as_json(),
            "same_language_share@10": round(m.same_language_share(scores[name]), 3),
        }
        if name not in ("with", "without"):
            report[name]["undone"] = ratio(
                m.topics, *(np.array(list(values[n].values())) for n in (name, "with", "without"))
            )
    return report


def ratio(topics: Sequence[str], cured: Floats, harmed: Floats, whole: Floats) -> dict[str, float]:
    """Return (cured - harmed) / (whole - harmed) with its bootstrap interval by topic."""
    names, codes = np.unique(np.array(topics), return_inverse=True)
    above = np.bincount(codes, cured - harmed, len(names))
    below = np.bincount(codes, whole - harmed, len(names))
    rng = np.random.default_rng(0)
    drawn: NDArray[np.int64] = rng.multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES
    )
    resampled = (drawn @ above) / (drawn @ below)
    low, high = np.quantile(resampled, [0.025, 0.975])
    return {"value": float(above.sum() / below.sum()), "low": float(low), "high": float(high)}


def show(name: str, found: dict[str, Any]) -> None:
    for kind in ("apart", "among"):
        if kind in found:
            show(f"{name} {kind}", found[kind])
    for part in ("dense", "fused"):
        for system, figures in found.get(part, {}).items():
            value, undone = figures["nDCG@10"], figures.get("undone")
            share = (
                f"{undone['value']:.2f} [{undone['low']:.2f}, {undone['high']:.2f}]"
                if undone
                else ""
            )
            print(
                f"{name:20} {part:5} {system:24} {value['value']:.3f} "
                f"same {figures['same_language_share@10']:.2f}  {share}",
                flush=True,
            )


if __name__ == "__main__":
    main()
