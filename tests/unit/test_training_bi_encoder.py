"""What a bi-encoder is taught with, and in which batches; the training itself is in tests/torch."""

from __future__ import annotations

import importlib.util
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.training import __main__ as command
from opensearch_clir.training import bi_encoder_files, schedule
from opensearch_clir.training.batches import Row, batches
from opensearch_clir.training.bi_encoder_config import BiEncoderConfig
from opensearch_clir.training.bi_encoder_pairs import digest, held_out, pairs_of, table
from opensearch_clir.training.config import read_any
from opensearch_clir.training.own_corpus import Document
from opensearch_clir.training.own_pairs import own_examples
from opensearch_clir.training.pairs import Example
from training_cases import Numbers

ROOT = Path(__file__).resolve().parents[2]


def rows(langs: str, each: int = 40) -> list[Row]:
    return [Row(lang, frozenset((f"{lang}{i}",))) for lang in langs for i in range(each)]


def test_a_batch_has_several_languages_and_as_many_rows_of_each() -> None:
    found = rows("abcdef")
    made = list(batches(found, 16, 4, 50, seed=1))
    for batch in made:
        counts = Counter(found[i].lang for i in batch)
        assert sorted(counts.values()) == [4, 4, 4, 4]
        assert len(set(batch)) == 16
    assert made == list(batches(found, 16, 4, 50, seed=1))
    assert made != list(batches(found, 16, 4, 50, seed=2))
    # Every row has its turn before any has two more than another.
    counts = Counter(i for batch in made for i in batch)
    assert len(counts) == len(found)
    assert max(counts.values()) - min(counts.values()) <= 4


def test_rows_of_one_group_or_text_or_with_one_anothers_negatives_never_meet() -> None:
    rng = np.random.default_rng(0)
    found = [
        Row("ab"[i % 2], frozenset((f"g{i % 30}", f"t{i}")), frozenset((f"g{rng.integers(30)}",)))
        for i in range(200)
    ]
    found = [Row(r.lang, r.own, r.other - r.own) for r in found]
    for batch in batches(found, 12, 2, 40, seed=3):
        assert len(batch) >= 2
        for place, one in enumerate(batch):
            for other in batch[place + 1 :]:
                assert found[one].own.isdisjoint(found[other].own | found[other].other)
                assert found[one].other.isdisjoint(found[other].own)


def test_other_languages_fill_a_batch_and_too_few_rows_make_it_smaller() -> None:
    few = [*rows("a", 2), *rows("b", 20)]
    assert {len(batch) for batch in batches(few, 8, 2, 20, seed=1)} == {8}
    assert {len(batch) for batch in batches(rows("ab", 3), 8, 2, 5, seed=1)} == {6}
    same = [Row("a", frozenset(("one",)))] * 5
    with pytest.raises(DataError, match="different things"):
        next(batches(same, 4, 2, 1, seed=1))


def test_documents_give_titles_and_sentences_and_never_the_answer_itself() -> None:
    one = Document("en", ("T", "a.", "b.", "c."), "g")
    other = Document("de", ("U", "x.", "y."), "g")
    found = list(own_examples([one, other], np.random.default_rng(1)))
    assert [e.query for e in found] == ["T", "a.", "b.", "c.", "U", "x.", "y."]
    assert {e.group for e in found} == {"document g"}
    assert {e.lang for e in found} == {"en", "de"}
    for example in found:
        assert example.query not in example.text.split("\n")
        assert set(example.text.split("\n")) <= {*(one if example.lang == "en" else other).parts}
    long = Document("en", tuple(f"{i}." for i in range(30)), "h")
    assert all(len(e.text.split("\n")) == 5 for e in own_examples([long], np.random.default_rng(1)))


def test_held_out_groups_are_not_trained_on() -> None:
    found = [Example(f"q{i}", f"t{i}", f"g{i // 2}") for i in range(400)]
    held, taught = held_out(found)
    assert len(held) == 20
    assert len(taught) == 360
    assert not {e.group for e in held} & {e.group for e in taught}
    assert held_out(found[:8])[0] == []
    assert digest(found) == digest(list(found)) != digest(found[1:])


