"""Write the figures of docs/languages.md from benchmarks/results/detectors.json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "detectors.json"
PAGE = ROOT / "docs" / "languages.md"
PART = re.compile(r"(<!-- figures -->\n).*(<!-- end of figures -->)", re.DOTALL)
LENGTHS = ("1 word", "2 words", "3 words", "4 words", "5 words", "6 words", "100 characters")


def main() -> None:
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    figures = f"{accuracies(found)}\n\n{others(found)}\n"
    PAGE.write_text(PART.sub(lambda part: part[1] + figures + part[2], page), encoding="utf-8")


def accuracies(found: dict[str, Any]) -> str:
    names = list(found["detectors"])
    lines = ["| fragments of | " + " | ".join(f"`{n}`" for n in names) + " |", ruler(len(names))]
    for length in LENGTHS:
        rows = [found["detectors"][name]["lengths"][length] for name in names]
        lines.append(f"| {length} | " + " | ".join(f"{r['accuracy']:.3f}" for r in rows) + " |")
    rows = [found["detectors"][name]["lengths"]["500 characters"] for name in names]
    pairs = (f"{r['accuracy']:.3f}, {r['main']['accuracy']:.3f}" for r in rows)
    lines.append("| 500 characters: all, 20 main languages | " + " | ".join(pairs) + " |")
    queries = [found["detectors"][name]["2-5 words"] for name in names]
    lines.append(
        "| 2-5 words, with interval | "
        + " | ".join(f"{r['accuracy']:.3f} [{r['low']:.3f}, {r['high']:.3f}]" for r in queries)
        + " |"
    )
    lines.append("| 2-5 words: ECE | " + " | ".join(f"{r['ece']:.3f}" for r in queries) + " |")
    return "\n".join(lines)


def others(found: dict[str, Any]) -> str:
    header = (
        "| detector | texts/s: 500 characters | texts/s: 3 words, one by one | "
        "right of tags at .9 or more | right of tags at .85 to .95 | other languages tagged `und` |"
    )
    lines = [header, ruler(5)]
    for name, rate in found["rates"].items():
        row = found["detectors"].get(name)
        cells = [f"{rate['500 characters']:,}", f"{rate['3 words']:,}"]
        if row:
            cells += [
                f"{row[k]['right']:.3f}" for k in ("tags at .9 or more", "tags at .85 to .95")
            ]
            cells.append(f"{row['other languages']['tagged und']:.3f}")
        lines.append(f"| {name} | " + " | ".join(cells + [""] * (5 - len(cells))) + " |")
    return "\n".join(lines)


def ruler(columns: int) -> str:
    return "|" + "---|" * (columns + 1)


if __name__ == "__main__":
    main()
