"""How similar unrelated texts look to an encoder, measured over a built-in sample.

Calibration is stated in units of this scale, z = (cosine - location) / scale, and so carries over
from one model to another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.debias.encoder import encode_in
from opensearch_clir.encoders.base import Encoder
from opensearch_clir.errors import EncoderError
from opensearch_clir.language.base import LanguagePosterior

__all__ = ["measure", "robust_place", "sample"]

#: Fewest pairs of known texts from which a location and scale are taken.
MIN_PAIRS = 50

#: A smaller scale is no spread but rounding, and would blow z up.
MIN_SCALE = 0.005

#: Values further from the median than so many deviations are pulled in.
CLIP = 4.0


def sample() -> Mapping[str, Mapping[str, list[str]]]:
    """Return the sample: ``{language: {"passages": [...], "questions": [...]}}``.

    No two of its texts are about the same thing, whatever their languages.
    """
    file = resources.files("opensearch_clir.encoders").joinpath("background.json")
    content: dict[str, dict[str, list[str]]] = json.loads(file.read_text("utf-8"))
    return content


def measure(encoder: Encoder) -> dict[str, tuple[float, float]]:
    """Return location and scale of the cosine of unrelated questions and passages.

    Questions are encoded as queries; a debiasing that the encoder carries is applied. Location and
    scale are mean and standard deviation after outliers were pulled in; texts of which the model
    knows nothing are left out.

    Returns:
        ``{"matching": (location, scale), "non_matching": (location, scale)}`` for texts of the
        same and of different languages; locations in [-1, 1], scales at least 0.005.

    Raises:
        EncoderError: the model knows too few of the texts, or its vectors are unusable.
    """
    texts = sample()
    questions, question_langs = _flat(texts, "questions")
    passages, passage_langs = _flat(texts, "passages")
    queries = encode_in(encoder, questions, "query", _certain(question_langs))
    documents = encode_in(encoder, passages, "passage", _certain(passage_langs))
    cosines = (queries @ documents.T).astype(np.float64)
    known = np.logical_and.outer(np.any(queries, axis=1), np.any(documents, axis=1))
    same = np.equal.outer(question_langs, passage_langs)
    return {
        "matching": _location_scale(cosines[known & same], encoder.name, "the same language"),
        "non_matching": _location_scale(cosines[known & ~same], encoder.name, "two languages"),
    }


def _flat(
    texts: Mapping[str, Mapping[str, list[str]]], kind: str
) -> tuple[list[str], NDArray[np.str_]]:
    rows = [(lang, text) for lang, kinds in texts.items() for text in kinds[kind]]
    return [text for _, text in rows], np.array([lang for lang, _ in rows])


def _certain(langs: NDArray[np.str_]) -> list[LanguagePosterior]:
    return [LanguagePosterior.certain(code) for code in langs.tolist()]


def _location_scale(values: NDArray[np.float64], name: str, pairs: str) -> tuple[float, float]:
    if len(values) < MIN_PAIRS:
        raise EncoderError(
            f"the encoder {name!r} knows too few of the built-in texts: {len(values)} pairs of "
            f"{pairs}, {MIN_PAIRS} are needed; is it a model for natural language?"
        )
    return robust_place(values)


def robust_place(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return mean and standard deviation of one or more values after outliers were pulled in.

    The scale is at least `MIN_SCALE`.
    """
    median = np.median(values)
    # 1.4826 turns the median absolute deviation of a normal distribution into its deviation.
    reach = CLIP * max(1.4826 * float(np.median(np.abs(values - median))), MIN_SCALE)
    clipped = np.clip(values, median - reach, median + reach)
    return float(clipped.mean()), max(float(clipped.std()), MIN_SCALE)
