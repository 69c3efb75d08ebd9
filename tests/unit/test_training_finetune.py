"""Fine-tuning on one's own documents: the pages made of them, and the model that comes out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opensearch_clir.encoders.registry import load_encoder
from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.training import __main__ as command
from opensearch_clir.training import artefact, finetune, own_corpus, static_model
from opensearch_clir.training.finetune_config import FineTuning, read
from test_encoder_support import SENTENCES, train_tokenizer, write_model

ROOT = Path(__file__).resolve().parents[2]

Row = Mapping[str, Any]


def documents() -> list[dict[str, str]]:
    """Twelve documents: each sentence of the tiny model's is a title with a text of its own."""
    words = [f"{a}{b}" for a in "bdfgklmnprst" for b in ("ona", "iro", "ulo")]
    return [
        {
            "id": f"d{number}",
            "lang": "en",
            "title": title,
            "text": ". ".join(words[number * 3 : number * 3 + 3] * 2) + ". " + "Bibliothek. " * 2,
        }
        for number, title in enumerate(SENTENCES)
    ]


def written(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return written(tmp_path / "corpus.jsonl", documents())


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base whose rows are codes."""
    folder = tmp_path_factory.mktemp("coded")
    tokenizer = train_tokenizer()
    vectors = np.random.default_rng(3).standard_normal((tokenizer.get_vocab_size(), 16))
    vectors = (vectors * 0.1).astype(np.float32)
    facts = {"name": "tiny", "languages": ["en"], "unknown_id": 0, "max_tokens": 64}
    artefact.write(folder, tokenizer, vectors, facts)
    return folder


def test_a_document_is_its_title_and_its_sentences(tmp_path: Path) -> None:
    rows = [*documents(), {"id": "x", "title": "A title alone", "text": ""}]
    rows[0] = {
        "id": "0",
        "title": "Wi-Fi  set-up",
        "text": "One. Two!\n三。四。 One.",
        "group": "g",
    }
    path = written(tmp_path / "c.jsonl", rows)
    with path.open("a", encoding="utf-8") as stream:
        stream.write("no json\n")
    found, refused = own_corpus.documents(path, "title", "text")
    assert len(found) == 12
    assert found[0] == own_corpus.Document(
        "und", ("Wi-Fi set-up", "One.", "Two!", "三。", "四。"), "g"
    )
    assert [(r.line, r.reason[:12]) for r in refused] == [(14, "invalid JSON")]
    with pytest.raises(DataError, match="has 0 documents with 'headline' and 'body'"):
        own_corpus.documents(path, "headline", "body")
    with pytest.raises(DataError, match="at least 10"):
        own_corpus.documents(written(tmp_path / "few.jsonl", rows[:5]), "title", "text")


def test_copies_and_translations_are_pages_of_one_group() -> None:
    found = [
        own_corpus.Document("en", ("a", "b"), "one"),
        own_corpus.Document("de", ("c", "b", "d"), "one"),
        own_corpus.Document("de", ("e", "f"), "two"),
    ]
    texts, tables = own_corpus.pages(found, 2)
    assert texts == ["a", "b", "c", "d", "e", "f"]
    assert tables.files == ["corpus.en", "corpus.de"]
    assert tables.pages[:, 2].tolist() == [0] * 6 + [1] * 3
    lines = [tables.parts[first:end].tolist() for first, end, _, _ in tables.pages]
    assert sorted(lines) == sorted(
        [number + 6 * copy for number in page]
        for copy in range(3)
        for page in ([0, 1], [2, 1, 3], [4, 5])
    )


def test_pieces_give_way_to_near_ones_and_others_stay() -> None:
    ids = [[1, 2, 3] * 20, [], [3]]
    found = list(own_corpus.switched_ids(ids, {2: [8, 9]}, np.random.default_rng(1)))
    assert [len(row) for row in found] == [60, 0, 1]
    assert set(found[0][0::3]) == {1}
    assert set(found[0][1::3]) == {2, 8, 9}
    assert found == list(own_corpus.switched_ids(ids, {2: [8, 9]}, np.random.default_rng(1)))


def test_near_pieces_are_those_of_the_model(coded: Path) -> None:
    encoder = StaticEncoder.load(coded)
    vectors = encoder.dequantised()
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    asked = np.array([20, 21, 21, 22])
    found = own_corpus.near_pieces(encoder, asked)
    assert found
    for piece, near in found.items():
        assert piece in asked
        cosines = unit @ unit[piece]
        cosines[piece] = 0
        expected = [i for i in np.argsort(-cosines)[: own_corpus.MOST_NEAR] if cosines[i] >= 0.5]
        assert near == expected


def tuned(config: FineTuning, out: Path) -> tuple[StaticEncoder, list[Row]]:
    rows: list[Row] = []
    finetune.tune(config, out, rows.append)
    return StaticEncoder.load(out), rows


def small(corpus: Path, base: Path, work: Path, **settings: Any) -> FineTuning:
    chosen = {"batch": 24, "steps": 30, "every": 10, "rate": 0.02}
    return FineTuning(corpus=corpus, base=str(base), work=work, **{**chosen, **settings})


def found_first(encoder: StaticEncoder) -> float:
    """Return the mean cosine of titles to their own texts, less that to others."""
    rows = documents()
    scores = (
        encoder.encode([r["title"] for r in rows]) @ encoder.encode([r["text"] for r in rows]).T
    )
    return float(np.mean(np.diag(scores)) - np.mean(scores))


@pytest.mark.parametrize("kind", ["codes", "bytes"])
def test_titles_come_nearer_to_their_texts_and_the_rest_stays(
    corpus: Path, coded: Path, tmp_path: Path, kind: str
) -> None:
    base = coded if kind == "codes" else write_model(tmp_path / "base")
    before = StaticEncoder.load(base)
    encoder, rows = tuned(small(corpus, base, tmp_path / "work", keep=0.0), tmp_path / "out")
    assert [row["stage"] for row in rows[:2]] == ["corpus", "translations"]
    assert rows[0]["documents"] == 12
    assert [row["step"] for row in rows[2:]] == [0, 10, 20, 30]
    assert rows[-1]["loss"] < rows[3]["loss"]
    assert found_first(encoder) > found_first(before) + 0.1
    held = np.zeros(len(before.scales), bool)
    texts = [f"{row['title']}\n{row['text']}" for row in documents()]
    held[[i for ids in before.token_ids(texts) for i in ids]] = True
    old, new = before.dequantised(), encoder.dequantised()
    largest = np.abs(old).max(axis=1)
    moved = np.abs(new - old).max(axis=1) > largest / 127
    assert not moved[0]
    assert moved[held].mean() > 0.9
    assert not moved[~held].all()
    assert new.shape == old.shape
    assert encoder.vocabulary_digest == before.vocabulary_digest
    assert encoder.config["base"] == {
        "name": before.config.get("name"),
        "fingerprint": before.fingerprint,
    }
    assert encoder.config["name"] == "clir-tuned"
    assert encoder.fingerprint != before.fingerprint
    assert load_encoder(str(tmp_path / "out")).dimension == 16


def test_keeping_all_of_the_base_gives_the_base(corpus: Path, coded: Path, tmp_path: Path) -> None:
    encoder, _ = tuned(small(corpus, coded, tmp_path / "work", keep=1.0), tmp_path / "out")
    texts = [row["text"] for row in documents()]
    cosines = np.einsum("ij,ij->i", encoder.encode(texts), StaticEncoder.load(coded).encode(texts))
    assert cosines.min() > 0.9999


def test_a_pull_and_averaging_hold_the_model_back(
    corpus: Path, coded: Path, tmp_path: Path
) -> None:
    before = StaticEncoder.load(coded).dequantised()

    def distance(name: str, **settings: Any) -> float:
        config = small(corpus, coded, tmp_path / f"work-{name}", **settings)
        encoder, _ = tuned(config, tmp_path / name)
        return float(np.linalg.norm(encoder.dequantised() - before))

    free = distance("free", keep=0.0, pull=0.0)
    assert distance("pulled", keep=0.0, pull=50.0) < 0.9 * free
    assert distance("averaged", keep=0.75, pull=0.0) == pytest.approx(0.25 * free, rel=0.1)


def test_a_stopped_run_resumes_to_the_same_bytes(
    corpus: Path, coded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned(small(corpus, coded, tmp_path / "one"), tmp_path / "whole")
    real, taken = static_model.step, 0

    def stopping(*arguments: Any) -> float:
        nonlocal taken
        taken += 1
        if taken == 17:
            raise KeyboardInterrupt
        return real(*arguments)

    config = small(corpus, coded, tmp_path / "two")
    with monkeypatch.context() as patch:
        patch.setattr(static_model, "step", stopping)
        with pytest.raises(KeyboardInterrupt):
            tuned(config, tmp_path / "resumed")
    _, rows = tuned(config, tmp_path / "resumed")
    assert [row.get("step") for row in rows] == [10, 20, 30]
    for name in ("weights.npy", "scales.npy", "tokenizer.json.gz", "config.json"):
        whole, resumed = (tmp_path / out / name for out in ("whole", "resumed"))
        assert whole.read_bytes() == resumed.read_bytes()


def test_work_with_another_corpus_or_base_is_not_mixed_in(
    corpus: Path, coded: Path, tmp_path: Path
) -> None:
    config = small(corpus, coded, tmp_path / "work", steps=1)
    tuned(config, tmp_path / "out")
    tuned(small(corpus, coded, tmp_path / "work", steps=2, pull=3.0), tmp_path / "out")
    with pytest.raises(ConfigurationError, match="with another copies"):
        tuned(small(corpus, coded, tmp_path / "work", copies=2), tmp_path / "out")
    with pytest.raises(ConfigurationError, match="with another base"):
        tuned(small(corpus, write_model(tmp_path / "m"), tmp_path / "work"), tmp_path / "out")
    (tmp_path / "work" / "corpus.npz").write_bytes(b"PK no")
    with pytest.raises(DataError, match=r"corpus\.npz is damaged"):
        tuned(config, tmp_path / "out")
    written(corpus, documents()[:11])
    with pytest.raises(ConfigurationError, match="with another corpus"):
        tuned(config, tmp_path / "out")
    corpus.unlink()
    with pytest.raises(DataError, match=r"corpus\.jsonl can't be read"):
        tuned(config, tmp_path / "out")


def test_settings_are_checked_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text('base = "mine"\ndata = "d"\nkeep = 2\n', encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        read(path)
    for said in ("corpus: missing", "work: missing", "data: unknown key", "keep: "):
        assert said in str(error.value)
    (tmp_path / "mine").mkdir()
    path.write_text('base = "mine"\ncorpus = "c.jsonl"\nwork = "w"\n', encoding="utf-8")
    found = read(path)
    assert (found.base, found.corpus) == (str(tmp_path / "mine"), tmp_path / "c.jsonl")


def test_the_guide_says_how_and_it_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guide = (ROOT / "docs" / "guides" / "training.md").read_text(encoding="utf-8")
    section = guide.split("## Fine-tuning on your own documents")[1].split("\n## ")[0]
    (settings,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    (line,) = re.findall(r"^clir train (\S+) (\S+)$", section, re.MULTILINE)
    config = tmp_path / line[0]
    config.write_text(settings + "steps = 2\nbatch = 16\n", encoding="utf-8")
    written(tmp_path / read(config).corpus.name, documents())
    out = tmp_path / line[1]
    assert command.main([str(config), str(out)]) == 0
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert rows[-1] == {"stage": "done", "model": str(out)}
    encoder = load_encoder(str(out))
    assert encoder.encode(["Wo ist die Bibliothek?"]).any()
    base = load_encoder("embedded")
    assert isinstance(encoder, StaticEncoder)
    assert isinstance(base, StaticEncoder)
    assert len(encoder.scales) == len(base.scales)
