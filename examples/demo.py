"""The main job: a server, a knowledge base in many languages, questions across them.

    python examples/demo.py

Beside each result of ours stand plain BM25 and the server's own hybrid search (BM25 and k-NN over
the same vectors, min-max normalised, equal weights), asked in the same words on the same index.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy.exceptions import OpenSearchException
from rich.console import Console
from rich.table import Table
from rich.text import Text

from opensearch_clir import Clir, ClirError
from opensearch_clir.cluster import as_clir_error
from opensearch_clir.errors import IndexStateError
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.sets import EvaluationSet, Query
from opensearch_clir.local.find import from_environment, up

SET = Path(__file__).resolve().parents[1] / "benchmarks" / "sets" / "helpdesk"
INDEX = "clir-demo"
PAGE = 10

#: Questions to show in full, each with the language in which an answer is looked for. They are
#: picked to show both directions; the table below them counts all questions of the set.
SHOWN = [
    ("q-cancel-order.fr", "en"),
    ("q-customs.en", "fr"),
    ("q-invoice-copy.en", "ja"),
    ("q-voucher.ja", "en"),
    ("q-invoice-copy.ar", "de"),
    ("q-password-reset.de", "ar"),
    ("q-wifi-pairing.hi", "en"),
    ("q-voice.zh", "en"),
]

#: Ordered pairs of the summary.
PAIRS = ["fr>en", "en>fr", "en>ja", "ja>en", "ar>de", "de>ar", "es>de", "zh>en", "hi>en", "ru>fr"]


def right(desk: EvaluationSet, query: str, lang: str) -> set[str]:
    """Return the documents in `lang` that answer a query in full."""
    return {d for d in answers(desk, query) if desk.language(d) == lang}


def answers(desk: EvaluationSet, query: str) -> set[str]:
    """Return the documents that answer a query in full."""
    return {d for d, grade in desk.qrels[query].items() if grade == 2}


def main() -> int:
    """Run the demo; return the exit code."""
    try:
        return run(Console(width=110))
    except ClirError as error:
        print(f"Error: {' '.join(str(error).split())}", file=sys.stderr)
    except OpenSearchException as error:
        print(f"Error: {as_clir_error(error, 'running the demo')}", file=sys.stderr)
    return 1


def run(console: Console) -> int:
    """Start or find a server, fill the index, ask, and say what comes next."""
    started = time.monotonic()
    with timed(console, "server"):
        server = from_environment() or up(report=console.print)
    client = server.client()
    clir = Clir(client, INDEX)
    with timed(console, "index"):
        index(client, clir, console)
    desk = read_set(SET)
    systems = searchers(client, clir)
    with timed(console, "search"):
        console.print("\nIn all documents, where is the first right one in the other language?")
        for query, lang in SHOWN:
            show(console, desk, systems, query, lang)
        show_mixed(console, desk, systems, "codeswitch", "Two languages in one question")
        show_mixed(console, desk, systems, "entity", "Names and part numbers")
        summary(console, desk, systems)
    console.print(f"\n\\[demo: {time.monotonic() - started:.0f} s] The server goes on running:")
    question = "la machine ne se connecte pas au wifi"
    console.print(f'  .venv/bin/clir search {INDEX} "{question}"')
    console.print(f'  .venv/bin/clir explain {INDEX} "{question}" --id wifi-pairing.en')
    console.print("  .venv/bin/clir down")
    return 0


class timed:  # noqa: N801 - used like a function
    """Print how long a part took."""

    def __init__(self, console: Console, label: str) -> None:
        self.console, self.label = console, label

    def __enter__(self) -> None:
        self.started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.console.print(f"\\[{self.label}: {time.monotonic() - self.started:.1f} s]")


def index(client: OpenSearch, clir: Clir, console: Console) -> None:
    """Make the index afresh and fill it; an index of that name that isn't ours stays."""
    if client.indices.exists(index=INDEX):
        meta = client.indices.get_mapping(index=INDEX)[INDEX]["mappings"].get("_meta", {})
        if not meta.get("clir_demo"):
            raise IndexStateError(f"there is an index {INDEX!r} that the demo did not make")
        client.indices.delete(index=INDEX)
    # A user's own mapping, as any cluster has it; set-up adds to it.
    fields = {name: {"type": "keyword"} for name in ("lang", "topic", "group")}
    mapping = {"properties": fields, "_meta": {"clir_demo": True}}
    settings = {"index.knn": True}
    client.indices.create(index=INDEX, body={"mappings": mapping, "settings": settings})
    clir.setup(fields="title^2,text")
    with (SET / "corpus.jsonl").open(encoding="utf-8") as file:
        report = clir.index(map(json.loads, file))
    console.print(f"{report.indexed} documents indexed, {sum(report.rejected.values())} rejected")


