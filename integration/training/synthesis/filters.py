"""Which queries are kept, and why the others are not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from opensearch_clir.encoders.base import Encoder, Vectors, encode
from opensearch_clir.encoders.registry import load_encoder
from opensearch_clir.language.base import QUERY_DETECTOR
from opensearch_clir.language.registry import load_detector
from opensearch_clir.languages import LANGUAGES
from opensearch_clir.training.synthesis.config import Filters
from opensearch_clir.training.synthesis.likeness import Seen, copied_share
from opensearch_clir.training.synthesis.passages import Passage
from opensearch_clir.training.synthesis.plan import Job

__all__ = ["Candidate", "filtered"]

#: Queries whose cosines are held at once.
CHUNK = 1024


@dataclass(frozen=True)
class Candidate:
    """A query as the model gave it, and the request that it answers."""

    query: str
    job: Job


def filtered(
    candidates: Sequence[Candidate], passages: Sequence[Passage], chosen: Filters
) -> tuple[list[Candidate], list[tuple[Candidate, str]]]:
    """Return the candidates that are kept, and the others each with why.

    The filters go in this order: length, language, copy of the passage, duplicate of one before it
    in the same language, round trip. The last asks `chosen.encoder` whether the query finds its
    passage among `passages` of that language, see `ranks`.

    Raises:
        ConfigurationError: the encoder's name is wrong.
        EncoderError: it can't be loaded, or can't encode.
    """
    rejected: list[tuple[Candidate, str]] = []

    def sift(rows: Sequence[Candidate], reasons: Sequence[str | None]) -> list[Candidate]:
        told = list(zip(rows, reasons, strict=True))
        rejected.extend((row, reason) for row, reason in told if reason is not None)
        return [row for row, reason in told if reason is None]

    kept = sift(candidates, [_length(row.query, chosen) for row in candidates])
    kept = sift(kept, _languages(kept, chosen.language))
    kept = sift(kept, [_copy(row, chosen.copy) for row in kept])
    seen: dict[str, Seen] = defaultdict(lambda: Seen(chosen.near))
    kept = sift(kept, [seen[row.job.query_lang].add(row.query) for row in kept])
    if chosen.round_trip and kept:
        places = ranks(kept, passages, load_encoder(chosen.encoder))
        lost = f"passage not among the first {chosen.round_trip}"
        kept = sift(kept, [lost if rank > chosen.round_trip else None for rank in places])
    return kept, rejected


def ranks(
    candidates: Sequence[Candidate], passages: Sequence[Passage], encoder: Encoder
) -> list[int]:
    """Return the rank, from 1, of each query's passage among those of the passage's language.

    Passages of other languages don't count: an encoder that prefers the query's own language would
    throw away just the pairs across languages. Nor do those of the same group, which say the same.
    A query that the encoder knows nothing of ranks last.
    """
    by_lang: dict[str, list[Passage]] = defaultdict(list)
    for passage in passages:
        by_lang[passage.lang].append(passage)
    found = [0] * len(candidates)
    for lang, pool in by_lang.items():
        rows = [n for n, row in enumerate(candidates) if row.job.passage.lang == lang]
        vectors = encode(encoder, [passage.text for passage in pool], "passage")
        place = {passage: number for number, passage in enumerate(pool)}
        groups = np.array([passage.group for passage in pool])
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            queries = encode(encoder, [candidates[n].query for n in part], "query")
            own = np.array([place[candidates[n].job.passage] for n in part])
            for n, rank in zip(part, _ranks(queries, vectors, own, groups), strict=True):
                found[n] = rank
    return found


def _ranks(
    queries: Vectors,
    passages: Vectors,
    own: np.ndarray[tuple[int], np.dtype[np.int64]],
    groups: np.ndarray[tuple[int], np.dtype[np.str_]],
) -> list[int]:
    scores = queries @ passages.T
    target = scores[np.arange(len(own)), own]
    other = (groups[None, :] != groups[own][:, None]) | (groups[None, :] == "")
    other[np.arange(len(own)), own] = False
    better = other & (scores >= target[:, None] - 1e-6)
    # Equal to all, as without a known word: behind all. Equal passages would be one in the pool.
    known: list[int] = (1 + better.sum(axis=1)).tolist()
    return known


def _length(query: str, chosen: Filters) -> str | None:
    if len(query) < chosen.shortest:
        return f"shorter than {chosen.shortest} characters"
    if len(query) > chosen.longest:
        return f"longer than {chosen.longest} characters"
    return None


def _languages(rows: Sequence[Candidate], least: float) -> list[str | None]:
    """Say of each query whether it is hardly in the language that was asked for."""
    detector = load_detector(QUERY_DETECTOR, tuple(LANGUAGES))
    found = detector.posteriors([row.query for row in rows])
    return [
        None if guess.probabilities.get(row.job.query_lang, 0.0) >= least else "other language"
        for row, guess in zip(rows, found, strict=True)
    ]


def _copy(row: Candidate, share: float) -> str | None:
    return "copy of the passage" if copied_share(row.query, row.job.passage.text) >= share else None
