"""How much slower a search without a k-NN graph is, by number of documents.

Run: ``python benchmarks/exact_limit.py http://localhost:9200 [SIZE …]``. Writes to two throw-away
indices and prints one line per size; the ratio is what carries over to other machines.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from opensearchpy import OpenSearch, helpers

from opensearch_clir.index_templates import Generation
from opensearch_clir.index_templates.render import vector_field

SIZES = (1_000, 10_000, 40_000)
DIMENSION = 256
QUERIES = 40
INDICES = {"exact": "bench-exact-limit-exact", "graph": "bench-exact-limit-graph"}


def main(url: str, sizes: tuple[int, ...]) -> None:
    client = OpenSearch([url], timeout=300)
    remove(client)
    try:
        for kind, index in INDICES.items():
            create(client, index, indexed=kind == "graph")
        filled = 0
        print("documents  exact p50 ms  graph p50 ms  ratio")
        for size in sizes:
            for index in INDICES.values():
                list(helpers.parallel_bulk(client, documents(index, filled, size), 4, 500))
                client.indices.forcemerge(index=index, params={"max_num_segments": "1"})
                client.indices.refresh(index=index)
            filled = size
            took = {kind: median_ms(client, kind) for kind in INDICES}
            ratio = took["exact"] / took["graph"]
            print(f"{size:9,}  {took['exact']:12.1f}  {took['graph']:12.1f}  {ratio:5.1f}")
    finally:
        remove(client)


def create(client: OpenSearch, index: str, *, indexed: bool) -> None:
    generation = Generation("b", "bench", "", DIMENSION, {}, indexed=indexed)
    settings: dict[str, Any] = {"index.number_of_shards": 1, "index.number_of_replicas": 0}
    settings |= {"index.refresh_interval": "-1"} | ({"index.knn": True} if indexed else {})
    mappings = {"properties": {"v": vector_field(generation)}}
    client.indices.create(index=index, body={"settings": settings, "mappings": mappings})


def documents(index: str, first: int, last: int) -> Iterator[dict[str, Any]]:
    random = np.random.default_rng(first)
    for number in range(first, last):
        vector = random.standard_normal(DIMENSION).round(4).tolist()
        yield {"_index": index, "_id": str(number), "v": vector}


def median_ms(client: OpenSearch, kind: str) -> float:
    random = np.random.default_rng(1)
    took = []
    for number in range(QUERIES + 5):
        body = query(random.standard_normal(DIMENSION).round(4).tolist(), kind)
        started = time.perf_counter()
        client.search(index=INDICES[kind], body=body)
        if number >= 5:  # the first ones warm up
            took.append(1000 * (time.perf_counter() - started))
    return statistics.median(took)


def query(vector: list[float], kind: str) -> dict[str, Any]:
    """The one-stage form: candidates, and the cosine of each by script."""
    nearest: dict[str, Any] = {"knn": {"v": {"vector": vector, "k": 100}}}
    found = {"exists": {"field": "v"}} if kind == "exact" else nearest
    source = "1.0 / (1.0 + Math.exp(-(_score + cosineSimilarity(params.q, doc['v']))))"
    inner = {"bool": {"should": [{"constant_score": {"filter": found, "boost": 0.0}}]}}
    script = {"source": source, "params": {"q": vector}}
    return {
        "size": 10,
        "_source": False,
        "query": {"script_score": {"query": inner, "script": script}},
    }


def remove(client: OpenSearch) -> None:
    for index in INDICES.values():
        client.indices.delete(index=index, params={"ignore_unavailable": "true"})


if __name__ == "__main__":
    main(sys.argv[1], tuple(map(int, sys.argv[2:])) or SIZES)