def test_the_table_has_negatives_as_columns_and_their_groups_are_known() -> None:
    found = [Example(f"{40 * i} q", f"{40 * i} t", f"g{i}", "en", "de", i < 3) for i in range(4)]
    plain = table(found, None, 0, 1, longest=4)
    assert plain.columns["text"] == ["0 t", "40 t", "80 t", "120 "]
    assert plain.english == ["0 q", "40 q", "80 q", ""]
    made = table(found, Numbers(), 5, 1, longest=100)
    assert [*made.columns] == ["query", "text", *(f"negative_{i}" for i in range(1, 6))]
    for place, row in enumerate(made.rows):
        texts = {column[place] for name, column in made.columns.items() if "negative" in name}
        assert len(texts) == 3
        assert row.other == texts | {f"g{int(text.split()[0]) // 40}" for text in texts}
        assert row.own.isdisjoint(row.other)
    with pytest.raises(DataError, match="negative"):
        table([found[0], found[0]], Numbers(), 2, 1, longest=100)


def test_documents_and_corpora_are_told_and_mixed(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    lines = [
        {"id": str(i), "lang": "de", "title": f"Titel {i}", "text": f"Satz {i}. Noch {i}."}
        for i in range(10)
    ]
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    told: list[Any] = []
    chosen = BiEncoderConfig("bi-encoder", "b", tmp_path / "w", corpus=corpus, documents=12)
    assert len(pairs_of(chosen, told.append)) == 12
    assert told[0]["documents"] == 10
    none = BiEncoderConfig("bi-encoder", "b", tmp_path / "w", corpus=corpus, documents=0)
    with pytest.raises(DataError, match="no pairs"):
        pairs_of(none, told.append)


def test_the_height_of_a_step_rises_then_falls_by_steps_or_time() -> None:
    assert schedule.share(5, 10, 30, 0) == 0.5
    assert schedule.share(5, 10, 45, 1) == 0.75
    assert schedule.share(0, 0, 0, 0) == 1
    heights = [schedule.height(share, 0.2) for share in (0, 0.1, 0.2, 0.6, 1, 1.1)]
    assert heights == pytest.approx([0.01, 0.51, 1, 0.5, 0, 0])
    assert schedule.height(0, 0) == 1


def test_the_last_finished_checkpoint_is_found(tmp_path: Path) -> None:
    assert bi_encoder_files.last(tmp_path) is None
    for step, text in ((9, None), (10, None), (11, "{")):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        attributes = {"Progress": {"args": {}, "attributes": {"seconds": 1.5}}}
        whole = json.dumps({"global_step": step, "stateful_callbacks": attributes})
        (folder / "trainer_state.json").write_text(text or whole, "utf-8")
    (tmp_path / "checkpoint-12").mkdir()
    found = bi_encoder_files.last(tmp_path)
    assert found is not None
    assert (found.folder.name, found.step, found.seconds) == ("checkpoint-10", 10, 1.5)


def test_the_file_says_what_is_trained(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('kind = "bi-encoder"\nbase = "m"\nwork = "w"\ncorpus = "c.jsonl"\n', "utf-8")
    (tmp_path / "m").mkdir()
    found = read_any(file)
    assert isinstance(found, BiEncoderConfig)
    assert (found.base, found.work) == (str(tmp_path / "m"), tmp_path / "w")
    assert (found.data, found.corpus) == (None, tmp_path / "c.jsonl")
    guide = (ROOT / "docs" / "guides" / "training.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(# bi-encoder\.toml.*?)```", guide, re.DOTALL)
    file.write_text(example, "utf-8")
    assert isinstance(read_any(file), BiEncoderConfig)
    for more, message in (
        ("", "name `data`"),
        ('data = "d"\nsteps = 0\nx = 1', r"steps: .*x: unknown key"),
        ('data = "d"\nteacher = "t"', "needs `distillation`"),
        ('data = "d"\ndistillation = 1.0', "that a `teacher`"),
    ):
        file.write_text(f'kind = "bi-encoder"\nbase = "m"\nwork = "w"\n{more}', "utf-8")
        with pytest.raises(ConfigurationError, match=message):
            read_any(file)


@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is not None,
    reason="tells what is missing where sentence-transformers is",
)
def test_a_missing_extra_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.toml"
    file.write_text('kind = "bi-encoder"\nbase = "m"\nwork = "w"\ndata = "d"\n', "utf-8")
    assert command.main([str(file), str(tmp_path / "out")]) == 1
    assert "pip install 'opensearch-clir[train-transformers]'" in capsys.readouterr().err
