"""Judgments of several people: files, majority, agreement, exchange."""

from __future__ import annotations

import json
import threading
from itertools import permutations
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from opensearch_clir.cli.evalset import evalset
from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.evaluation.making.agreement import (
    agreement,
    cohen_kappa,
    krippendorff_alpha,
)
from opensearch_clir.evaluation.making.combine import combine, majority
from opensearch_clir.evaluation.making.draft import Candidate, read_draft
from opensearch_clir.evaluation.making.judgments import JudgmentFile, judge_name, read_judgments
from opensearch_clir.evaluation.read_set import read_set

A, B = Candidate("q1", "a.en"), Candidate("q1", "b.fr")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    documents = [
        {"id": "a.en", "lang": "en", "text": "a"},
        {"id": "b.fr", "lang": "fr", "text": ""},
    ]
    corpus = "".join(json.dumps(document) + "\n" for document in documents)
    (tmp_path / "corpus.jsonl").write_text(corpus, encoding="utf-8")
    queries = 'id\tlang\ttext\nq1\ten\twhere, "exactly"?\nq2\tfr\tquand ?\nq3\tfr\tquand ?\n'
    (tmp_path / "queries.tsv").write_text(queries, encoding="utf-8")
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(evalset, [str(argument) for argument in arguments])


def test_the_last_decision_counts(folder: Path) -> None:
    file = JudgmentFile(folder, "ana")
    file.add([(A, 2), (B, None)])
    file.add([(A, 0)])
    assert JudgmentFile(folder, "ana").judgments == {A: 0, B: None}
    assert file.path.read_text(encoding="utf-8").count("\n") == 3


def test_a_line_that_was_cut_off_is_dropped(folder: Path) -> None:
    file = JudgmentFile(folder, "ana")
    file.add([(A, 2)])
    with file.path.open("a", encoding="utf-8") as stream:
        stream.write('{"query": "q1", "docu')
    again = JudgmentFile(folder, "ana")
    assert again.judgments == {A: 2}
    again.add([(B, 1)])
    assert JudgmentFile(folder, "ana").judgments == {A: 2, B: 1}


def test_other_malformed_lines_are_errors(folder: Path) -> None:
    (folder / "judgments.ana.jsonl").write_text('nonsense\n{"query": "q1"}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"(?s)judgments.ana.jsonl:1.*:2"):
        JudgmentFile(folder, "ana")


def test_threads_share_a_file(folder: Path) -> None:
    file = JudgmentFile(folder, "ana")
    many = [Candidate("q1", f"d{number}") for number in range(40)]
    threads = [threading.Thread(target=file.add, args=([(c, 1)],)) for c in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert JudgmentFile(folder, "ana").judgments == dict.fromkeys(many, 1)


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "x" * 41, "a.b", "a\n", "a\x00"])
def test_names_that_are_no_file_names(folder: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="letters"):
        JudgmentFile(folder, name)


@pytest.mark.parametrize("name", ["ana", "élodie", "प्रिया", "عائشة", "test-2_b"])
def test_names_of_people(folder: Path, name: str) -> None:
    JudgmentFile(folder, name).add([(A, 1)])
    assert list(read_judgments(folder)) == [judge_name(name)]


@pytest.mark.parametrize(
    ("grades", "expected"),
    [([2], 2), ([2, 0], 0), ([2, 2, 0], 2), ([2, 1, 0], 0), ([1, 1, 2, 2], 1)],
)
def test_majority_with_ties_to_the_lower(grades: list[int], expected: int) -> None:
    assert {majority(order) for order in permutations(grades)} == {expected}


def test_skipped_candidates_are_not_judged() -> None:
    assert combine({"ana": {A: None, B: 1}, "ben": {B: None}}) == {"q1": {"b.fr": 1}}


# Krippendorff (2011), "Computing Krippendorff's alpha-reliability", example C.
_RELIABILITY = [
    "11.1", "2232", "3333", "3333", "2222", "1234", "4444", "1121", "2222", ".555", "..11", "..3."
]  # fmt: skip
_UNITS = [[int(grade) for grade in unit if grade != "."] for unit in _RELIABILITY]


def test_alpha_of_the_published_example() -> None:
    assert krippendorff_alpha(_UNITS, ordered=False) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(_UNITS) == pytest.approx(0.815, abs=5e-4)


def test_kappa_of_the_textbook_example() -> None:
    pairs = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    assert cohen_kappa(pairs) == pytest.approx(0.4)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=30))
