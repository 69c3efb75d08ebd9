"""Sets as matrices: every query against every document, without a search, for the benchmarks.

Exhaustive scores leave the approximation of a graph out, and one encoding serves many variants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.debias import Method, fit_debias
from opensearch_clir.encoders.base import Encoder, encode
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.language.base import LanguagePosterior

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]

#: Words, or characters of scripts without spaces, of a text's beginning that stand for a question.
HEAD_WORDS, HEAD_CHARACTERS = 12, 80


@dataclass(frozen=True)
class Variant:
    """Vectors of a set: of its queries (Q, d), documents (N, d) and documents' heads (N, d)."""

    queries: Vectors
    documents: Vectors
    heads: Vectors


@dataclass(frozen=True)
class Matrices:
    """A set with its texts in a fixed order.

    Attributes:
        set: the set.
        query_ids, document_ids: Q and N of them.
        query_langs, document_langs: strings of shape (Q,) and (N,).
        gains: grades of shape (Q, N).
    """

    set: EvaluationSet
    query_ids: list[str]
    document_ids: list[str]
    query_langs: NDArray[np.str_]
    document_langs: NDArray[np.str_]
    gains: Floats

    @classmethod
    def of(cls, evaluation_set: EvaluationSet, languages: Sequence[str] | None = None) -> Matrices:
        """Lay a set out; with `languages`, only their documents, and queries answered there."""
        kept = [
            d for d in evaluation_set.documents.values() if languages is None or d.lang in languages
        ]
        place = {d.id: i for i, d in enumerate(kept)}
        queries = [
            q
            for q in evaluation_set.queries.values()
            if (languages is None or q.lang in languages)
            and any(doc in place for doc in evaluation_set.relevant(q.id))
        ]
        gains = np.zeros((len(queries), len(kept)))
        for row, query in enumerate(queries):
            for doc, grade in evaluation_set.qrels[query.id].items():
                if doc in place:
                    gains[row, place[doc]] = max(grade, 0)
        return cls(
            evaluation_set,
            [q.id for q in queries],
            [d.id for d in kept],
            np.array([q.lang for q in queries]),
            np.array([d.lang for d in kept]),
            gains,
        )

    @property
    def matching(self) -> NDArray[np.bool_]:
        """Whether query and document are in one language, shape (Q, N)."""
        found: NDArray[np.bool_] = self.query_langs[:, None] == self.document_langs[None, :]
        return found

    @property
    def topics(self) -> list[str]:
        """Topic of each query."""
        return [self.set.topics[query] for query in self.query_ids]

    def encoded(self, encoder: Encoder) -> Variant:
        """Return the vectors, documents as the index has them: title, new line, text."""
        documents = [self.set.documents[i] for i in self.document_ids]
        return Variant(
            encode(encoder, [self.set.queries[i].text for i in self.query_ids], "query"),
            encode(encoder, [f"{d.title}\n{d.text}".strip() for d in documents], "passage"),
            encode(encoder, [d.title or _head(d.text) for d in documents], "query"),
        )

    def with_component(
        self, plain: Variant, strength: float, *, apart: bool = False, seed: int = 0
    ) -> Variant:
        """Add to each vector `strength` times a unit vector of its language, and renormalise.

        The languages' vectors are orthonormal: random ones among the model's dimensions, where they
        also meet what the texts say, or with `apart` in dimensions of their own.
        """
        languages = sorted({*self.query_langs.tolist(), *self.document_langs.tolist()})
        dimension = plain.documents.shape[1]
        noise = np.random.default_rng(seed).normal(size=(dimension, len(languages)))
        axes = np.linalg.qr(noise)[0].T
        if apart:
            axes = np.eye(len(languages), dimension + len(languages), dimension)
        axis = dict(zip(languages, axes, strict=True))

        def moved(rows: Vectors, langs: NDArray[np.str_]) -> Vectors:
            rows = np.pad(rows, ((0, 0), (0, axes.shape[1] - dimension)))
            added = rows + strength * np.array([axis[code] for code in langs.tolist()])
            added[~rows.any(axis=1)] = 0
            norms = np.linalg.norm(added, axis=1, keepdims=True)
            unit = np.divide(added, norms, out=np.zeros_like(added), where=norms > 0)
            return unit.astype(np.float32)

        return Variant(
            moved(plain.queries, self.query_langs),
            moved(plain.documents, self.document_langs),
            moved(plain.heads, self.document_langs),
        )

    def component_for(
        self, plain: Variant, share: float, *, apart: bool = False
    ) -> tuple[float, Variant]:
        """Return the strength at which `share` of the top 10 is in the query's language."""
        low, high = 0.0, 3.0
        for _ in range(12):
            middle = (low + high) / 2
            found = self.with_component(plain, middle, apart=apart)
            if self.same_language_share(self.cosines(found)) < share:
                low = middle
            else:
                high = middle
        return high, self.with_component(plain, high, apart=apart)

    def debiased(self, variant: Variant, method: str) -> Variant:
        """Fit on the documents, without judgments, and apply to all."""
        if method == "none":
            return variant
        debias = fit_debias(
            Method.parse(method), by_language(variant.documents, self.document_langs)
        )
        return Variant(
            debias.apply(variant.queries, certain(self.query_langs)),
            debias.apply(variant.documents, certain(self.document_langs)),
            debias.apply(variant.heads, certain(self.document_langs)),
        )

    def cosines(self, variant: Variant) -> Floats:
        """Return (Q, N)."""
        found: Floats = (variant.queries @ variant.documents.T).astype(np.float64)
        return found

    def same_language_share(self, scores: Floats, depth: int = 10) -> float:
        """Return the mean share of the top hits in the query's language."""
        top = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
        return float(np.take_along_axis(self.matching, top, axis=1).mean())

    def pooled(self, scores: Floats) -> dict[str, float]:
        """Return query id -> nDCG@10 over all documents."""
        return dict(zip(self.query_ids, ndcg(scores, self.gains).tolist(), strict=True))

    def pairs(self, scores: Floats, least: int = 20) -> dict[str, dict[str, float]]:
        """Return ``fr>en`` -> query id -> nDCG@10 within the target language.

        Only pairs with at least `least` topics.
        """
        topics = np.array(self.topics)
        found = {}
        for target in sorted(set(self.document_langs.tolist())):
            columns = self.document_langs == target
            answered = (self.gains[:, columns] > 0).any(axis=1)
            for source in sorted(set(self.query_langs.tolist())):
                rows = np.flatnonzero(answered & (self.query_langs == source))
                if len(set(topics[rows].tolist())) >= least:
                    values = ndcg(scores[np.ix_(rows, columns)], self.gains[np.ix_(rows, columns)])
                    ids = [self.query_ids[row] for row in rows]
                    found[f"{source}>{target}"] = dict(zip(ids, values.tolist(), strict=True))
        return found


