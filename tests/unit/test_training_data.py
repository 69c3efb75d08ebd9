"""Readers, configuration, the token cache, sampling, vocabulary and the LSI start."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.training import config, corpora, lsi, tokenized, unrelated, vocabulary
from opensearch_clir.training.mixture import Kind, Mixture, Rows
from opensearch_clir.training.sampling import Sampler
from opensearch_clir.training.tokenized import Tables, Tokens
from training_cases import gz, jsonl, write_corpus

Reader = Callable[[Path], Iterable[object]]


@pytest.mark.parametrize(
    ("name", "lines", "reader", "said"),
    [
        ("parallel/a.de.tsv.gz", ["x\ty", "x"], corpora.bitexts, "line 2: 1 columns, 2 expected"),
        ("parallel/a.tsv.gz", ["x\ty"], corpora.bitexts, "must be <source>.<lang>.tsv.gz"),
        ("dict/a.tsv.gz", ["", "en\tx\tde"], corpora.word_pairs, "line 2: 3 columns, 4 expected"),
        ("multi/a.jsonl.gz", ["{}", "{"], corpora.meanings, "line 2: not JSON"),
        ("multi/a.jsonl.gz", ["[]"], corpora.meanings, "line 1: not a JSON object"),
        ("multi/a.jsonl.gz", ['{"en": [1]}'], corpora.meanings, "line 1: expected a text or a"),
        ("docs/a.jsonl.gz", ['{"lang": "en"}'], corpora.pages, "line 1: a page needs lang, group"),
        (
            "docs/a.jsonl.gz",
            ['{"lang": "en", "group": "g", "text": "t", "tasks": {"a": 1}}'],
            corpora.pages,
            "line 1: expected a text or a list",
        ),
    ],
)
def test_malformed_lines_are_named(
    tmp_path: Path, name: str, lines: list[str], reader: Reader, said: str
) -> None:
    path = gz(tmp_path / name, lines)
    with pytest.raises(DataError) as error:
        list(reader(tmp_path))
    assert str(path) in str(error.value)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(b"a\tb\n" * 9)[:-9], gzip.compress(b"a\tb\n\xff\xfe\tb\n")],
)
def test_damaged_files_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "parallel" / "a.de.tsv.gz"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.de\.tsv\.gz, after line \d"):
        list(corpora.bitexts(tmp_path))


def test_readers_give_typed_rows(tmp_path: Path) -> None:
    gz(tmp_path / "parallel" / "a.b.de.tsv.gz", ["one\teins\r", "", "two\tzwei"])
    gz(tmp_path / "dict" / "d.tsv.gz", ["en\tcat\tde\tKatze", "en\t\tde\tHund"])
    jsonl(
        tmp_path / "multi" / "omw-x.jsonl.gz",
        [{"_id": "1", "en": ["ice+cream"], "de": "Eis", "fr": []}, {"split": "test", "en": "no"}],
    )
    gz(
        tmp_path / "docs" / "p.jsonl.gz",
        [r'{"lang":"en","group":"g","text":"\ud800","title":null}'],
    )
    corpora.check(tmp_path)
    (bitext,) = corpora.bitexts(tmp_path)
    assert (bitext.source, bitext.lang, bitext.other) == ("a.b", "de", ["eins", "zwei"])
    assert list(corpora.word_pairs(tmp_path)) == [("d", "en", "cat", "de", "Katze")]
    assert list(corpora.meanings(tmp_path)) == [("omw-x", {"en": ["ice cream"], "de": ["Eis"]})]
    assert list(corpora.pages(tmp_path)) == [corpora.Page("p", "en", "p/g", "", "�")]


def test_missing_and_empty_folders_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such folder of training data"):
        corpora.check(tmp_path / "none")
    with pytest.raises(DataError, match="holds no training data"):
        corpora.check(tmp_path)
    gz(tmp_path / "dict" / "d.tsv.gz", [])
    with pytest.raises(DataError, match="no text"):
        vocabulary.texts_by_language(tmp_path)
    with pytest.raises(DataError, match="no texts to train on"):
        tokenized.build(tmp_path, vocabulary.learn(["a b"], 9), tmp_path / "cache")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["data: missing", "work: missing"]),
        ("steps = 'x'\nwrok = 1", ["steps: ", "wrok: unknown key", "work: missing"]),
        ("batch = 1\nscale = 90\nseed = -1", ["batch: ", "scale: ", "seed: "]),
        ("start = 'warm'", ["start: ", "'random' or 'teacher'"]),
        ("[mixture]\nwindow = 1\nfocsu = 2", ["mixture.window: ", "mixture.focsu: unknown key"]),
        ("[mixture.shares]\nsentence = 1", ["mixture.shares.sentence"]),
        ("a =", ["not valid TOML"]),
    ],
)
def test_all_errors_of_a_configuration_come_at_once(
    tmp_path: Path, text: str, said: list[str]
) -> None:
    path = tmp_path / "t.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        config.read(path)
    assert all(part in str(error.value) for part in [str(path), *said]), str(error.value)
    assert "\n" not in str(error.value) or "TOML" in str(error.value)


def test_the_recipe_of_the_embedded_model_is_valid() -> None:
    folder = Path(__file__).resolve().parents[2] / "benchmarks"
    found = config.read(folder / "train_embedded.toml")
    assert (found.name, found.dimension, found.data) == (
        "clir-embedded",
        256,
        folder / "data" / "train",
    )
    with pytest.raises(ConfigurationError, match="can't read"):
        config.read(folder / "none.toml")


def test_the_vocabulary_is_balanced_repeatable_and_lower_case() -> None:
    texts = {"en": [f"en {n}" for n in range(1000)], "xx": [f"xx {n}" for n in range(10)]}
    chosen = list(vocabulary.balanced(texts, 200, 0.5, 1))
    assert chosen == list(vocabulary.balanced(texts, 200, 0.5, 1))
    assert len(set(chosen)) == len(chosen)
    assert sum(text.startswith("xx") for text in chosen) == 10
    tokenizer = vocabulary.learn(["Hello World", "hello ｗorld"] * 5, 60)
    assert tokenizer.token_to_id(vocabulary.UNKNOWN) == 0
    assert tokenizer.encode("HELLO").ids == tokenizer.encode("hello").ids
    with pytest.raises(ConfigurationError, match="raise `vocabulary`"):
        vocabulary.learn(["many letters here"], 3)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tokenizer]:
    folder = tmp_path_factory.mktemp("cache")
    data = write_corpus(folder / "data")
    sample = [text for texts in vocabulary.texts_by_language(data).values() for text in texts]
    tokenizer = vocabulary.learn(sample, 260)
    tokenized.build(data, tokenizer, folder / "tokens", switched_rows=60)
    return folder, tokenizer


def test_cached_ids_are_the_tokenizers(cache: tuple[Path, Tokenizer]) -> None:
    folder, tokenizer = cache
    tokens, tables = tokenized.load(folder / "tokens")

    def ids(text: int) -> list[int]:
        found: list[int] = tokens.ids[tokens.starts[text] : tokens.starts[text + 1]].tolist()
        return found

    def expected(text: str) -> list[int]:
        found: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return found

    (bitext,) = corpora.bitexts(folder / "data")
    assert len(tables.pairs) == len(bitext.english)
    for (english, other, file), one, two in zip(
        tables.pairs, bitext.english, bitext.other, strict=True
    ):
        assert ids(english) == expected(one)
        assert ids(other) == expected(two)
        assert tables.files[file] == "made.xx"
    words = list(corpora.word_pairs(folder / "data"))
    assert [ids(row[1]) for row in tables.words] == [expected(word[4]) for word in words]
    found = {(first, end): (group, file) for first, end, group, file in tables.pages}
    assert len(found) == 40
    lines = next(corpora.pages(folder / "data"))
    assert ids(tables.parts[tables.pages[0, 0]]) == expected(lines.title)
    # One text, one number: sentences of pages are those of the pairs.
    assert set(tables.parts) <= set(tables.pairs[:, :2].ravel())
    assert tables.senses[:, 1].tolist() == sorted(tables.senses[:, 1])


def test_a_broken_cache_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="delete it"):
        tokenized.load(tmp_path)
    (tmp_path / tokenized.FILES).write_text("[]")
    (tmp_path / "pairs.npy").write_bytes(b"no")
    with pytest.raises(DataError, match="delete it"):
        tokenized.load(tmp_path)


def shares(sizes: dict[str, int], mixture: Mixture) -> dict[str, float]:
    names = list(sizes)
    files = np.repeat(np.arange(len(names)), list(sizes.values()))
    rows = Rows(files, names, mixture)
    drawn = files[rows.draw(np.random.default_rng(1), 20_000, focus=False)]
    return {name: float(np.mean(drawn == number)) for number, name in enumerate(names)}


def test_languages_and_sources_are_weighed_and_capped() -> None:
    sizes = {"a.de": 900, "b.de": 100, "a.fr": 250}
    found = shares(sizes, Mixture(language_exponent=0.5, source_exponent=1))
    assert found["a.fr"] == pytest.approx(1 / 3, abs=0.02)  # sqrt 250 to sqrt 1000
    assert found["a.de"] == pytest.approx(0.6, abs=0.02)
    found = shares(sizes, Mixture(language_exponent=1, source_exponent=1))
    assert found["a.de"] == pytest.approx(0.72, abs=0.02)
    found = shares(sizes, Mixture(language_exponent=0, source_exponent=1, source_cap=100))
    assert found == pytest.approx({"a.de": 0.25, "b.de": 0.25, "a.fr": 0.5}, abs=0.02)


def test_a_focused_draw_is_of_one_source() -> None:
    files = np.repeat([0, 1, 2], [50, 50, 50])
    rows = Rows(files, ["a.de", "b.de", "a.fr"], Mixture())
    rng = np.random.default_rng(2)
    kinds = {frozenset(files[rows.draw(rng, 200, focus=True)].tolist()) for _ in range(20)}
    assert kinds == {frozenset({0, 2}), frozenset({1})}


def test_batches_follow_seed_and_step_alone(cache: tuple[Path, Tokenizer]) -> None:
    _, tables = tokenized.load(cache[0] / "tokens")
    one, two = Sampler(tables, Mixture(), 1), Sampler(tables, Mixture(), 1)
    for step in range(5):
        one.batch(64, step)
    assert repr(one.batch(64, 9)) == repr(two.batch(64, 9))
    assert repr(one.batch(64, 9)) != repr(one.batch(64, 10))
    assert repr(one.batch(64, 9)) != repr(Sampler(tables, Mixture(), 2).batch(64, 9))


@pytest.mark.parametrize("kind", ["sentences", "windows", "pages", "words", "senses", "switched"])
def test_each_kind_fills_both_sides_of_every_row(cache: tuple[Path, Tokenizer], kind: Kind) -> None:
    tokens, tables = tokenized.load(cache[0] / "tokens")
    for window in (2, 5):
        sampler = Sampler(tables, Mixture(shares={kind: 1}, window=window), 3)
        for step in range(5):
            batch = sampler.batch(50, step)
            for rows, texts in (batch.left, batch.right):
                assert np.unique(rows).tolist() == list(range(50))
                assert (np.diff(rows) >= 0).all()
                assert 0 <= texts.min() <= texts.max() < len(tokens.starts) - 1
            assert len(batch.keys) == 50


def test_a_sentence_without_neighbours_stands_for_itself() -> None:
    pairs = np.array([[0, 1, 0], [2, 3, 1], [4, 5, 2]], np.int32)
    tables = Tables(["a.de", "a.fr", "a.it"], pairs)
    batch = Sampler(tables, Mixture(shares={"windows": 1}), 1).batch(60, 0)
    for row in range(60):
        left = set(batch.left[1][batch.left[0] == row] // 2)
        assert left == set(batch.right[1][batch.right[0] == row] // 2)


def test_a_mixture_without_rows_is_an_error() -> None:
    with pytest.raises(DataError, match="no rows of any kind"):
        Sampler(Tables(), Mixture(), 1)


def test_the_lsi_start_is_repeatable(
    cache: tuple[Path, Tokenizer],
) -> None:
    tokens, tables = tokenized.load(cache[0] / "tokens")
    size = cache[1].get_vocab_size()
    one, two = (lsi.initial(tokens, tables, size, 32, 4) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (size, 32)
    assert one.dtype == np.float32
    assert not np.array_equal(one, lsi.initial(tokens, tables, size, 32, 5))
    assert lsi.piece_counts(tokens, size).sum() == len(tokens.ids)


def test_the_lsi_start_survives_next_to_no_data() -> None:
    tokens = Tokens(np.array([1, 2], np.uint32), np.array([0, 1, 2]))
    pair = Tables(["a.de"], np.array([[0, 1, 0]], np.int32))
    for tables in (pair, Tables()):
        found = lsi.initial(tokens, tables, 5, 8, 1)
        assert found.shape == (5, 8)
        assert np.isfinite(found).all()


def test_held_out_pairs_are_no_training_pairs() -> None:
    pairs = np.stack([np.arange(1000), np.arange(1000), np.zeros(1000, int)], axis=1)
    kept, held = unrelated.split(Tables(["a.de"], pairs))
    assert held[:, 0].tolist() == [199, 399, 599, 799, 999]
    assert len(kept.pairs) == 995
    assert unrelated.cosines(
        Tokens(np.ones(1000, np.uint32), np.arange(1001)), held, ["a.de"], np.ones((2, 2)), 1
    ) == {"matching": [], "non_matching": []}
