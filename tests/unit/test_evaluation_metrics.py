"""Metrics against a second computation, gap figures against values worked out by hand."""

from __future__ import annotations

import builtins
import gzip
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pytest
import scipy.stats

from evaluation_cases import LANGUAGES, make, random_experiment
from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.evaluation.gaps import (
    document_language_spread,
    gap_figures,
    score_gaps_by_pair,
)
from opensearch_clir.evaluation.metrics import answer_languages, in_pairs, per_query, pooled
from opensearch_clir.evaluation.peer import kruskal_p, peer
from opensearch_clir.evaluation.runs import ranking, read_run, restrict, write_run
from opensearch_clir.evaluation.sets import EvaluationSet


def ndcg(judged: Mapping[str, int], scores: Mapping[str, float], depth: int) -> float:
    """Linear gains, log2 discount, ties by falling document id."""
    ranked = sorted(sorted(scores, reverse=True), key=lambda doc: -scores[doc])[:depth]
    gains = [judged.get(doc, 0) for doc in ranked]
    ideal = sorted(judged.values(), reverse=True)[:depth]
    return dcg(gains) / dcg(ideal)


def dcg(gains: list[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def recall(judged: Mapping[str, int], scores: Mapping[str, float], depth: int) -> float:
    ranked = sorted(sorted(scores, reverse=True), key=lambda doc: -scores[doc])[:depth]
    relevant = {doc for doc, grade in judged.items() if grade > 0}
    return len(relevant & set(ranked)) / len(relevant)


@pytest.mark.parametrize("seed", range(5))
def test_pooled_values_agree_with_a_second_computation(seed: int) -> None:
    made, run = random_experiment(seed)
    values = pooled(made, run, ["nDCG@10", "R@20"])
    for query, judged in made.qrels.items():
        scores = run.get(query, {})
        assert values["nDCG@10"][query] == pytest.approx(ndcg(judged, scores, 10), abs=1e-9)
        assert values["R@20"][query] == pytest.approx(recall(judged, scores, 20), abs=1e-9)
    assert any(len(set(scores.values())) < len(scores) for scores in run.values())
    assert min(values["nDCG@10"].values()) == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_mean_over_queries_is_that_of_ir_measures(seed: int) -> None:
    made, run = random_experiment(seed)
    names = ["nDCG@10", "R@100", "RR", "AP(rel=2)@30"]
    measures = [ir_measures.parse_measure(name) for name in names]
    expected = ir_measures.calc_aggregate(measures, made.qrels, run)
    values = pooled(made, run, names)
    for name, measure in zip(names, measures, strict=True):
        assert np.mean(list(values[name].values())) == pytest.approx(expected[measure], abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_pairs_are_ranked_and_judged_within_the_target_language(seed: int) -> None:
    made, run = random_experiment(seed)
    values = in_pairs(made, run, ["nDCG@10"])["nDCG@10"]
    assert set(values) == {(q, d) for q in LANGUAGES for d in LANGUAGES}
    for (source, target), found in values.items():
        for query, value in found.items():
            assert made.queries[query].lang == source
            judged = {d: g for d, g in made.qrels[query].items() if made.language(d) == target}
            scores = {d: s for d, s in run.get(query, {}).items() if made.language(d) == target}
            assert value == pytest.approx(ndcg(judged, scores, 10), abs=1e-9)
        answered = [
            query
            for query in made.queries
            if made.queries[query].lang == source
            and any(made.language(doc) == target for doc in made.relevant(query))
        ]
        assert list(found) == answered


def test_pairs_take_a_run_for_each_language_and_a_sample_of_queries() -> None:
    made, run = random_experiment(0)
    asked = {("de", "fr"): ["q0", "q4"], ("en", "fr"): ["q1"]}
    targets = []

    def within(language: str) -> dict[str, dict[str, float]]:
        targets.append(language)
        return restrict(run, [d for d in made.documents if made.language(d) == language])

    sampled = in_pairs(made, within, ["R@5"], asked=asked)["R@5"]
    everything = in_pairs(made, run, ["R@5"])["R@5"]
    assert set(targets) == set(LANGUAGES)
    assert {pair: list(values) for pair, values in sampled.items()} == asked
    for pair, values in sampled.items():
        assert all(everything[pair][query] == value for query, value in values.items())


def test_scores_that_single_precision_merges_keep_their_order() -> None:
    qrels = {"q": {"a": 1}}
    run = {"q": {"a": 1 - 1e-12, "z": 1 - 2e-12}}
    assert per_query(qrels, run, ["RR"])["RR"]["q"] == 1
    assert next(iter(ir_measures.iter_calc([ir_measures.RR], qrels, run))).value == 0.5


def test_ties_go_to_the_higher_document_id() -> None:
    assert ranking({"a": 1.0, "b": 1.0, "c": 2.0}) == ["c", "b", "a"]
    assert ranking({"a": 1.0, "b": 1.0, "c": 2.0}, 1) == ["c"]


@pytest.mark.parametrize("name", ["nope@10", "R@", "", "nDCG(dcg='exp-log2')@10", "ERR@10"])
def test_a_measure_that_cannot_be_computed_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"unknown measure|can't be computed here"):
        per_query({"q": {"d": 1}}, {"q": {"d": 1.0}}, [name, "R@10"])


def test_a_missing_backend_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "ir_measures":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigurationError, match=r"pip install 'opensearch-clir\[evaluation\]'"):
        per_query({"q": {"d": 1}}, {}, ["R@10"])


def test_no_judgments_give_no_values() -> None:
    assert per_query({}, {}, ["R@10"]) == {"R@10": {}}


def test_queries_by_where_their_answers_are() -> None:
    languages = {"d": "de", "e": "en"}
    made = make(
        {doc: (lang, None) for doc, lang in languages.items()},
        dict.fromkeys("pqr", "de"),
        {"p": {"d": 1, "e": 0}, "q": {"e": 1}, "r": {"d": 1, "e": 2}},
    )
    assert answer_languages(made) == {"own": ["p"], "foreign": ["q"], "both": ["r"]}


def gap_set() -> EvaluationSet:
    """Two texts in three languages and one on its own."""
    documents: dict[str, tuple[str, str | None]] = {
        f"{text}.{lang}": (lang, text) for text in "xy" for lang in ("de", "en", "fr")
    }
    documents["n"] = ("en", None)
    qrels = {"q": {"x.de": 1, "x.en": 1, "x.fr": 1}, "p": {"y.fr": 2, "y.de": 1, "n": 1}}
    return make(documents, {"q": "de", "p": "fr"}, qrels)


def test_gap_figures_worked_out_by_hand() -> None:
    run = {
        "q": {"x.de": 9.0, "y.de": 8.0, "x.en": 5.0, "n": 2.0},
        "p": {"y.de": 3.0, "n": 2.0, "y.fr": 1.0, "x.en": 2.5},
    }
    figures = gap_figures(gap_set(), run, depth=2)
    assert figures["same_language_share@2"] == {"q": 1.0, "p": 0.0}
    assert figures["same_language_share_judged"] == {"q": 1 / 3, "p": 1 / 3}
    # q: x.de is above x.en, and above x.fr, which was not returned. p: y.de is above y.fr.
    assert figures["equivalent_preferred"] == {"q": 1.0, "p": 0.0}
    assert figures["equivalent_score_gap"] == {"q": 4.0, "p": -2.0}
    deviation = math.sqrt(((9 - 6) ** 2 + (8 - 6) ** 2 + (5 - 6) ** 2 + (2 - 6) ** 2) / 4)
    assert figures["equivalent_score_gap_sd"]["q"] == pytest.approx(4 / deviation)
    assert figures["equivalent_returned"] == {"q": 2 / 3, "p": 1.0}
    assert score_gaps_by_pair(gap_set(), run) == {
        ("de", "en"): {"q": 4.0},
        ("fr", "de"): {"p": -2.0},
    }


def test_gap_figures_leave_out_what_they_cannot_say() -> None:
    figures = gap_figures(gap_set(), {"q": {}, "p": {"y.fr": 1.0, "y.de": 1.0}})
    assert figures["same_language_share@10"] == {"p": 0.5}
    assert figures["equivalent_preferred"] == {"p": 0.5}
    assert figures["equivalent_score_gap"] == {"p": 0.0}
    assert "equivalent_score_gap_sd" not in figures
    assert figures["PEER@100"] == {}
    with pytest.raises(DataError, match="document 'other' is not in the corpus"):
        gap_figures(gap_set(), {"q": {"other": 1.0}})


def test_kruskal_is_that_of_scipy_on_ranks() -> None:
    samples = [[1.0, 2.0, 5.0], [3.0, 4.0], [6.5, 6.5, 8.0]]
    assert kruskal_p(samples) == pytest.approx(scipy.stats.kruskal(*samples).pvalue, abs=1e-12)
    assert kruskal_p([[2.0, 2.0], [2.0]]) == 1.0


def test_peer_worked_out_by_hand() -> None:
    documents: dict[str, tuple[str, str | None]] = {
        **{f"e{n}": ("en", None) for n in range(3)},
        **{f"f{n}": ("fr", None) for n in range(3)},
    }
    made = make(documents, {"q": "en"}, {"q": {"e0": 1, "e1": 1, "f0": 1, "f1": 1}})
    run = {"q": {"e0": 9.0, "e1": 8.0, "e2": 7.0, "f0": 6.0, "f2": 5.0, "f1": 4.0}}
    # Ranks: en 1, 2; fr 4 and, behind a cutoff of 5, 6. Mean 13/4, Σ(r-r̄)² = 14.75,
    # Σn(r̄_l-r̄)² = 2·(1.75² + 1.75²) = 12.25, H = 3·12.25/14.75, one degree of freedom.
    statistic = 3 * 12.25 / 14.75
    expected = math.erfc(math.sqrt(statistic / 2))
    assert peer(made, run, cutoff=5)["q"] == pytest.approx(expected, abs=1e-12)
    # Not relevant: e2 on 3, f2 on 5; one document each says nothing.
    assert peer(made, run, cutoff=5, weights={0: 0.5, 1: 0.5}) == {"q": pytest.approx(expected)}
    assert peer(made, run, cutoff=5, weights={0: 1.0}) == {}
    fair = {"q": {"e0": 9.0, "f0": 8.0, "f1": 7.0, "e1": 6.0}}
    assert peer(made, fair)["q"] == pytest.approx(1.0)


def test_spread_over_document_languages() -> None:
    topics = {f"q{n}": f"t{n}" for n in range(40)}
    half = {f"q{n}": 0.5 for n in range(20)}
    tenth = {f"q{n}": 0.1 for n in range(20, 40)}
    few = {"q0": 1.0}
    pairs = {("de", "en"): half, ("fr", "en"): tenth, ("de", "fr"): tenth, ("de", "ja"): few}
    spread, by_language = document_language_spread(pairs, topics)
    assert by_language == {"en": pytest.approx(0.3), "fr": pytest.approx(0.1)}
    assert spread == pytest.approx(0.2)
    assert math.isnan(document_language_spread({}, topics)[0])


def test_a_run_survives_a_file(tmp_path: Path) -> None:
    run = {"q1": {"a": 1 / 3, "b": 1e-300, "c": -2.0}, "q2": {"日本": 1.0}}
    for name in ("run.trec", "run.trec.gz"):
        write_run(run, tmp_path / name, tag="bm25")
        assert read_run(tmp_path / name) == run
    first = (tmp_path / "run.trec").read_text("utf-8").splitlines()[0]
    assert first == f"q1 Q0 a 1 {1 / 3!r} bm25"
    assert gzip.decompress((tmp_path / "run.trec.gz").read_bytes()).decode().startswith(first)


def test_a_broken_run_is_refused(tmp_path: Path) -> None:
    rows = ["q Q0 a 1 2.0 x", "q Q0 a 2 1.0 x", "q Q0 b 3 nan x", "q Q0 c 4 up x", "q a 1.0"]
    (tmp_path / "run").write_text("\n".join(rows))
    with pytest.raises(DataError) as caught:
        read_run(tmp_path / "run")
    for part in ("4 problems", "run:2: 'a' was", "run:3: score 'nan'", "run:4", "run:5: has 3"):
        assert part in str(caught.value)
    with pytest.raises(DataError, match="white space"):
        write_run({"q": {"a b": 1.0}}, tmp_path / "out")
    with pytest.raises(DataError, match="can't be written"):
        write_run({}, tmp_path / "no" / "out")
    with pytest.raises(DataError, match="can't be read"):
        read_run(tmp_path / "nowhere")
