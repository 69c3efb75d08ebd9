"""Evaluation on a real server: emulation, cross-fitting, and the command's result."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from opensearchpy import OpenSearch

from opensearch_clir.cli.main import main
from opensearch_clir.evaluation.experiment import SYSTEMS, Experiment, Options
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.runs import read_run
from opensearch_clir.evaluation.sets import EvaluationSet, write_set
from opensearch_clir.evaluation.systems.emulate import hybrid_scores, rrf_scores
from opensearch_clir.evaluation.systems.stock import Bm25, Hybrid, Knn, Rrf
from opensearch_clir.evaluation.tuning import Tuner, hybrid_grid
from opensearch_clir.evaluation.workbench import FIELDS, Workbench, workbench
from opensearch_clir.local import Instance
from opensearch_clir.settings import load_settings

SET = Path(__file__).resolve().parents[2] / "benchmarks" / "sets" / "helpdesk"
DEPTH = 50


def by_hand(evaluation_set: EvaluationSet, run: Mapping[str, Mapping[str, float]]) -> float:
    """Mean nDCG@10 of trec_eval, written out (linear gains, Järvelin and Kekäläinen 2002)."""
    values = []
    for query, grades in evaluation_set.qrels.items():
        found = run.get(query, {})
        order = sorted(found, key=lambda d: (found[d], d), reverse=True)[:10]
        gain = sum(grades.get(d, 0) / math.log2(n + 2) for n, d in enumerate(order))
        best = sorted(grades.values(), reverse=True)[:10]
        values.append(gain / sum(g / math.log2(n + 2) for n, g in enumerate(best)))
    return sum(values) / len(values)


def smaller(full: EvaluationSet, topics: int) -> EvaluationSet:
    """The queries of some topics in two languages, over the whole corpus."""
    chosen = set(sorted(set(full.topics.values()))[:topics])
    queries = {
        q.id: q
        for q in full.queries.values()
        if full.topics[q.id] in chosen and q.lang in ("fr", "en")
    }
    qrels = {query: full.qrels[query] for query in queries}
    return EvaluationSet(full.name, full.documents, queries, qrels, full.groups_from)


@pytest.fixture(scope="module")
def bench(client: OpenSearch) -> Iterator[Workbench]:
    with workbench(client, smaller(read_set(SET), 25), load_settings(None)) as made:
        yield made
    assert not client.indices.exists(index=made.index)


def test_the_emulated_hybrid_is_the_servers(bench: Workbench) -> None:
    queries = list(bench.questions)[:12]
    lexical = Bm25(FIELDS)
    words = bench.run(lambda _: lexical, queries, DEPTH)
    dense = bench.run(lambda _: Knn(), queries, DEPTH)
    grid = [c for c in hybrid_grid() if c.lexical == "bm25" and c.weight in (0.0, 0.3, 0.5, 1.0)]
    assert len(grid) == 24
    for config in grid:
        system = Hybrid(config, lexical)
        for query, real in bench.run(lambda _, s=system: s, queries, DEPTH).items():
            emulated = hybrid_scores(config, words[query], dense[query])
            assert real
            for document, score in real.items():
                assert emulated[document] == pytest.approx(score, rel=1e-4, abs=1e-6), config


def test_the_emulated_rrf_is_the_servers(bench: Workbench) -> None:
    queries = list(bench.questions)[:12]
    lexical = Bm25(FIELDS)
    words = bench.run(lambda _: lexical, queries, DEPTH)
    dense = bench.run(lambda _: Knn(), queries, DEPTH)
    for constant in (10, 60):
        system = Rrf(constant, lexical)
        for query, real in bench.run(lambda _, s=system: s, queries, DEPTH).items():
            emulated = rrf_scores(constant, words[query], dense[query])
            # Ties within a leg may be ranked either way.
            near = sum(abs(emulated[d] - s) < 1e-6 for d, s in real.items())
            assert near >= 0.9 * len(real)


def test_no_query_is_scored_with_what_was_learned_from_its_topic(bench: Workbench) -> None:
    experiment = Experiment(bench, Options())
    tuner = Tuner(bench.set, experiment.folds)
    topics = bench.set.topics
    answers = bench.set.relevant
    for fold in tuner.numbers:
        seen = {topics[query] for query in tuner.training(fold)}
        scored = {topics[query] for query, f in experiment.folds.items() if f == fold}
        assert scored
        assert not seen & scored
        # Given topics of this set share documents: none of them may be on both sides.
        known = {d for query in tuner.training(fold) for d in answers(query)}
        asked = {d for query, f in experiment.folds.items() if f == fold for d in answers(query)}
        assert not known & asked


def test_fitted_parameters_depend_on_the_training_folds_alone(bench: Workbench) -> None:
    experiment = Experiment(bench, Options())
    tuner = Tuner(bench.set, experiment.folds)
    before = tuner.calibrated(bench)
    # With the judgments of fold 0 turned around, what is fitted for fold 0 stays the same.
    turned = {
        query: dict.fromkeys(list(bench.set.documents)[:10], 1)
        if experiment.folds[query] == 0
        else grades
        for query, grades in bench.set.qrels.items()
    }
    other = EvaluationSet(
        bench.set.name, bench.set.documents, bench.set.queries, turned, bench.set.groups_from
    )
    changed = Tuner(other, experiment.folds)
    after = changed.calibrated(bench)
    assert after[0].matching.slope == pytest.approx(before[0].matching.slope, rel=0.02)
    assert after[1].matching.slope != pytest.approx(before[1].matching.slope, rel=0.02)


def test_the_command_writes_the_result(
    client: OpenSearch, server: Instance, tmp_path: Path
) -> None:
    before = set(client.indices.get(index="clir-eval-*"))
    out, runs = tmp_path / "result.json", tmp_path / "runs"
    chosen = smaller(read_set(SET), 25)
    write_set(chosen, tmp_path / "set")
    words = ["evaluate", str(tmp_path / "set"), "--json", str(out), "--runs", str(runs)]
    words += ["--resamples", "200", "--url", server.url]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text(encoding="utf-8"))
    assert list(found["systems"]) == list(SYSTEMS)
    for name in SYSTEMS:
        figures = found["systems"][name]
        pooled = figures["pooled"]["nDCG@10"]
        assert 0 <= pooled["low"] <= pooled["value"] <= pooled["high"] <= 1
        assert {"same", "cross", "pairs", "latency_ms", "same_language_share@10"} <= set(figures)
        run = read_run(runs / f"{name}.trec")
        assert run
        assert pooled["value"] == pytest.approx(by_hand(chosen, run), abs=1e-9)
    assert set(found["paired"]) == {f"clir-{name}" for name in SYSTEMS if name != "clir"}
    assert "diff" in found["paired"]["clir-hybrid"]["pooled"]["nDCG@10"]
    assert len(found["systems"]["hybrid"]["chosen"]) == 5
    assert set(client.indices.get(index="clir-eval-*")) == before
    assert "clir-hybrid" in done.output


def test_a_broken_set_is_one_error_with_every_problem(server: Instance, tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"id": "a", "lang": "xx", "text": "t"}\n{"id": "a"\n')
    (tmp_path / "queries.tsv").write_text("q1\tfr\tquestion\n")
    (tmp_path / "qrels.tsv").write_text("q1 0 nowhere 1\nbroken\n")
    done = CliRunner().invoke(main, ["evaluate", str(tmp_path), "--url", server.url])
    assert done.exit_code == 1
    for part in ("corpus.jsonl", "'xx'", "nowhere", "broken"):
        assert part in done.output
    assert "Traceback" not in done.output


def test_an_unknown_system_lists_the_known(server: Instance) -> None:
    words = ["evaluate", str(SET), "--systems", "bm25,nonsense", "--url", server.url]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert "nonsense" in done.output
    assert "clir" in done.output