def ndcg(scores: Floats, gains: Floats, depth: int = 10) -> Floats:
    """Return nDCG of each row, with the grade as gain, as trec_eval has it."""
    depth = min(depth, scores.shape[1])
    discounts = 1 / np.log2(np.arange(2, depth + 2))
    top = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    got = (np.take_along_axis(gains, top, axis=1) * discounts).sum(axis=1)
    ideal = (-np.sort(-gains, axis=1)[:, :depth] * discounts).sum(axis=1)
    return np.divide(got, ideal, out=np.zeros(len(got)), where=ideal > 0)


def by_language(rows: Vectors, langs: NDArray[np.str_]) -> dict[str, Vectors]:
    """Return language -> its rows."""
    return {code: rows[langs == code] for code in sorted(set(langs.tolist()))}


def certain(langs: NDArray[np.str_]) -> list[LanguagePosterior]:
    """Return posteriors of texts whose language is given."""
    return [LanguagePosterior.certain(code) for code in langs.tolist()]


def standardised(cosines: Floats, places: Mapping[str, tuple[float, float]], m: Matrices) -> Floats:
    """Return (cosine - location) / scale by ordered pair."""
    z = np.empty_like(cosines)
    for pair, (location, scale) in places.items():
        source, target = pair.split(">")
        cells = np.ix_(m.query_langs == source, m.document_langs == target)
        z[cells] = (cosines[cells] - location) / scale
    return z


def _head(text: str) -> str:
    return " ".join(text.split()[:HEAD_WORDS])[:HEAD_CHARACTERS]
