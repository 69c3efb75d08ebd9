"""The signal of questions: reader, table, batches, and a model that learns from it alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.training import artefact, config, corpora, facts, run, tokenized, vocabulary
from opensearch_clir.training.mixture import Mixture
from opensearch_clir.training.sampling import WHOLE, Sampler
from training_cases import bilingual, gz, jsonl, small, write_corpus

ROOM = "questions/made.jsonl.gz"


def row(query: str, passage: str, query_lang: str = "xx", **more: str) -> dict[str, str]:
    return {"query_lang": query_lang, "query": query, "lang": "en", "passage": passage, **more}


#: Two questions about one passage, one of a group that a third passage is of, one apart.
ROWS = [
    row("was a", "alpha one\n\n alpha two ", group="a"),
    row("wie a", "alpha one\n\n alpha two ", query_lang="yy"),
    row("was b", "beta", group="a"),
    row("was c", "gamma", group="c"),
]


def tokens_of(folder: Path, *more: Path) -> tuple[tokenized.Tokens, tokenized.Tables, Tokenizer]:
    texts = vocabulary.texts_by_language(folder, *more)
    tokenizer = vocabulary.learn([t for rows in texts.values() for t in rows], 60)
    tokenized.build(folder, tokenizer, folder / "tokens", more=more)
    return *tokenized.load(folder / "tokens"), tokenizer


def test_the_reader_gives_typed_rows_of_plain_and_packed_files(tmp_path: Path) -> None:
    jsonl(tmp_path / ROOM, ROWS[:1])
    (tmp_path / "questions" / "own.jsonl").write_text(
        '{"query_lang":"de","query":"q","lang":"en","passage":"p","model":"m","group":null}\n'
    )
    assert list(corpora.questions(tmp_path)) == [
        corpora.Question("made", "xx", "was a", "en", ROWS[0]["passage"], "made/a"),
        corpora.Question("own", "de", "q", "en", "p"),
    ]
    corpora.check(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"query": "q"}', "line 1: a question needs query_lang, query, lang and passage"),
        ('{"query_lang":"de","query":" ","lang":"en","passage":"p"}', "a question needs"),
        ('{"query_lang":"de","query":"q","lang":"en","passage":["p"]}', "a question needs"),
        ("{", "line 1: not JSON"),
    ],
)
def test_malformed_rows_are_named(tmp_path: Path, line: str, said: str) -> None:
    path = gz(tmp_path / ROOM, [line])
    with pytest.raises(DataError) as error:
        list(corpora.questions(tmp_path))
    assert str(path) in str(error.value)
    assert said in str(error.value)


def test_a_second_folder_must_hold_questions(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such folder"):
        list(corpora.questions(tmp_path, tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no training data: expected questions/"):
        list(corpora.questions(tmp_path, tmp_path / "empty"))
    plain = tmp_path / "plain" / "questions" / "x.jsonl"
    plain.parent.mkdir(parents=True)
    plain.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not UTF-8"):
        list(corpora.questions(tmp_path / "plain"))


def test_the_table_says_which_question_is_about_what(tmp_path: Path) -> None:
    jsonl(tmp_path / ROOM, ROWS)
    tokens, tables, tokenizer = tokens_of(tmp_path)

    def ids(text: int) -> list[int]:
        found: list[int] = tokens.ids[tokens.starts[text] : tokens.starts[text + 1]].tolist()
        return found

    table = tables.questions
    assert [ids(text) for text in table[:, 0]] == [
        tokenizer.encode(r["query"], add_special_tokens=False).ids for r in ROWS
    ]
    lines = [[ids(t) for t in tables.parts[first:end]] for first, end in table[:, 1:3]]
    expected = [["alpha one", "alpha two"], ["alpha one", "alpha two"], ["beta"], ["gamma"]]
    assert lines == [
        [tokenizer.encode(line, add_special_tokens=False).ids for line in passage]
        for passage in expected
    ]
    # One passage and one group are one thing, also where only one row of it names the group.
    assert table[:, 3].tolist() == [0, 0, 0, 1]
    assert [tables.files[file] for file in table[:, 4]] == ["made.xx", "made.yy", *["made.xx"] * 2]


def test_groups_that_share_a_passage_are_one_thing_whatever_the_order(tmp_path: Path) -> None:
    rows = [row(f"q{n}", p, group=g) for n, (p, g) in enumerate(("Pa", "Qb", "Rc", "Pb", "Qc"))]
    jsonl(tmp_path / ROOM, [*rows, row("q9", "S", group="d")])
    _, tables, _ = tokens_of(tmp_path)
    assert tables.questions[:, 3].tolist() == [0, 0, 0, 0, 0, 1]


def test_batches_join_questions_with_their_passages(tmp_path: Path) -> None:
    long = "\n".join(f"line {n}" for n in range(30))
    jsonl(tmp_path / ROOM, [*ROWS, row("was d", long)])
    _, tables, _ = tokens_of(tmp_path)
    sampler = Sampler(tables, Mixture(shares={"questions": 1}), 3)
    number = {int(q): n for n, q in enumerate(tables.questions[:, 0])}
    widths: dict[int, set[tuple[int, ...]]] = {n: set() for n in range(5)}
    for step in range(20):
        batch = sampler.batch(50, step)
        for at in range(50):
            sides = [texts[rows == at].tolist() for rows, texts in (batch.left, batch.right)]
            (question,) = next(side for side in sides if side[0] in number)
            (passage,) = [side for side in sides if side != [question]]
            widths[number[question]].add(tuple(passage))
            assert batch.keys[at] == (3 << 32) + int(tables.questions[number[question], 3])
    parts = tables.parts
    assert [len(found) for found in widths.values()][:4] == [1, 1, 1, 1]
    assert widths[0] == {tuple(parts[:2])}
    stretches = widths[4]
    assert {len(stretch) for stretch in stretches} == {WHOLE}
    assert len(stretches) > 10
    assert set().union(*stretches) == set(parts[4:34].tolist())


def test_languages_of_questions_are_drawn_with_the_temperature(tmp_path: Path) -> None:
    rows = [row(f"a {n}", f"p {n}") for n in range(90)]
    jsonl(tmp_path / ROOM, [*rows, *(row(f"b {n}", f"p {n}", "yy") for n in range(10))])
    _, tables, _ = tokens_of(tmp_path)
    rare = set(tables.questions[90:, 0].tolist())
    for exponent, share in ((0.0, 0.5), (0.5, 0.25), (1.0, 0.1)):
        mixture = Mixture(shares={"questions": 1}, language_exponent=exponent)
        batch = Sampler(tables, mixture, 1).batch(4000, 0)
        drawn = [text in rare for _, texts in (batch.left, batch.right) for text in texts]
        assert np.sum(drawn) / 4000 == pytest.approx(share, abs=0.03)


def test_a_cache_of_an_earlier_version_is_made_anew(tmp_path: Path) -> None:
    chosen = small(write_corpus(tmp_path / "data"), tmp_path / "work", steps=2)
    run.train(chosen)
    (tmp_path / "work" / "tokens" / "questions.npy").unlink()
    with pytest.raises(DataError, match="delete it to have it made anew"):
        tokenized.load(tmp_path / "work" / "tokens")
    rows: list[object] = []
    run.train(chosen, lambda figures: rows.append(figures.get("stage")))
    assert rows[0] == "tokens"
    assert len(tokenized.load(tmp_path / "work" / "tokens")[1].questions) == 0
    # So is one that lacks the questions of a folder named since.
    jsonl(tmp_path / "more" / ROOM, [row("bada", "dagi bole")])
    rows.clear()
    run.train(replace(chosen, questions=tmp_path / "more"), lambda f: rows.append(f.get("stage")))
    assert rows[0] == "tokens"
    assert len(tokenized.load(tmp_path / "work" / "tokens")[1].questions) == 1
    rows.clear()
    run.train(replace(chosen, questions=tmp_path / "more"), lambda f: rows.append(f.get("stage")))
    assert "tokens" not in rows


def test_a_model_learns_from_questions_alone_and_from_a_second_folder(tmp_path: Path) -> None:
    pairs, lexicon = bilingual()
    gz(tmp_path / "data" / "dict" / "d.tsv.gz", [f"en\t{a}\txx\t{a}" for a, _ in lexicon])
    rows = [row(there, here.replace(" ", "\n")) for here, there in pairs[:200]]
    jsonl(tmp_path / "more" / ROOM, rows)
    path = tmp_path / "train.toml"
    path.write_text('data = "data"\nwork = "work"\nquestions = "more"\n')
    assert config.read(path).questions == tmp_path / "more"
    chosen = small(
        tmp_path / "data",
        tmp_path / "work",
        questions=tmp_path / "more",
        steps=150,
        mixture=Mixture(shares={"questions": 1}),
    )
    tokenizer, vectors = run.train(chosen)
    artefact.write(tmp_path / "out", tokenizer, vectors, facts.facts(chosen, vectors), 1)
    encoder = StaticEncoder.load(tmp_path / "out")
    here, there = (encoder.encode([pair[side] for pair in pairs[200:]], "query") for side in (0, 1))
    found = (here @ there.T).argmax(axis=1) == np.arange(40)
    assert found.mean() > 0.6
