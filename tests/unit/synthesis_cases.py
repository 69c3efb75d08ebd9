"""A small corpus and configurations for the tests of synthesis (no tests here)."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from opensearch_clir.training.synthesis.config import (
    Budget,
    Config,
    Endpoint,
    Filters,
    Passages,
    Queries,
)

DOCUMENTS = [
    ("en", "Storing carrots in a cool cellar is simple. Damp sand keeps them sweet for months."),
    ("en", "A telescope gathers light with a mirror. The larger it is, the fainter are the stars."),
    (
        "de",
        "Die Fahrradkette wird alle 300 Kilometer gereinigt und geölt. Ein Lappen genügt dafür.",
    ),
    ("de", "Der Mietvertrag endet nach drei Monaten. Die Kündigung muss schriftlich eintreffen."),
    ("fr", "L'assurance couvre les dégâts des eaux si le locataire prévient dans les cinq jours."),
    ("fr", "Le fromage de chèvre se conserve au frais. Il vaut mieux l'envelopper dans du papier."),
]


def corpus(folder: Path) -> Path:
    """Write the documents as JSON lines."""
    rows = [{"id": f"d{n}", "lang": lang, "text": text} for n, (lang, text) in enumerate(DOCUMENTS)]
    path = folder / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def chosen(folder: Path, url: str = "http://127.0.0.1:9/v1", **settings: Any) -> Config:
    """Return a configuration over the corpus; settings go to the first part that has them."""
    parts: dict[str, Any] = {
        "endpoint": Endpoint(url, "m1"),
        "queries": Queries(("en", "de", "fr"), tasks={"question": 1.0}),
        "passages": Passages(corpus(folder), shortest=10),
        "filters": Filters(),
        "budget": Budget(),
    }
    for name in parts.keys() & settings.keys():
        parts[name] = settings.pop(name)
    for name, value in settings.items():
        part = next((p for p in parts if hasattr(parts[p], name)), None)
        if part is None:
            raise KeyError(name)
        parts[part] = type(parts[part])(**{**vars(parts[part]), name: value})
    return Config(
        folder / "data",
        folder / "work",
        parts["endpoint"],
        parts["queries"],
        **{name: parts[name] for name in ("passages", "filters", "budget")},
    )


def rows_of(config: Config) -> list[dict[str, Any]]:
    """Return the rows that were written."""
    text = gzip.decompress(config.out.read_bytes()).decode()
    return [json.loads(line) for line in text.splitlines()]


def rejected_of(config: Config) -> list[dict[str, Any]]:
    """Return the rejected rows."""
    text = (config.work / "rejected.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]
