"""Reading, writing and refusing evaluation sets."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from evaluation_cases import DOCUMENTS, QRELS, QUERIES, write
from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.evaluation.problems import SHOWN
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.sets import write_set

ROOT = Path(__file__).resolve().parents[2]


def problems(folder: Path) -> list[str]:
    with pytest.raises(DataError) as caught:
        read_set(folder)
    return [line.strip() for line in str(caught.value).split("\n")]


def test_a_set_is_read(tmp_path: Path) -> None:
    found = read_set(write(tmp_path / "small"))
    assert found.name == "small"
    assert list(found.documents) == ["a.en", "a.fr", "b.en", "c.zh"]
    assert found.documents["a.fr"].title == "Fruits"
    assert found.documents["b.en"].fields == {"colour": "brown"}
    assert (found.language("c.zh"), found.documents["c.zh"].tag) == ("zh", "zh-TW")
    assert found.documents["c.zh"].topic == "drinks"
    assert found.qrels["q2"] == {"b.en": 1, "c.zh": 0}
    assert found.relevant("q2") == ["b.en"]
    assert found.groups_from == "field"
    assert found.topics == {"q1": "q1", "q2": "q2", "q3": "q1"}


def test_gzip_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain")
    for name in ("corpus.jsonl", "queries.tsv", "qrels.tsv"):
        text = "\ufeff" + (plain / name).read_text("utf-8").replace("\n", "\r\n")
        (plain / f"{name}.gz").write_bytes(gzip.compress(text.encode("utf-8")))
    expected = read_set(write(tmp_path / "other"))
    for name in ("corpus.jsonl", "queries.tsv", "qrels.tsv"):
        (plain / name).unlink()
    found = read_set(plain)
    assert (found.documents, found.queries, found.qrels) == (
        expected.documents,
        expected.queries,
        expected.qrels,
    )


def test_a_header_names_the_columns(tmp_path: Path) -> None:
    header = ["id\tlang\ttopic\ttext\ttwin\tkind"]
    rows = ["q1\ten\tfruit\tan apple\tq2\tcodeswitch", "q2\tfr\tbread\tdu pain", "q3\tfr\t\tpomme"]
    found = read_set(write(tmp_path, queries=header + rows))
    first = found.queries["q1"]
    assert (first.topic, first.text, first.twin, first.kind) == (
        "fruit",
        "an apple",
        "q2",
        "codeswitch",
    )
    # q3 states no topic but shares a group with q1.
    assert found.topics == {"q1": "fruit", "q2": "bread", "q3": "fruit"}


def test_the_set_of_the_project_is_sound() -> None:
    found = read_set(ROOT / "benchmarks" / "sets" / "helpdesk")
    assert len(found.queries) > 400
    assert found.groups_from == "field"
    assert all(found.relevant(query) for query in found.queries)


def test_writing_and_reading_gives_the_same_set(tmp_path: Path) -> None:
    first = read_set(write(tmp_path / "set"))
    write_set(first, tmp_path / "copy" / "set")
    again = read_set(tmp_path / "copy" / "set")
    assert again == first
    with pytest.raises(DataError, match="is not empty"):
        write_set(first, tmp_path / "copy" / "set")


@pytest.mark.parametrize(
    ("grouping", "groups", "source"),
    [
        ("auto", ["x", "x", None, None], "id"),
        ("id", ["x", "x", None, None], "id"),
        ("field", [None] * 4, "none"),
        ("none", [None] * 4, "none"),
    ],
)
def test_groups_are_guessed_from_ids_only_where_no_document_has_one(
    tmp_path: Path, grouping: str, groups: list[str | None], source: str
) -> None:
    ids = {"x.pt-BR": "pt_BR", "x.en": "en", "y.fr": "fr", "z.fr": "en"}
    documents = [{"id": i, "lang": lang, "text": i} for i, lang in ids.items()]
    write(tmp_path, documents, ["q1\ten\tx"], ["q1 0 x.en 1"])
    found = read_set(tmp_path, grouping=grouping)
    assert [document.group for document in found.documents.values()] == groups
    assert found.groups_from == source


def test_an_unknown_grouping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unknown grouping 'title'"):
        read_set(write(tmp_path), grouping="title")


BROKEN_LINES = {
    "is not JSON": '{"id": "a.en"',
    "is not a JSON object": "[1]",
    "id is missing": '{"lang": "en", "text": ""}',
    "id 'x y' contains white space": '{"id": "x y", "lang": "en", "text": ""}',
    "lang is missing": '{"id": "x", "text": ""}',
    "unknown language 'tlh'": '{"id": "x", "lang": "tlh", "text": ""}',
    "text is missing": '{"id": "x", "lang": "en"}',
    "group is not a string": '{"id": "x", "lang": "en", "text": "", "group": 7}',
    "half of a surrogate": '{"id": "x", "lang": "en", "text": "\\ud83d"}',
    "id 'a.en' was used before in line 1": '{"id": "a.en", "lang": "en", "text": ""}',
}


@pytest.mark.parametrize(("message", "line"), BROKEN_LINES.items())
def test_a_broken_document_is_named_with_its_line(tmp_path: Path, message: str, line: str) -> None:
    with (write(tmp_path) / "corpus.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")
    head, found = problems(tmp_path)
    assert head.endswith("1 problem")
    assert found.startswith("corpus.jsonl:5: ")
    assert message in found


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("has 2 columns instead of 3 to 6", "q4\ten"),
        ("has 7 columns instead of 3 to 6", "q4\ten\tx\t\t\t\tx"),
        ("unknown language 'klingon'", "q4\tklingon\tx"),
        ("query 'q4' has no text", "q4\ten\t "),
        ("id 'q1' was used before in line 1", "q1\ten\tagain"),
        ("query 'q5' has no judgments", "q5\ten\tx"),
        ("query 'q6' has no relevant document", "q6\ten\tx"),
        ("twin 'q9' is not a query", "q4\ten\tx\t\t\tq9"),
    ],
)
def test_a_broken_query_is_named_with_its_line(tmp_path: Path, message: str, line: str) -> None:
    qrels = [*QRELS, "q6 0 a.en 0"] if line.startswith("q6") else list(QRELS)
    if line.startswith("q4"):
        qrels.append("q4 0 a.en 1")
    _, *found = problems(write(tmp_path, queries=[*QUERIES, line], qrels=qrels))
    assert any(f.startswith("queries.tsv:4: ") and message in f for f in found), found


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("has 3 columns instead of 4", "q1 a.en 1"),
        ("grade 'high' is not a whole number", "q1 0 b.en high"),
        ("document 'nowhere' is not in the corpus", "q1 0 nowhere 1"),
        ("query 'q7' is not in queries.tsv", "q7 0 a.en 1"),
        ("'q1', 'a.en' was judged before in line 1", "q1 0 a.en 1"),
    ],
)
def test_a_broken_judgment_is_named_with_its_line(tmp_path: Path, message: str, line: str) -> None:
    head, found = problems(write(tmp_path, qrels=[*QRELS, line]))
    assert head.endswith("1 problem")
    assert found.startswith("qrels.tsv:5: ")
    assert message in found


def test_a_query_whose_only_judgment_is_malformed_is_one_problem(tmp_path: Path) -> None:
    _, *found = problems(write(tmp_path, qrels=["q1 0 a.en one", *QRELS[1:]]))
    assert found == ["qrels.tsv:1: grade 'one' is not a whole number"]


def test_invalid_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path) / "queries.tsv"
    path.write_bytes(path.read_bytes() + b"q4\ten\tcaf\xe9\n")
    assert problems(tmp_path)[1] == "queries.tsv:4: is not UTF-8 (byte 10 of the line)"


def test_a_wrong_header_is_refused(tmp_path: Path) -> None:
    found = problems(write(tmp_path, queries=["id\tlang\ttitle", *QUERIES]))
    assert "queries.tsv:1: header" in found[1]


def test_missing_double_empty_and_damaged_files_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "corpus.jsonl").unlink()
    (folder / "qrels.tsv.gz").write_bytes(b"")
    (folder / "queries.tsv").unlink()
    (folder / "queries.tsv.gz").write_bytes(gzip.compress(b"q1\ten\tx\n" * 99)[:-9])
    text = "\n".join(problems(folder))
    assert "corpus.jsonl: file is missing" in text
    assert "qrels.tsv and qrels.tsv.gz both exist" in text
    assert "queries.tsv.gz: can't be read" in text
    for name in ("corpus.jsonl", "queries.tsv"):
        empty = write(tmp_path / name)
        (empty / name).write_text("\n")
        assert f"{name}: holds no" in "\n".join(problems(empty))
    assert "no such folder" in problems(tmp_path / "nowhere")[1]


def test_all_problems_come_at_once_and_long_lists_are_cut(tmp_path: Path) -> None:
    documents = [*DOCUMENTS, {"id": "a.en", "lang": "xx", "text": ""}]
    many = [f"q1 0 missing{number} 1" for number in range(50)]
    found = problems(write(tmp_path, documents, [*QUERIES, "q4\ten\tx"], [*QRELS, *many]))
    assert found[0] == f"set {tmp_path}: 53 problems"
    assert "used before" in found[1]
    assert "unknown language 'xx'" in found[2]
    assert found[3].startswith("queries.tsv:4: ")
    assert found[4] == "qrels.tsv:5: document 'missing0' is not in the corpus"
    assert len(found) == 4 + SHOWN + 1
    assert found[-1] == "qrels.tsv: … and 30 more"


def test_a_document_outside_the_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="document 'zz' is not in the corpus of set"):
        read_set(write(tmp_path)).language("zz")
