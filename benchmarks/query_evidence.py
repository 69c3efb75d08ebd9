"""What token spans, entities and translated words are worth: the same search without each of them.

    python benchmarks/query_evidence.py SET... --out benchmarks/results/query_evidence.json

Every variant runs on the server with the parameters that ship with the package, so that nothing is
fitted on the set here (the parameters themselves are, see `fit_builtin.py`). `across` drops
documents in the query's language from ranking and judgments. Queries that name something are those
of kind ``entity``, or, in sets without kinds, those in which names, codes or numbers were found.
Differences are full search minus variant, with 95% intervals by topic; above 0: the part helps.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opensearch_clir.calibration.parameters import Parameters, builtin
from opensearch_clir.cli.common import open_client
from opensearch_clir.entities import entities
from opensearch_clir.evaluation.metrics import per_query
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.statistics import mean_interval
from opensearch_clir.evaluation.systems.base import DEPTH, Question
from opensearch_clir.evaluation.systems.stock import Knn
from opensearch_clir.evaluation.workbench import Workbench, workbench
from opensearch_clir.progress import to_stream
from opensearch_clir.query.dsl import Query, one_stage
from opensearch_clir.query.prepare import Reading
from opensearch_clir.query.request import neighbours
from opensearch_clir.query.words import QueryWords

MEASURE = "nDCG@10"

#: What is switched off in the parameters, by variant.
SWITCHES: dict[str, dict[str, float]] = {
    "all": {},
    "without entities": {"entity": 0.0},
    "without translated words": {"translated": 0.0, "head": 0.0},
}


@dataclass(frozen=True)
class Variant:
    """The search under some parameters, of a query read in some way."""

    parameters: Parameters
    read: Callable[[Question], Reading]
    name: str = "variant"
    same_scores: bool = True

    def body(self, question: Question, size: int, filters: Sequence[Query] = ()) -> dict[str, Any]:
        schema = question.preparer.schema
        plan = self.read(question).plan(schema, self.parameters, neighbours(size, 0))
        return {"query": one_stage(plan, filters), "size": size, "_source": False}


def whole(question: Question) -> Reading:
    return question.reading


def exact_entities(question: Question) -> Reading:
    """The query's entities without keys of sounds and consonants, hence within one script."""
    words = question.reading.words
    kept = [replace(e, keys=tuple(k for k in e.keys if k.startswith("="))) for e in words.entities]
    return replace(
        question.reading, words=replace(words, entities=tuple(e for e in kept if e.keys))
    )


def as_typed(question: Question) -> Reading:
    """The query as one text in its most likely languages: no spans, nothing restored."""
    preparer, text = question.preparer, question.text
    posterior = preparer.posterior(text)
    pieces = preparer.lexicon.translate(text) if preparer.lexicon is not None else ()
    words = replace(QueryWords.plain(text), pieces=pieces, entities=entities(text, "query"))
    return Reading(posterior, preparer.vector(text), words, preparer.statistics(words, posterior))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    client, settings = open_client()
    found = {}
    for folder in arguments.sets:
        evaluation_set = read_set(folder)
        with workbench(client, evaluation_set, settings) as bench:
            found[evaluation_set.name] = of_set(bench)
        print(f"\n{evaluation_set.name}\n{table(found[evaluation_set.name])}", flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def of_set(bench: Workbench) -> dict[str, Any]:
    runs = {name: run_of(bench, name, variant) for name, variant in variants().items()}
    result: dict[str, Any] = {}
    for group, queries in groups(bench.set).items():
        for scope in ("pooled", "across"):
            values = {
                name: measured(bench.set, run, queries, scope == "across")
                for name, run in runs.items()
            }
            result[f"{group}, {scope}"] = compared(bench.set, values)
    return result


def variants() -> dict[str, Variant | Knn]:
    shipped = builtin()
    found: dict[str, Variant | Knn] = {
        name: Variant(replace(shipped, **changes), whole) for name, changes in SWITCHES.items()
    }
    found["entities without sounds"] = Variant(shipped, exact_entities)
    found["without spans"] = Variant(shipped, as_typed)
    found["dense alone"] = Knn()
    return found


def run_of(bench: Workbench, name: str, variant: Variant | Knn) -> dict[str, dict[str, float]]:
    queries = to_stream()(bench.questions, label=name, total=len(bench.questions))
    return bench.run(lambda _: variant, queries, DEPTH)


def groups(evaluation_set: EvaluationSet) -> dict[str, list[str]]:
    """Return query ids by kind; sets without kinds have all and those that name something."""
    found: dict[str, list[str]] = {"all": list(evaluation_set.queries)}
    for query in evaluation_set.queries.values():
        if query.kind:
            found.setdefault(query.kind, []).append(query.id)
        elif any(e.kind != "word" for e in entities(query.text, "query")):
            found.setdefault("entity", []).append(query.id)
    return found


def measured(
    evaluation_set: EvaluationSet,
    run: Mapping[str, Mapping[str, float]],
    queries: Sequence[str],
    across: bool,
) -> dict[str, float]:
    def kept(query: str, documents: Mapping[str, Any]) -> dict[str, Any]:
        own = evaluation_set.queries[query].lang
        return {
            d: v for d, v in documents.items() if not across or evaluation_set.language(d) != own
        }

    qrels = {q: kept(q, evaluation_set.qrels[q]) for q in queries}
    qrels = {q: judged for q, judged in qrels.items() if any(g > 0 for g in judged.values())}
    return dict(per_query(qrels, {q: kept(q, run.get(q, {})) for q in qrels}, (MEASURE,))[MEASURE])


def compared(
    evaluation_set: EvaluationSet, values: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, found in values.items():
        mean = mean_interval(evaluation_set.topics, found).as_json()
        less = {query: values["all"][query] - value for query, value in found.items()}
        gain = mean_interval(evaluation_set.topics, less).as_json("gain")
        result[name] = {"queries": len(found), MEASURE: mean, "full_minus_this": gain}
    return result


def table(found: Mapping[str, Any]) -> str:
    lines = []
    for group, rows in found.items():
        lines.append(f"{group} ({next(iter(rows.values()))['queries']} queries)")
        for name, row in rows.items():
            gain = row["full_minus_this"]
            lines.append(
                f"  {name:26} {row[MEASURE]['value']:.3f}   full is "
                f"{gain['gain']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
