"""Topics, folds, thinning and the check of a set."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from evaluation_cases import make, random_sets, write
from opensearch_clir.cli.evalset import check as check_command
from opensearch_clir.cli.evalset import evalset
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.evaluation.check import Report, check
from opensearch_clir.evaluation.folds import make_folds
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.thin import thin
from opensearch_clir.evaluation.topics import find_topics

HELPDESK = Path(__file__).resolve().parents[2] / "benchmarks" / "sets" / "helpdesk"


def brute_force(
    links: dict[str, set[str]], given_topics: dict[str, str | None]
) -> set[frozenset[str]]:
    """Merge any two parts that share anything, until nothing changes."""
    parts = []
    for query, shared in links.items():
        topic = given_topics[query]
        parts.append(({query}, shared | ({f"topic {topic}"} if topic else set())))
    merged = True
    while merged:
        merged = False
        for one in parts:
            for other in parts:
                if one is not other and one[1] & other[1]:
                    one[0].update(other[0])
                    one[1].update(other[1])
                    parts.remove(other)
                    merged = True
                    break
            if merged:
                break
    return {frozenset(part[0]) for part in parts}


@given(
    st.dictionaries(
        st.sampled_from([f"q{n}" for n in range(9)]),
        st.tuples(
            st.sets(st.sampled_from("abcdefghij"), max_size=3),
            st.none() | st.sampled_from(["s", "t"]),
        ),
        min_size=1,
    )
)
def test_topics_are_connected_components(cases: dict[str, tuple[set[str], str | None]]) -> None:
    links = {query: set(shared) for query, (shared, _) in cases.items()}
    stated = {query: topic for query, (_, topic) in cases.items()}
    topics = find_topics(stated, links)
    if all(stated.values()):
        assert topics == stated
        return
    found: dict[str, set[str]] = {}
    for query, topic in topics.items():
        found.setdefault(topic, set()).add(query)
    assert {frozenset(members) for members in found.values()} == brute_force(links, stated)


def test_topics_of_many_queries_are_found_fast() -> None:
    links = {f"q{n}": [f"d{n // 20}-{d}" for d in range(30)] for n in range(2000)}
    started = time.perf_counter()
    topics = find_topics(dict.fromkeys(links), links)
    assert time.perf_counter() - started < 2
    assert len(set(topics.values())) == 100


@given(random_sets())
def test_queries_with_a_common_group_share_a_topic(made: EvaluationSet) -> None:
    first: dict[str, str] = {}
    for query, topic in made.topics.items():
        for doc in made.relevant(query):
            assert first.setdefault(made.documents[doc].group or doc, topic) == topic


@given(st.lists(st.integers(0, 11), min_size=1, max_size=60), st.integers(2, 5), st.integers(0, 99))
def test_no_topic_is_in_two_folds(numbers: list[int], folds: int, seed: int) -> None:
    topics = {f"q{n}": f"t{topic}" for n, topic in enumerate(numbers)}
    sizes = Counter(topics.values())
    if len(sizes) < folds:
        with pytest.raises(ConfigurationError, match="folds can't be made of"):
            make_folds(topics, folds, seed)
        return
    found = make_folds(topics, folds, seed)
    assert found.keys() == topics.keys()
    assert len({(topics[query], fold) for query, fold in found.items()}) == len(sizes)
    load = Counter(found.values())
    assert set(load) == set(range(folds))
    assert max(load.values()) - min(load.values()) <= max(sizes.values())


def test_folds_follow_the_seed_alone() -> None:
    topics = {f"q{n}": f"t{n // 3}" for n in range(90)}
    shuffled = dict(sorted(topics.items(), reverse=True))
    assert make_folds(topics, seed=4) == make_folds(shuffled, seed=4)
    assert make_folds(topics, seed=4) != make_folds(topics, seed=5)
    assert set(Counter(make_folds(topics).values()).values()) == {18}


@given(random_sets(), st.integers(0, 9))
def test_a_thinned_set_has_each_text_once(made: EvaluationSet, seed: int) -> None:
    thinned = thin(made, seed)
    groups = {doc.group for doc in made.documents.values() if doc.group}
    kept = [doc.group for doc in thinned.documents.values() if doc.group]
    assert sorted(kept) == sorted(groups)
    alone = {doc.id for doc in made.documents.values() if doc.group is None}
    assert alone <= set(thinned.documents)
    for query in made.queries:
        left = {d: g for d, g in made.qrels[query].items() if d in thinned.documents}
        answered = any(grade > 0 for grade in left.values())
        assert (query in thinned.queries) == answered
        if answered:
            assert thinned.qrels[query] == left
            assert thinned.topics[query] == made.topics[query]
    assert thin(made, seed) == thinned


def test_thinning_balances_languages_and_differs_by_seed() -> None:
    documents: dict[str, tuple[str, str | None]] = {
        f"{g}.{lang}": (lang, f"g{g}") for g in range(60) for lang in ("de", "en", "fr", "ja")
    }
    documents |= {f"{g}.th": ("th", f"g{g}") for g in range(7)}
    queries = {f"q{g}": "en" for g in range(60)}
    qrels = {f"q{g}": {f"{g}.{lang}": 1 for lang in ("de", "en", "fr", "ja")} for g in range(60)}
    made = make(documents, queries, qrels)
    counts = Counter(doc.lang for doc in thin(made, 0).documents.values())
    assert max(counts[lang] for lang in ("de", "en", "fr", "ja")) <= 15
    assert min(counts[lang] for lang in ("de", "en", "fr", "ja")) >= 13
    assert set(thin(made, 0).documents) != set(thin(made, 1).documents)


def parallel(documents: str, queries: str, *, grouped: bool = True) -> Report:
    """Check 60 texts in some languages, each asked for in some languages."""
    docs = {
        f"{n}.{lang}": (lang, f"g{n}" if grouped else None)
        for n in range(60)
        for lang in documents.split()
    }
    asked = {f"q{n}.{lang}": lang for n in range(60) for lang in queries.split()}
    qrels = {q: {f"{q[1:-3]}.{lang}": 1 for lang in documents.split()} for q in asked}
    return check(make(docs, asked, qrels))


def warned(report: Report) -> dict[str, str]:
    return {w.code: " / ".join(w.evidence) for w in report.warnings}


def test_a_translated_benchmark_is_recognised() -> None:
    evidence = warned(parallel("de en fr", "de en fr"))["translated"]
    assert "100% of the relevant documents have a translation" in evidence
    assert "100% of the relevant foreign documents are translations" in evidence
    assert "in 3.0 of 3 languages" in evidence


def test_translated_queries_over_a_monolingual_corpus_are_recognised() -> None:
    evidence = warned(parallel("en", "de en fr"))["translated"]
    assert evidence.startswith("100% of the queries repeat, in another language")


def test_native_sets_are_not_called_translated() -> None:
    assert warned(parallel("de en fr", "de en fr", grouped=False)) == {}
    assert warned(parallel("en", "en")) == {}
    assert "translated" not in warned(check(read_set(HELPDESK)))


def test_small_pairs_and_given_topics_that_leak_are_warned_of(tmp_path: Path) -> None:
    queries = ["q1\ten\tx\tone", "q2\tfr\tx\ttwo", "q3\tfr\tx\tthree"]
    report = check(read_set(write(tmp_path, queries=queries)))
    assert report.pairs.keys() == {("en", "en"), ("fr", "en"), ("fr", "fr")}
    assert "3 of 3 language pairs have fewer than 50 topics" in report.warnings[0].message
    found = warned(report)
    assert found["small-pairs"] == "en>en: 1 topics / fr>en: 1 topics / fr>fr: 1 topics"
    assert found["shared-topics"] == "one and three: a.fr"


def test_counts_of_a_small_set(tmp_path: Path) -> None:
    write(tmp_path, qrels=["q1 0 a.en 2", "q1 0 a.fr 1", "q2 0 b.en 1", "q3 0 a.fr 1"])
    report = check(read_set(tmp_path))
    assert report.topics == 2
    assert report.document_languages == {"en": 2, "fr": 1, "zh": 1}
    assert (report.pairs["fr", "en"].topics, report.pairs["en", "fr"].relevant) == (1, 1)
    english, french = report.asked["en"], report.asked["fr"]
    assert (english.topics, english.same, english.cross, english.both) == (1, 1, 1, 1)
    assert (french.queries, french.topics, french.same, french.cross, french.both) == (
        2,
        2,
        1,
        1,
        0,
    )


def test_the_check_command_prints_tables_and_json(tmp_path: Path) -> None:
    run = CliRunner()
    shown = run.invoke(check_command, [str(write(tmp_path / "set"))])
    assert shown.exit_code == 0, shown.output
    assert "set: 4 documents, 3 queries, 2 topics" in shown.output
    assert "Warning: 3 of 3 language pairs" in shown.output
    assert "fr>en: 1 topics" in shown.output
    found = json.loads(run.invoke(check_command, [str(tmp_path / "set"), "--json"]).output)
    assert found["pairs"]["fr>en"] == {"topics": 1, "queries": 1, "relevant": 1}
    assert found["warnings"][0]["code"] == "small-pairs"


def test_the_check_command_lists_problems_line_by_line(tmp_path: Path) -> None:
    folder = write(tmp_path, qrels=["q1 0 a.en 2", "q2 0 b.en 1", "q3 0 a.fr x", "q3 0 zz 1"])
    done = CliRunner().invoke(check_command, [str(folder)])
    assert done.exit_code == 1
    assert "2 problems\n  qrels.tsv:3: grade 'x'" in done.output
    assert "\n  qrels.tsv:4: document 'zz' is not in the corpus\n" in done.output


def test_the_thin_command_writes_a_set(tmp_path: Path) -> None:
    out = tmp_path / "thin"
    arguments = ["thin", str(write(tmp_path / "set")), "--seed", "3", "--out", str(out)]
    done = CliRunner().invoke(evalset, arguments)
    assert done.exit_code == 0, done.output
    assert "3 of 4 documents" in done.output
    full = read_set(tmp_path / "set")
    assert read_set(out).documents == thin(full, 3).documents
    again = CliRunner().invoke(evalset, arguments)
    assert again.exit_code == 1
    assert "is not empty" in again.output


def test_a_thinned_set_of_guessed_groups_keeps_them_when_written(tmp_path: Path) -> None:
    documents = [{"id": f"x.{lang}", "lang": lang, "text": "x"} for lang in ("en", "fr")]
    full = write(tmp_path / "set", documents, ["q1\ten\tx"], ["q1 0 x.en 1", "q1 0 x.fr 1"])
    report = check(read_set(full))
    assert "guessed-groups" in warned(report)
    out = tmp_path / "thin"
    CliRunner().invoke(evalset, ["thin", str(full), "--out", str(out)])
    found = read_set(out)
    assert [doc.group for doc in found.documents.values()] == ["x"]
    assert found.groups_from == "field"
