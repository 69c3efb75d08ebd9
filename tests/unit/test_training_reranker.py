"""What a cross-encoder is taught with; the training itself is in tests/torch."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.training.config import read_any
from opensearch_clir.training.lessons import lessons
from opensearch_clir.training.pairs import Example, examples
from opensearch_clir.training.reranker_config import RerankerConfig
from training_cases import Numbers


def write(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for lang in ("de", "fr"):
        rows = [f"sentence {i}\tSatz {i} {lang}" for i in range(300)]
        write(tmp_path / "parallel" / f"book.{lang}.tsv.gz", rows)
    pages = [
        {
            "id": f"{i}.{lang}",
            "lang": lang,
            "group": str(i),
            "title": f"T{i}",
            "text": f"{lang} {i}",
        }
        for i in range(20)
        for lang in ("de", "en")
    ]
    write(tmp_path / "docs" / "help.jsonl.gz", [json.dumps(page) for page in pages])
    write(tmp_path / "dict" / "words.tsv.gz", [f"en\tw{i}\tde\tW{i}" for i in range(50)])
    asked = [
        {"query_lang": "fr", "query": f"q{i}", "lang": "de", "passage": f"p{i // 2}"}
        for i in range(8)
    ]
    write(tmp_path / "questions" / "own.jsonl.gz", [json.dumps(row) for row in asked])
    return tmp_path


def config(data: Path, **changes: Any) -> RerankerConfig:
    values = {"kind": "cross-encoder", "data": data, "body": "b", "sentences": 100, "pages": 20,
              "words": 10, "questions": 0}  # fmt: skip
    return RerankerConfig(**{**values, **changes})  # type: ignore[arg-type]


def pairs(config: RerankerConfig) -> list[Example]:
    return examples(config.data, config)


def test_every_room_gives_its_part_and_languages_are_even(data: Path) -> None:
    found = pairs(config(data, sentences=20))
    kinds = Counter(e.group.split()[0].split("/")[0] for e in found)
    assert kinds == {"sentence": 4, "help": 20, "word": 10}
    assert found == pairs(config(data, sentences=20))
    assert found != pairs(config(data, sentences=20, seed=2))
    some = pairs(config(data, sentences=4000, pages=0, words=0))
    languages = Counter((e.query + e.text)[-2:] for e in some if "Satz" in e.text)
    assert abs(languages["de"] - languages["fr"]) < 0.4 * len(some)
    assert any("Satz" in e.query for e in some)
    assert any("Satz" in e.text for e in some)


def test_titles_meet_the_text_of_their_page_or_of_its_translation(data: Path) -> None:
    found = pairs(config(data, sentences=0, words=0, pages=100))
    assert len(found) == 40
    assert all(e.text.split()[1] == e.query[1:] for e in found)
    assert {e.text.split()[0] for e in found} == {"de", "en"}


def test_questions_meet_their_passage_and_share_a_group_where_that_is_one(data: Path) -> None:
    found = pairs(config(data, sentences=0, pages=0, words=0, questions=100))
    assert len(found) == 8
    assert all(int(e.query[1:]) // 2 == int(e.text[1:]) for e in found)
    assert len({e.group for e in found}) == 4
    assert {(e.query_lang, e.lang, e.translated) for e in found} == {("fr", "de", False)}


def test_pairs_know_their_languages_and_whether_they_translate(data: Path) -> None:
    for example in pairs(config(data)):
        kind = example.group.split()[0].split("/")[0]
        assert example.translated == (kind != "help")
        assert ("Satz" in example.text) <= (example.query_lang == "en" != example.lang)
        assert kind != "help" or example.text.startswith(example.lang)


def test_negatives_are_near_and_of_another_group() -> None:
    # Every text exists twice: as it is, and as a translation in the same group.
    made = [Example(f"{40 * i} q", f"{40 * i} {lang}", str(i)) for i in range(6) for lang in "ab"]
    found = lessons(made, Numbers(), 2, seed=1)
    assert [lesson.query for lesson in found] == [e.query for e in made]
    for example, lesson in zip(made, found, strict=True):
        assert lesson.texts[0] == example.text
        others = {text.split()[0] for text in lesson.texts[1:]}
        assert example.text.split()[0] not in others
        assert len(lesson.texts) == 3


def test_what_says_the_same_is_no_negative() -> None:
    made = [Example("0 q", "0 a", "x"), Example("0 q", "0 same", "y"), Example("0 q", "90 z", "z")]
    found = lessons(made, Numbers(), 5, seed=1)
    assert found[0].texts == ("0 a", "90 z")


def test_too_little_to_learn_from_is_said(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pairs"):
        pairs(config(data, sentences=0, pages=0, words=0))
    with pytest.raises(ConfigurationError, match="no such folder"):
        pairs(config(tmp_path / "nowhere"))


def test_the_file_says_what_is_trained(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('kind = "cross-encoder"\ndata = "d"\nbody = "owner/model"\n', "utf-8")
    found = read_any(file)
    assert isinstance(found, RerankerConfig)
    assert (found.data, found.body) == (tmp_path / "d", "owner/model")
    (tmp_path / "owner" / "model").mkdir(parents=True)
    assert read_any(file).body == str(tmp_path / "owner" / "model")  # type: ignore[union-attr]
    file.write_text('data = "d"\nwork = "w"\n', "utf-8")
    assert not isinstance(read_any(file), RerankerConfig)
    file.write_text('kind = "cross-encoder"\ndata = "d"\nbody = "b"\nsteps = 0\nx = 1\n', "utf-8")
    with pytest.raises(ConfigurationError, match=r"steps: .*x: unknown key"):
        read_any(file)
