"""Evidence whose relevance follows known parameters, for tests of what is learned from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from opensearch_clir.calibration.fit import Places
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.logistic import sigmoid
from opensearch_clir.calibration.parameters import DensePair, Parameters
from opensearch_clir.calibration.predict import log_odds

BACKGROUND = {"matching": (0.1, 0.2), "non_matching": (0.05, 0.1)}
PLACES = Places(BACKGROUND)
TRUTH = Parameters(DensePair(-4.0, 1.0), DensePair(-5.0, 2.0), 3.0, 1.0, 0.0, "truth")


def drawn(
    truth: Parameters, *, queries: int = 100, documents: int = 80, seed: int = 0
) -> list[Rows]:
    """Evidence whose relevance follows the given parameters."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(queries):
        lang = ("de", "en")[number % 2]
        langs = rng.choice(["de", "en", "fr"], documents)
        location, scale = np.array([PLACES.of(lang, d) for d in langs]).T
        cosine = location + scale * rng.normal(1.0, 1.0, documents)
        words = np.zeros((documents, 5))
        matching = langs == lang
        words[:, 0] = matching * rng.random(documents)
        words[:, 1] = ~matching * rng.random(documents)
        blank = Rows(
            f"q{number}", lang, langs, cosine, words, np.zeros(documents), np.ones(documents)
        )
        p = sigmoid(log_odds(blank, truth, BACKGROUND))
        rows.append(replace(blank, relevant=(rng.random(documents) < p).astype(np.float64)))
    return rows


def topics(rows: list[Rows]) -> dict[str, str]:
    return {row.query: f"t{int(row.query[1:]) // 2}" for row in rows}
