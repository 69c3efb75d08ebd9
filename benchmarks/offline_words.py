"""Evidence of words for every query and document of a set, read once from a server and kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from offline import Floats, Matrices
from opensearchpy import OpenSearch

from opensearch_clir.calibration.fit import Places, fit
from opensearch_clir.calibration.gather import UNIT, Rows
from opensearch_clir.calibration.parameters import WORDS, Parameters, builtin
from opensearch_clir.evaluation.folds import make_folds
from opensearch_clir.evaluation.workbench import Workbench, workbench
from opensearch_clir.query.dsl import evidence_clause
from opensearch_clir.settings import Settings

#: Nearest, and random, documents of each query that the fusion is fitted on besides the relevant.
NEAREST = RANDOM = 100


def read_words(
    client: OpenSearch, settings: Settings, m: Matrices, cache: Path | None
) -> NDArray[np.float32]:
    """Return evidence of shape (Q, N, len(WORDS))."""
    kept = cache / f"words-{m.set.name}.npy" if cache else None
    if kept is not None and kept.exists():
        found: NDArray[np.float32] = np.load(kept)
        return found
    words = np.zeros((*m.gains.shape, len(WORDS)), dtype=np.float32)
    with workbench(client, m.set, settings) as bench:
        for rows in _batches(range(len(m.query_ids)), 10):
            _read(bench, m, rows, words)
    if kept is not None:
        np.save(kept, words)
    return words


def _read(bench: Workbench, m: Matrices, rows: Sequence[int], words: NDArray[np.float32]) -> None:
    place = {doc: i for i, doc in enumerate(m.document_ids)}
    lines, targets = [], []
    for row in rows:
        query = m.set.queries[m.query_ids[row]]
        plan = bench.preparer.plan(query.text, k=1, languages=query.lang, parameters=UNIT)
        for column, kind in enumerate(WORDS):
            clauses = [evidence_clause(e, plan.lang_field) for e in plan.clauses if e.kind == kind]
            if clauses:
                body = {"query": {"bool": {"should": clauses}}, "size": len(place)}
                lines += [{"index": bench.index}, {**body, "_source": False}]
                targets.append((row, column))
    answers = bench.client.msearch(body=lines, request_timeout=300)["responses"] if lines else []
    for (row, column), answer in zip(targets, answers, strict=True):
        for hit in answer["hits"]["hits"]:
            if hit["_id"] in place:
                words[row, place[hit["_id"]], column] = hit["_score"]


def fused(
    m: Matrices,
    cosines: Floats,
    words: NDArray[np.float32],
    places: Places,
    *,
    fitted_on: tuple[Floats, Places] | None = None,
) -> Floats:
    """Return cross-fitted log-odds (Q, N), five folds by topic.

    Args:
        m: the set.
        cosines: of the vectors to rank by, (Q, N).
        words: evidence of words, (Q, N, len(WORDS)).
        places: where unrelated cosines lie.
        fitted_on: other cosines and places that the parameters are fitted on, as if the vectors
            had changed and nobody had calibrated again.
    """
    source, source_places = fitted_on or (cosines, places)
    folds = make_folds(dict(zip(m.query_ids, m.topics, strict=True)))
    of = np.array([folds[query] for query in m.query_ids])
    every = [_rows(m, source, words, row) for row in range(len(m.query_ids))]
    scores = np.zeros_like(cosines)
    for fold in range(5):
        rows = [every[i] for i in np.flatnonzero(of != fold)]
        parameters = fit(rows, builtin(), source_places, origin="benchmark")
        held_out = np.flatnonzero(of == fold)
        scores[held_out] = _log_odds(m, held_out, cosines, words, parameters, source_places)
    return scores


def _rows(m: Matrices, cosines: Floats, words: NDArray[np.float32], row: int) -> Rows:
    total = len(m.document_ids)
    rng = np.random.default_rng(row)
    likely = set(np.flatnonzero(m.gains[row] > 0).tolist())
    likely |= set(np.argsort(-cosines[row])[:NEAREST].tolist())
    likely |= set(np.argsort(-words[row].sum(axis=1))[:NEAREST].tolist())
    drawn = set(rng.choice(total, min(RANDOM, total), replace=False).tolist()) - likely
    each = (total - len(likely)) / len(drawn) if drawn else 1.0
    chosen = np.array(sorted(likely | drawn))
    return Rows(
        m.query_ids[row],
        str(m.query_langs[row]),
        m.document_langs[chosen],
        cosines[row, chosen],
        words[row, chosen].astype(np.float64),
        (m.gains[row, chosen] > 0).astype(np.float64),
        np.array([1.0 if i in likely else each for i in chosen.tolist()]),
    )


def _log_odds(
    m: Matrices,
    rows: NDArray[np.intp],
    cosines: Floats,
    words: NDArray[np.float32],
    parameters: Parameters,
    places: Places,
) -> Floats:
    matching = m.matching[rows]
    z = np.empty((len(rows), len(m.document_ids)))
    for source in set(m.query_langs[rows].tolist()):
        for target in set(m.document_langs.tolist()):
            location, scale = places.of(source, target)
            cells = np.ix_(m.query_langs[rows] == source, m.document_langs == target)
            z[cells] = (cosines[rows][cells] - location) / scale
    a = np.where(matching, parameters.matching.intercept, parameters.non_matching.intercept)
    b = np.where(matching, parameters.matching.slope, parameters.non_matching.slope)
    weights = np.array([getattr(parameters, kind) for kind in WORDS])
    found: Floats = a + b * z + words[rows] @ weights
    return found


def _batches(rows: Sequence[int], size: int) -> list[Sequence[int]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