def test_figures_are_bounded_and_do_not_depend_on_who_is_first(
    pairs: list[tuple[int, int]],
) -> None:
    kappa, alpha = cohen_kappa(pairs), krippendorff_alpha(pairs)
    turned = [(b, a) for a, b in pairs]
    assert cohen_kappa(turned) == pytest.approx(kappa)
    assert krippendorff_alpha(turned) == pytest.approx(alpha)
    assert kappa is None or -1 <= kappa <= 1 + 1e-9
    assert alpha is None or alpha <= 1 + 1e-9
    if pairs and all(a == b for a, b in pairs):
        assert kappa in (None, 1)
        assert alpha is None or alpha == pytest.approx(1)


def test_agreement_by_language() -> None:
    judged = {"ana": {A: 2, B: 0}, "ben": {A: 2, B: 2}, "eva": {A: None}}
    found = agreement(judged, {"a.en": "en", "b.fr": "fr"})
    assert (found["all"].equal, found["en"].equal, found["fr"].equal) == (0.5, 1, 0)
    assert list(found["all"].kappa) == ["ana, ben"]
    assert found["en"].alpha is None


def test_trec_there_and_back(folder: Path) -> None:
    JudgmentFile(folder, "ana").add([(A, 2), (B, 0)])
    done = run("export", folder)
    assert done.exit_code == 0, done.output
    assert (folder / "qrels.tsv").read_text("utf-8") == "q1\t0\ta.en\t2\nq1\t0\tb.fr\t0\n"
    assert "2 queries have no relevant document" in done.output
    done = run("import", folder, folder / "qrels.tsv", "--judge", "trec")
    assert done.exit_code == 0, done.output
    assert read_judgments(folder)["trec"] == {A: 2, B: 0}
    (folder / "queries.tsv").write_text("q1\ten\twhere?\n", encoding="utf-8")
    assert read_set(folder).qrels == {"q1": {"a.en": 2, "b.fr": 0}}


def test_quepid_there_and_back(folder: Path) -> None:
    JudgmentFile(folder, "ana").add([(A, 2), (Candidate("q2", "b.fr"), 1)])
    assert run("export", folder, "--format", "quepid").exit_code == 0
    text = (folder / "quepid.csv").read_text("utf-8")
    assert text.splitlines()[:2] == ["query,docid,rating", '"where, ""exactly""?",a.en,2']
    done = run("import", folder, folder / "quepid.csv", "--format", "quepid", "--judge", "q")
    assert done.exit_code == 0, done.output
    # q2 and q3 ask in the same words, which is all that Quepid knows of them.
    assert read_judgments(folder)["q"] == {A: 2} | {Candidate(f"q{n}", "b.fr"): 1 for n in (2, 3)}


def test_imports_list_all_problems(folder: Path) -> None:
    table = "query,docid,rating\nnobody asked,a.en,1\nquand ?,zz,1\nquand ?,a.en,x\nquand ?,a.en,\n"
    (folder / "r.csv").write_text(table, encoding="utf-8")
    done = run("import", folder, folder / "r.csv", "--format", "quepid", "--judge", "q")
    assert done.exit_code == 1
    for text in ("r.csv:2: no query", "r.csv:3: document 'zz'", "r.csv:4: rating 'x'"):
        assert text in done.output
    (folder / "r.tsv").write_text("q9 0 a.en 1\nq1 0 zz 1\nq1 0\n", encoding="utf-8")
    done = run("import", folder, folder / "r.tsv", "--judge", "q")
    assert "3 problems" in done.output
    assert not (folder / "judgments.q.jsonl").exists()


def test_export_without_judgments_is_an_error(folder: Path) -> None:
    done = run("export", folder)
    assert done.exit_code == 1
    assert "clir evalset judge" in done.output


def test_agreement_command(folder: Path) -> None:
    for name, grade in (("ana", 2), ("ben", 1)):
        JudgmentFile(folder, name).add([(A, grade), (B, 0)])
    found = json.loads(run("agreement", folder, "--json").output)
    assert found["all"]["candidates"] == 2
    assert "kappa of ana, ben" in run("agreement", folder).output


def test_a_broken_pool_lists_its_lines(folder: Path) -> None:
    rows = ['{"query": "q1", "document": "zz"}', "[]", '{"query": "q9", "document": "a.en"}']
    (folder / "pool.jsonl").write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(DataError, match=r"(?s)3 problems.*pool.jsonl:1.*:2.*:3"):
        read_draft(folder)
