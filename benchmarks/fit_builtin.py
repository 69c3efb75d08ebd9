"""Fit the built-in fusion parameters on evaluation sets and write them as JSON.

    python benchmarks/fit_builtin.py SET... --out integration/calibration/builtin.json

Each SET is a folder with `corpus.jsonl[.gz]`, `queries.tsv` and `qrels.tsv[.gz]`. Every set is
indexed on the running server, all evidence of every (query, document) pair is read from it, and one
logistic regression per pair class is fitted; sets weigh the same, whatever their size. An index
that is calibrated on its own data does not use these parameters.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from opensearchpy import OpenSearch
from scipy.optimize import minimize

from opensearch_clir.cli.common import open_client
from opensearch_clir.clir import Clir
from opensearch_clir.encoders.base import encode
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.language.folding import fold
from opensearch_clir.progress import to_stream
from opensearch_clir.query.statistics import Routings, fetch

Array = NDArray[np.float64]
INDEX = "clir-fit-builtin"
RIDGE = 1e-3


@dataclass
class Rows:
    """Evidence of one pair class: columns (1, z, x), relevance in {0, 1}."""

    features: Array
    relevant: Array


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    client, _ = open_client()
    gathered = [gather(client, folder) for folder in arguments.sets]
    matching = fit([g[0] for g in gathered])
    non_matching = fit([g[1] for g in gathered])
    names = ", ".join(folder.name for folder in arguments.sets)
    parameters = {
        "matching": {"intercept": round(matching[0], 3), "slope": round(matching[1], 3)},
        "non_matching": {
            "intercept": round(non_matching[0], 3),
            "slope": round(non_matching[1], 3),
        },
        "own": round(matching[2], 3),
        "any": round(non_matching[2], 3),
        "missing_z": 0.0,
        "origin": f"logistic regression per pair class on {names}; benchmarks/fit_builtin.py",
    }
    arguments.out.write_text(json.dumps(parameters, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(parameters, indent=2))


def gather(client: OpenSearch, folder: Path) -> tuple[Rows, Rows]:
    """Index one set and return the evidence of its matching and non-matching pairs."""
    evaluation_set = read_set(folder)
    documents = list(evaluation_set.documents.values())
    queries = list(evaluation_set.queries.values())
    client.indices.delete(index=INDEX, ignore_unavailable=True)
    clir = Clir(client, INDEX)
    clir.setup(fields="title^2,text", lang_field="lang")
    report = clir.index(
        {"id": d.id, "lang": d.lang, "title": d.title, "text": d.text} for d in documents
    )
    if report.rejected:
        sys.exit(f"{folder}: documents were rejected: {dict(report.rejected)}")
    row_of = {d.id: row for row, d in enumerate(documents)}
    langs = np.array([d.lang for d in documents])
    vectors = stored_vectors(client, clir, row_of)
    questions = encode(clir._ready().encoder, [query.text for query in queries], "query")
    background = clir.schema.generation.background
    shards = Routings(client).of(INDEX)
    rows: dict[str, list[tuple[Array, Array]]] = {"matching": [], "non_matching": []}
    reporter = to_stream()
    for row, query in enumerate(reporter(queries, label=folder.name)):
        cosine = vectors @ questions[row].astype(np.float64)
        own, survivors = lexical(client, clir, shards, query.lang, query.text, row_of)
        relevant = set(evaluation_set.relevant(query.id))
        truth = np.array([d.id in relevant for d in documents], dtype=np.float64)
        same = langs == query.lang
        for name, where, words in (("matching", same, own), ("non_matching", ~same, survivors)):
            location, scale = background[name]
            z = (cosine[where] - location) / scale
            rows[name].append((np.column_stack((np.ones(len(z)), z, words[where])), truth[where]))
    client.indices.delete(index=INDEX)
    return tuple(  # type: ignore[return-value]
        Rows(np.concatenate([f for f, _ in rows[n]]), np.concatenate([t for _, t in rows[n]]))
        for n in ("matching", "non_matching")
    )


def lexical(
    client: OpenSearch,
    clir: Clir,
    shards: tuple[tuple[str, str], ...],
    lang: str,
    text: str,
    row_of: dict[str, int],
) -> tuple[Array, Array]:
    """Return BM25 / bound of every document in the query's language field and the neutral field."""
    schema = clir.schema
    texts = {schema.names.text(lang): text, schema.names.any_text: fold(text)}
    statistics = fetch(client, shards, texts)
    result = []
    for path, words in texts.items():
        values = np.zeros(len(row_of))
        own = path == schema.names.text(lang)
        bound_of = statistics[path].bound if own else statistics[path].survivor_bound
        bound = bound_of(schema.bm25_constant)
        if bound > 0:
            body = {
                "query": {"match": {path: {"query": words, "boost": 1 / bound}}},
                "size": min(10_000, len(row_of)),
                "_source": False,
            }
            for hit in client.search(index=INDEX, body=body)["hits"]["hits"]:
                values[row_of[hit["_id"]]] = hit["_score"]
        result.append(values)
    return result[0], result[1]


def stored_vectors(client: OpenSearch, clir: Clir, row_of: dict[str, int]) -> Array:
    """Return the vectors as the index has them, one row per document."""
    generation = clir.schema.generation
    vectors = np.zeros((len(row_of), generation.dimension))
    body = {"size": len(row_of), "_source": [clir.schema.vector_field]}
    for hit in client.search(index=INDEX, body=body)["hits"]["hits"]:
        ours = hit["_source"].get(clir.schema.namespace, {})
        if generation.id in ours.get("v", {}):
            vectors[row_of[hit["_id"]]] = ours["v"][generation.id]
    return vectors


def fit(parts: list[Rows]) -> Array:
    """Return (intercept, slope, word weight) by ridge-penalised logistic regression."""
    features = np.concatenate([p.features for p in parts])
    target = np.concatenate([p.relevant for p in parts])
    weight = np.concatenate([np.full(len(p.relevant), 1e6 / len(p.relevant)) for p in parts])

    def loss(beta: Array) -> tuple[float, Array]:
        logits = features @ beta
        p = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
        value = weight @ (np.logaddexp(0, logits) - target * logits) + RIDGE * beta @ beta
        return float(value), features.T @ (weight * (p - target)) + 2 * RIDGE * beta

    start = np.array([np.log(target.mean()), 0.0, 0.0])
    bounds = [(None, None), (0, None), (0, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    if not found.success:
        sys.exit(f"the fit did not converge: {found.message}")
    return np.asarray(found.x, dtype=np.float64)


if __name__ == "__main__":
    main()
