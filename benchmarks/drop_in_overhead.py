"""What the drop-in costs: the same questions and documents on each way, in turn, in one run.

    python benchmarks/drop_in_overhead.py --rounds 5 --out benchmarks/results/drop_in_overhead.json

Ways to search: the question as a stock client sends it, without us (``plain``); `Clir.search`; the
stock client through the cluster's pipeline; and, with ``--gateway``, through `clir gateway`, which
must run in front of the same cluster. Ways to write, 50 documents a request: ``plain``,
`Clir.enrich` in the writer, the cluster's pipeline, and the gateway. Every question is asked once
before times are taken, as the caches of all ways are then filled.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from drop_in_setting import corpus, distribution, make_index, questions, serving
from opensearchpy import OpenSearch, helpers

from opensearch_clir import Clir, pipelines
from opensearch_clir.cli.common import open_client
from opensearch_clir.pipelines.bodies import Target

INDEX = "clir-bench-overhead"
CHUNK = 50

Ways = Mapping[str, Callable[[Any], object]]


def searches(client: OpenSearch, clir: Clir, gateway: OpenSearch | None) -> Ways:
    """Return the ways to ask one question; `Clir.search` without the pipeline of the index."""

    def body(text: str) -> dict[str, Any]:
        return {"query": {"multi_match": {"query": text, "fields": ["title^2", "text"]}}}

    none, ours = {"search_pipeline": "_none"}, {"search_pipeline": f"clir-{INDEX}"}
    request = {"index": INDEX}
    ways: dict[str, Callable[[Any], object]] = {
        "plain": lambda q: client.search(**request, body=body(q), params=none),
        "Clir.search": lambda q: client.search(**request, body=clir.request(q), params=none),
        "pipeline": lambda q: client.search(**request, body=body(q), params=ours),
    }
    if gateway is not None:
        ways["gateway"] = lambda q: gateway.search(**request, body=body(q), params=none)
    return ways


def writes(client: OpenSearch, clir: Clir, gateway: OpenSearch | None) -> Ways:
    """Return the ways to write some documents."""

    def bulk(to: OpenSearch, index: str, actions: Iterable[Mapping[str, Any]]) -> object:
        return helpers.bulk(to, ({**a, "_index": index} for a in actions), chunk_size=CHUNK)

    ways: dict[str, Callable[[Any], object]] = {
        "plain": lambda a: bulk(client, f"{INDEX}-plain", a),
        "Clir.enrich": lambda a: bulk(client, f"{INDEX}-client", clir.enrich(a)),
        "pipeline": lambda a: bulk(client, INDEX, a),
    }
    if gateway is not None:
        ways["gateway"] = lambda a: bulk(gateway, f"{INDEX}-client", a)
    return ways


def timed(ways: Ways, items: list[Any], rounds: int) -> dict[str, dict[str, float]]:
    """Return the times of each way over all items, the order of the ways changing each time."""
    for way in ways.values():
        for item in items:
            way(item)
    taken: defaultdict[str, list[float]] = defaultdict(list)
    order = random.Random(0)
    for _ in range(rounds):
        for item in items:
            for name in order.sample(sorted(ways), len(ways)):
                started = time.perf_counter()
                ways[name](item)
                taken[name].append(time.perf_counter() - started)
    return {name: distribution(taken[name]) for name in ways}


def main() -> None:
    """Make the indices, run the service, take the times, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--gateway", help="address of a running clir gateway")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    client, settings = open_client()
    gateway = OpenSearch(options.gateway) if options.gateway else None
    host = client.transport.hosts[0]
    url = settings.url or f"http://{host['host']}:{host['port']}"
    clir = make_index(client, INDEX)
    make_index(client, f"{INDEX}-client", fill=False)
    client.indices.delete(index=f"{INDEX}-plain", ignore=404)
    asked = random.Random(1).sample(questions(), options.questions)
    documents = corpus()
    chunks = [
        [{"_id": d["id"], "_source": d} for d in documents[i : i + CHUNK]]
        for i in range(0, len(documents) - CHUNK, CHUNK)
    ]
    with serving(url, "--index", INDEX) as service:
        pipelines.install(client, INDEX, Target(service.url, service.token, seconds=30))
        figures = {
            "processors": os.cpu_count(),
            "documents": len(documents),
            "search_ms": timed(searches(client, clir, gateway), asked, options.rounds),
            "bulk_of_50_ms": timed(
                writes(client, Clir(client, f"{INDEX}-client"), gateway), chunks, options.rounds
            ),
        }
        pipelines.uninstall(client, INDEX)
    for name in (INDEX, f"{INDEX}-client", f"{INDEX}-plain"):
        client.indices.delete(index=name, ignore=404)
    text = json.dumps(figures, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
