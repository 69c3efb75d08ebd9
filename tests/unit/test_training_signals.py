"""Leaving a signal out: of the batches and of the start; the command that measures its worth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from opensearch_clir.training import config, lsi, signals, tokenized, vocabulary
from opensearch_clir.training.mixture import Kind, Mixture
from opensearch_clir.training.tokenized import Tables, Tokens
from training_cases import PAIRS, bilingual, jsonl, write_corpus

ROOT = Path(__file__).resolve().parents[2]
EVERYTHING: dict[Kind, float] = dict(Mixture().shares)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokens, Tables]:
    folder = tmp_path_factory.mktemp("signals")
    data = write_corpus(folder / "data")
    sample = [text for texts in vocabulary.texts_by_language(data).values() for text in texts]
    tokenized.build(data, vocabulary.learn(sample, 260), folder / "tokens", switched_rows=60)
    return tokenized.load(folder / "tokens")


def without(*kinds: Kind) -> dict[Kind, float]:
    return {kind: share for kind, share in EVERYTHING.items() if kind not in kinds}


def test_with_all_shares_the_tables_stay(cache: tuple[Tokens, Tables]) -> None:
    assert signals.kept(cache[1], EVERYTHING) is cache[1]
    half: dict[Kind, float] = {**EVERYTHING, "windows": 0}
    assert signals.kept(cache[1], half) is cache[1]


@pytest.mark.parametrize("kind", ["pages", "words", "senses", "switched"])
def test_a_kind_without_a_share_has_no_rows(cache: tuple[Tokens, Tables], kind: Kind) -> None:
    tables = cache[1]
    assert len(getattr(tables, kind))
    left = signals.kept(tables, without(kind))
    assert len(getattr(left, kind)) == 0
    for other in ("pairs", "pages", "words", "senses", "switched"):
        if other != kind:
            np.testing.assert_array_equal(getattr(left, other), getattr(tables, other))


def test_without_pairs_no_translation_of_a_sentence_is_left(cache: tuple[Tokens, Tables]) -> None:
    tables = cache[1]
    left = signals.kept(tables, without("sentences", "windows"))
    assert len(left.pairs) == 0
    assert 0 < len(left.switched) < len(tables.switched)
    assert (left.switched[:, 1] == left.switched[:, 2]).all()
    # English texts that only pairs have are no texts to learn from a teacher's word any more.
    # Here all sentences stand in pages too.
    assert len(left.english) == len(tables.english)
    left = signals.kept(tables, without("sentences", "windows", "pages"))
    known = {*left.words[:, :2].ravel().tolist(), *left.switched[:, 2].tolist()}
    assert set(left.english) <= {*known, *left.senses[:, 0].tolist()}
    assert 0 < len(left.english) < len(tables.english)
    assert len(signals.kept(tables, without("sentences", "windows", "switched")).switched) == 0


def test_the_start_does_not_see_what_is_left_out(cache: tuple[Tokens, Tables]) -> None:
    tokens, tables = cache

    def start(found: Tables) -> np.ndarray:
        return lsi.initial(tokens, found, 260, 16, 1)

    left = signals.kept(tables, without("switched"))
    assert not np.array_equal(start(tables), start(left))
    emptied = Tables(**{**vars(tables), "switched": tables.switched[:0]})
    np.testing.assert_array_equal(start(emptied), start(left))


def write_set(folder: Path) -> Path:
    """Forty unseen sentences of either language that ask for their translation."""
    unseen = bilingual()[0][PAIRS - 40 :]
    rows = list(enumerate(unseen))
    docs = [(f"{n}.{x}", x, pair[side]) for n, pair in rows for side, x in enumerate(("en", "de"))]
    jsonl(folder / "corpus.jsonl.gz", ({"id": i, "lang": x, "text": t} for i, x, t in docs))
    (folder / "queries.tsv").write_text("".join(f"q{i}\t{x}\t{t}\n" for i, x, t in docs))
    qrels = [f"q{n}.{x} 0 {n}.{y} 1\n" for n, _ in rows for x in ("en", "de") for y in ("en", "de")]
    (folder / "qrels.tsv").write_text("".join(qrels))
    return folder


def test_the_ablation_measures_each_signal(tmp_path: Path) -> None:
    data = write_corpus(tmp_path / "data")
    file = tmp_path / "ablate.toml"
    settings = {"vocabulary": 260, "dimension": 16, "batch": 64, "steps": 30, "switched_rows": 60}
    lines = [f"{key} = {value}\n" for key, value in settings.items()]
    file.write_text(f'data = "{data}"\nwork = "work"\nevery = 10\n{"".join(lines)}')
    out = tmp_path / "out.json"
    program = [sys.executable, str(ROOT / "benchmarks" / "ablate_signals.py")]
    arguments = [str(file), str(write_set(tmp_path / "sets" / "made")), "--out", str(out)]
    first = subprocess.run([*program, *arguments], capture_output=True, text=True, check=True)
    found = json.loads(out.read_text())
    assert found["budget"]["steps"] == 30
    assert {name for name, rows in found["rows"].items() if rows} >= {
        "parallel",
        "documents",
        "switched",
    }
    assert set(found["signals"]) >= {"parallel", "documents", "switched"}
    for signal in found["signals"].values():
        assert set(signal["sets"]["made"]["pairs"]) == {"en>de", "de>en"}
        for cell in [signal["mean of sets"], *signal["sets"]["made"]["pairs"].values()]:
            assert cell["low"] <= cell["diff"] <= cell["high"]
        cross = signal["sets"]["made"]["cross"]
        assert cross["diff"] == pytest.approx(cross["after"] - cross["before"], abs=2e-4)
    # Vocabulary and cache are made once; a second run of the command trains nothing anew.
    stages = [json.loads(line) for line in first.stdout.splitlines() if line.startswith("{")]
    assert [row["stage"] for row in stages if row.get("stage") in ("vocabulary", "tokens")] == [
        "vocabulary",
        "tokens",
    ]
    again = subprocess.run([*program, *arguments], capture_output=True, text=True, check=True)
    assert '"step": 10' not in again.stdout
    assert json.loads(out.read_text()) == found


def test_the_budget_of_the_ablation_is_valid() -> None:
    found = config.read(ROOT / "benchmarks" / "ablate_signals.toml")
    assert found.steps <= 300
    assert all(found.mixture.shares.values())
    assert found.switched_rows > 0
