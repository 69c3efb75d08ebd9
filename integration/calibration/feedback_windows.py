"""The first hits of judged queries with the vectors that feedback goes by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.documents import read_documents
from opensearch_clir.calibration.feedback import DOCUMENTS, Centre
from opensearch_clir.calibration.fit_second import Windowed
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.logistic import sigmoid
from opensearch_clir.encoders.background import robust_place
from opensearch_clir.query.first_hits import vector_of
from opensearch_clir.query.prepare import Preparer
from opensearch_clir.rerank.window import WINDOW

__all__ = ["DocumentVectors", "FeedbackWindows", "read_vectors"]

#: Closer than this two documents are one, which says nothing of how near others are.
_SAME = 0.9999

Array = NDArray[np.float64]
Table = NDArray[np.float32]

#: Document id -> its unit vector of shape (dimension,); without those that have none.
DocumentVectors = Mapping[str, NDArray[np.float32]]


def read_vectors(preparer: Preparer, rows: Sequence[Rows]) -> dict[str, NDArray[np.float32]]:
    """Return the stored vectors of all documents of the rows. Raises `ClusterError`."""
    path = preparer.schema.vector_field
    ids = sorted({document for row in rows for document in row.ids})
    hits = read_documents(preparer, ids, [path])
    vectors = ((hit["_id"], vector_of(hit, path)) for hit in hits)
    return {document: vector for document, vector in vectors if vector is not None}


class FeedbackWindows:
    """The first hits of queries, with the vectors that feedback goes by.

    Args:
        rows: evidence of the queries, with the ids of their documents.
        logits: log-odds of each row's documents, from weights that did not see its topic.
        vectors: of the documents.
        place: location and scale of the cosine of unrelated texts.
    """

    def __init__(
        self,
        rows: Sequence[Rows],
        logits: Sequence[Array],
        vectors: DocumentVectors,
        place: tuple[float, float],
    ) -> None:
        self._place = place
        places = {document: number for number, document in enumerate(vectors)}
        self._table = np.stack(list(vectors.values())) if places else np.zeros((0, 1), np.float32)
        self._hits = [_Hits(r, found, places) for r, found in zip(rows, logits, strict=True)]

    @property
    def plain(self) -> list[Windowed]:
        """The queries without any feedback."""
        return [Windowed(s.row, s.logits, np.full(len(s.logits), np.nan)) for s in self._hits]

    @property
    def typical(self) -> float:
        """How near first hits and other hits are to each other; see `Feedback`."""
        near = np.concatenate([np.zeros(0), *(one.nearness(self._table) for one in self._hits)])
        location, scale = self._place
        return (robust_place(near)[0] - location) / scale if len(near) else 0.0

    def scored(self, typical: float) -> list[Windowed]:
        """Return the queries with the evidence of feedback."""
        return [one.scored(self._table, typical, self._place) for one in self._hits]


class _Hits:
    """The documents of one query that have a vector, best first."""

    def __init__(self, row: Rows, logits: Array, places: Mapping[str, int]) -> None:
        order = np.argsort(-logits, kind="stable").tolist()
        kept = [i for i in order if row.ids[i] in places]
        self.row, self.logits = row, logits
        self.chosen = np.array(kept, dtype=np.intp)
        self.places = np.array([places[row.ids[i]] for i in kept], dtype=np.intp)

    def nearness(self, table: Table) -> Array:
        """Return the cosines of the first hits and others that are shown."""
        found = table[self.places[:WINDOW]] @ table[self.places[:DOCUMENTS]].T
        return np.asarray(found[found < _SAME], dtype=np.float64)

    def scored(self, table: Table, typical: float, place: tuple[float, float]) -> Windowed:
        scores = np.full(len(self.logits), np.nan)
        if len(self.places):
            vectors = table[self.places]
            likely = sigmoid(self.logits[self.chosen[:DOCUMENTS]])
            centre = Centre.of(vectors[:DOCUMENTS], likely)
            scores[self.chosen] = centre.evidence(vectors, typical, place)
        return Windowed(self.row, self.logits, scores)