Searcher = Callable[[str, str | None], list[dict[str, Any]]]


def searchers(client: OpenSearch, clir: Clir) -> dict[str, Searcher]:
    """Return the three systems as functions from question and language filter to hits."""

    def condition(lang: str | None) -> list[dict[str, Any]]:
        return [{"term": {"lang": lang}}] if lang else []

    def bm25(text: str, lang: str | None) -> list[dict[str, Any]]:
        words = {"multi_match": {"query": text, "fields": ["title^2", "text"]}}
        body = {"query": {"bool": {"must": words, "filter": condition(lang)}}, "size": PAGE}
        return list(client.search(index=INDEX, body=body)["hits"]["hits"])

    def hybrid(text: str, lang: str | None) -> list[dict[str, Any]]:
        plan = clir.plan(text)
        where = {"bool": {"filter": condition(lang)}}
        words = {"multi_match": {"query": text, "fields": ["title^2", "text"]}}
        queries: list[dict[str, Any]] = [{"bool": {"must": words, **where["bool"]}}]
        if plan.vector is not None:
            nearest = {"vector": plan.vector.tolist(), "k": 100, "filter": where}
            queries.append({"knn": {plan.vector_field: nearest}})
        pipeline: dict[str, Any] = {"phase_results_processors": [{"normalization-processor": {}}]}
        body = {
            "query": {"hybrid": {"queries": queries}},
            "search_pipeline": pipeline,
            "size": PAGE,
        }
        return list(client.search(index=INDEX, body=body)["hits"]["hits"])

    def ours(text: str, lang: str | None) -> list[dict[str, Any]]:
        return list(clir.search(text, filter=condition(lang), size=PAGE)["hits"]["hits"])

    return {"BM25": bm25, "hybrid": hybrid, "clir": ours}


def show(
    console: Console, desk: EvaluationSet, systems: dict[str, Searcher], query: str, lang: str
) -> None:
    """Print where each system, searching everything, ranks the right document of a language."""
    row = desk.queries[query]
    wanted = right(desk, query, lang)
    console.print()
    console.print(Text(f"{row.lang} → {lang}   {row.text}", style="bold"))
    for name, search in systems.items():
        hits = search(row.text, None)
        rank = next((n for n, hit in enumerate(hits, 1) if hit["_id"] in wanted), None)
        best = hits[0]["_source"]["title"] if hits else "nothing"
        place = f"at {rank}" if rank else "not on the first page"
        console.print(Text(f"  {name:<7} {place:<22} first hit: {best}"))


def show_mixed(
    console: Console, desk: EvaluationSet, systems: dict[str, Searcher], kind: str, label: str
) -> None:
    """Print how many right documents of other languages come up for one kind of question."""
    rows = [row for row in desk.queries.values() if row.kind == kind][:4]
    console.print()
    console.print(Text(label, style="bold"))
    for row in rows:
        foreign = {d for d in answers(desk, row.id) if desk.language(d) != row.lang}
        found = {
            name: len(foreign & {hit["_id"] for hit in search(row.text, None)})
            for name, search in systems.items()
        }
        figures = ", ".join(f"{name} {n}" for name, n in found.items())
        console.print(Text(f"  {row.text}"))
        console.print(Text(f"    foreign answers on the first page, of {len(foreign)}: {figures}"))


def summary(console: Console, desk: EvaluationSet, systems: dict[str, Searcher]) -> None:
    """Print for all questions of each pair how often a right foreign document is on page one."""
    console.print(
        "\nAll questions: share with a right document of the target language on page one,"
    )
    console.print("searching everything / searching documents of the target language only")
    table = Table(box=None)
    for name in ("pair", "questions", *systems):
        table.add_column(name, justify="right")
    for pair in PAIRS:
        source, target = pair.split(">")
        rows = [
            row
            for row in desk.queries.values()
            if row.lang == source and row.kind == "natural" and right(desk, row.id, target)
        ]
        cells = [
            " / ".join(f"{share(desk, search, rows, target, lang):.0%}" for lang in (None, target))
            for search in systems.values()
        ]
        table.add_row(pair, str(len(rows)), *cells)
    console.print(table)


def share(
    desk: EvaluationSet, search: Searcher, rows: list[Query], target: str, lang: str | None
) -> float:
    """Return the share of questions with a right document in `target` on the first page."""
    found = (
        right(desk, row.id, target) & {hit["_id"] for hit in search(row.text, lang)} for row in rows
    )
    return sum(map(bool, found)) / len(rows)


if __name__ == "__main__":
    sys.exit(main())
