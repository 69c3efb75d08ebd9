"""Where the cosines of unrelated texts lie for each ordered pair of languages, without labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.fit import Places
from opensearch_clir.calibration.pseudo import pseudo_query
from opensearch_clir.calibration.sample import Sampled
from opensearch_clir.encoders.background import robust_place
from opensearch_clir.encoders.base import Encoder, encode

__all__ = ["differing", "measure_places", "pair_places", "shrunk"]

#: Questions asked in each language.
QUESTIONS = 100

#: So many texts of a language count as much as its class.
SHRINKAGE = 20

#: Fewer texts than this say nothing of a language.
MIN_TEXTS = 10

Array = NDArray[np.float64]


def measure_places(
    encoder: Encoder,
    documents: Sequence[Sampled],
    background: Mapping[str, tuple[float, float]],
) -> Places:
    """Return location and scale for each pair of languages with enough documents.

    Questions made from documents of the one language are compared with documents of the other;
    the document itself and its translations are left out, and nearly all others are unrelated.

    Args:
        encoder: of the active generation.
        documents: drawn from the index.
        background: location and scale by class, as in the generation.

    Raises:
        EncoderError: the encoder returned unusable vectors.
    """
    by_language: dict[str, list[Sampled]] = {}
    for document in documents:
        by_language.setdefault(document.lang, []).append(document)
    languages = sorted(code for code, found in by_language.items() if len(found) >= MIN_TEXTS)
    asked = {code: _questions(encoder, by_language[code]) for code in languages}

    def related(query: str, document: str) -> NDArray[np.bool_]:
        sources, targets = asked[query][0], by_language[document]
        return np.array(
            [
                [s.id == t.id or (s.group is not None and s.group == t.group) for t in targets]
                for s in sources
            ]
        )

    found = pair_places(
        {code: rows for code, (_, rows) in asked.items() if len(rows) >= MIN_TEXTS},
        {code: _unit(by_language[code]) for code in languages},
        background,
        related,
    )
    return Places(background, found)


def pair_places(
    questions: Mapping[str, Array],
    documents: Mapping[str, Array],
    background: Mapping[str, tuple[float, float]],
    related: Callable[[str, str], NDArray[np.bool_]] | None = None,
) -> dict[str, tuple[float, float]]:
    """Return location and scale of unrelated cosines by ordered pair, ``fr>en``.

    What counts is how a pair differs from its class in these texts, since the class's weights
    already stand for the class: ``location = class + (measured - class measured) * n / (n + 20)``,
    with n the texts of the smaller side, and likewise for the logarithm of the scale. Pairs that
    do belong together are outliers, and pulled in.

    Args:
        questions, documents: language -> unit rows of shape (n, dimension), n > 0.
        background: location and scale by class.
        related: for two languages, which pairs to leave out, shape (questions, documents).
    """
    measured: dict[tuple[str, str], tuple[float, float, int]] = {}
    for query, asked in questions.items():
        for target, found in documents.items():
            cosines = np.asarray(asked @ found.T, dtype=np.float64)
            values = cosines.ravel() if related is None else cosines[~related(query, target)]
            location, scale = robust_place(values)
            measured[query, target] = (location, scale, min(len(asked), len(found)))
    pairs: dict[str, tuple[float, float]] = {}
    for same in (True, False):
        of_class = {pair: m for pair, m in measured.items() if (pair[0] == pair[1]) == same}
        pairs |= shrunk(of_class, background["matching" if same else "non_matching"])
    return dict(sorted(pairs.items()))


def shrunk(
    measured: Mapping[tuple[str, str], tuple[float, float, int]], of_class: tuple[float, float]
) -> dict[str, tuple[float, float]]:
    """Return location and scale of the pairs of a class, pulled towards it where texts are few.

    Args:
        measured: (query, document) language -> location, scale, number of texts.
        of_class: location and scale of the class.
    """
    if not measured:
        return {}
    location = float(np.mean([m[0] for m in measured.values()]))
    scale = float(np.mean([np.log(m[1]) for m in measured.values()]))
    found = {}
    for (query, document), (own, spread, count) in measured.items():
        trust = count / (count + SHRINKAGE)
        wider = float(np.exp((np.log(spread) - scale) * trust))
        found[f"{query}>{document}"] = (of_class[0] + (own - location) * trust, of_class[1] * wider)
    return found


def differing(places: Places) -> float:
    """Return how far apart the places of pairs of one class lie, in units of the class's scale.

    The root of the mean square of the distance from the class's location; 0 without pairs.
    """
    squares = []
    for pair, (location, _) in places.pairs.items():
        query, document = pair.split(">")
        usual, scale = places.background["matching" if query == document else "non_matching"]
        squares.append(((location - usual) / scale) ** 2)
    return float(np.sqrt(np.mean(squares))) if squares else 0.0


def _questions(encoder: Encoder, documents: Sequence[Sampled]) -> tuple[list[Sampled], Array]:
    texts = [(document, pseudo_query(document)) for document in documents]
    kept = [(document, text) for document, text in texts if text is not None][:QUESTIONS]
    if not kept:
        return [], np.zeros((0, encoder.dimension))
    vectors = encode(encoder, [text for _, text in kept], "query").astype(np.float64)
    known = np.flatnonzero(vectors.any(axis=1))
    return [kept[i][0] for i in known], vectors[known]


def _unit(documents: Sequence[Sampled]) -> Array:
    rows = np.array([document.vector for document in documents])
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float64)
