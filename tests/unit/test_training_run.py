"""The whole run on a made-up language: it learns, repeats, resumes, stops and reports errors."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.training import __main__ as command
from opensearch_clir.training import artefact, evaluate_knn, facts, run, static_model
from opensearch_clir.training.config import Config
from training_cases import PAIRS, bilingual, jsonl, small, write_corpus


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


def trained(config: Config, out: Path) -> tuple[dict[str, bytes], list[Mapping[str, Any]]]:
    """Train, write, and return the files' bytes and the rows of progress."""
    rows: list[Mapping[str, Any]] = []
    tokenizer, vectors = run.train(config, rows.append)
    artefact.write(out, tokenizer, vectors, facts.facts(config, vectors))
    return {name: (out / name).read_bytes() for name in artefact.FILES}, rows


def recall(encoder: StaticEncoder) -> float:
    """Return how many unseen sentences find their translation first, among 40."""
    unseen = bilingual()[0][PAIRS - 40 :]
    here, there = (encoder.encode([pair[side] for pair in unseen]) for side in (0, 1))
    return float(np.mean((here @ there.T).argmax(axis=1) == np.arange(len(unseen))))


def test_a_run_learns_to_translate_and_its_files_load(data: Path, tmp_path: Path) -> None:
    start, _ = trained(small(data, tmp_path / "none", steps=0), tmp_path / "start")
    assert start
    assert recall(StaticEncoder.load(tmp_path / "start")) < 0.2
    trained(small(data, tmp_path / "lsi", steps=0, start="lsi"), tmp_path / "lsi-out")
    assert recall(StaticEncoder.load(tmp_path / "lsi-out")) > 0.5
    config = small(data, tmp_path / "work", name="made")
    _, rows = trained(config, tmp_path / "out")
    assert [row["stage"] for row in rows[:3]] == ["vocabulary", "tokens", "start"]
    steps = rows[3:]
    assert [row["step"] for row in steps] == [0, 20, 40, 60]
    assert steps[-1]["loss"] < steps[1]["loss"] * 0.8
    encoder = StaticEncoder.load(tmp_path / "out")
    assert recall(encoder) > 0.6
    vectors = encoder.encode(["", "☃☃", " ☃ "])
    assert not vectors.any()
    assert len(encoder.fingerprint) == 64  # checks the digests
    assert (encoder.config["name"], encoder.config["languages"]) == ("made", ["en"])
    assert encoder.config["cosine_unrelated"] == {"matching": [], "non_matching": []}


def test_the_same_seed_gives_the_same_bytes_and_a_stopped_run_resumes_to_them(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = trained(small(data, tmp_path / "one", start="lsi"), tmp_path / "out1")
    again, _ = trained(small(data, tmp_path / "two", start="lsi"), tmp_path / "out2")
    assert whole == again
    config = small(data, tmp_path / "three", start="lsi")
    real, taken = static_model.step, 0

    def stopping(*arguments: Any) -> float:
        nonlocal taken
        taken += 1
        if taken == 33:
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(static_model, "step", stopping)
        with pytest.raises(KeyboardInterrupt):
            run.train(config)
    resumed, rows = trained(config, tmp_path / "out3")
    assert [row["step"] for row in rows] == [20, 40, 60]
    assert resumed == whole
    finished, rows = trained(config, tmp_path / "out4")
    assert [row["step"] for row in rows] == [60]
    assert finished == whole
    other, _ = trained(small(data, tmp_path / "four", start="lsi", seed=2), tmp_path / "out5")
    assert other["weights.npy"] != whole["weights.npy"]


def test_work_done_with_other_settings_is_not_mixed_in(data: Path, tmp_path: Path) -> None:
    run.train(small(data, tmp_path, steps=0, every=1))
    with pytest.raises(ConfigurationError, match="with another dimension, start"):
        run.train(small(data, tmp_path, dimension=16, start="lsi"))
    run.train(small(data, tmp_path, steps=2, rate=0.02))  # a leg at another rate is fine
    (tmp_path / "checkpoint.npz").write_bytes(b"PK no")
    with pytest.raises(DataError, match="is no checkpoint"):
        run.train(small(data, tmp_path))
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(DataError, match=r"tokenizer\.json can't be read"):
        run.train(small(data, tmp_path))


def test_progress_figures_are_ndcg_at_ten(tmp_path: Path) -> None:
    docs = [{"id": f"{n}.{x}", "lang": x, "text": f"{n}"} for n in "ab" for x in ("en", "zh-TW")]
    folder = tmp_path / "sets" / "tiny"
    jsonl(folder / "corpus.jsonl.gz", docs)
    (folder / "queries.tsv").write_text("q\ten\ta\n")
    (folder / "qrels.tsv").write_text("q 0 a.zh-TW 1\nq 0 a.en 1\n")
    (data,) = evaluate_knn.read_sets(tmp_path / "sets")
    assert data.document_langs == ["en", "zh-TW"] * 2
    unit = {"a": [1.0, 0.0], "b": [0.0, 1.0]}
    good = evaluate_knn.figures(data, lambda texts: np.array([unit[t] for t in texts], np.float32))
    assert good["all"] == {"pooled": 1.0, "same": 1.0, "cross": 1.0}
    swap = {"a": "b", "b": "a"}

    def misled(texts: Any) -> static_model.Floats:
        rows = [unit[t if len(texts) == 1 else swap[t]] for t in texts]
        return np.array(rows, np.float32)

    bad = evaluate_knn.figures(data, misled)["en"]
    assert bad["same"] == pytest.approx(1 / np.log2(3))
    ideal = 1 + 1 / np.log2(3)
    assert bad["pooled"] == pytest.approx((1 / np.log2(4) + 1 / np.log2(5)) / ideal)
    with pytest.raises(ConfigurationError, match="no such folder of evaluation sets"):
        evaluate_knn.read_sets(tmp_path / "none")


def toml(folder: Path, data: Path, **settings: Any) -> Path:
    """Write a configuration file."""
    lines = {"data": str(data), "work": "work", "vocabulary": 260, "dimension": 16, "batch": 32}
    path = folder / "train.toml"
    rows = {**lines, **settings}
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in rows.items()))
    return path


def test_the_command_trains_and_prints_json_lines(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = toml(tmp_path, data, steps=4, every=2)
    assert command.main([str(config), str(tmp_path / "out")]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[-1] == {"stage": "done", "model": str(tmp_path / "out")}
    assert [row["step"] for row in rows if "step" in row] == [0, 2, 4]
    assert StaticEncoder.load(tmp_path / "out").dimension == 16


def test_errors_of_the_command_are_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(config: Path, out: Path) -> str:
        assert command.main([str(config), str(out)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("Error: ")
        assert error.count("\n") == 1
        return error

    out = tmp_path / "out"
    assert "can't read the file" in said(tmp_path / "none.toml", out)
    assert "no such folder of training data" in said(toml(tmp_path, tmp_path / "no"), out)
    (tmp_path / "empty").mkdir()
    assert "holds no training data" in said(toml(tmp_path, tmp_path / "empty"), out)
    assert "unknown key" in said(toml(tmp_path, data, stpes=1), out)
    (tmp_path / "file").write_text("")
    assert "can't make the folder" in said(toml(tmp_path, data), tmp_path / "file" / "out")
    assert "can't work in the folder" in said(toml(tmp_path, data, work="file"), out)
    assert "raise `vocabulary`" in said(toml(tmp_path, data, work="w", vocabulary=5), out)


def test_without_scipy_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    assert command.main([str(tmp_path / "x.toml"), str(tmp_path)]) == 1
    assert "pip install 'opensearch-clir[train]'" in capsys.readouterr().err


def test_control_c_says_how_to_go_on(data: Path, tmp_path: Path) -> None:
    config = toml(tmp_path, data, steps=10_000_000, every=1)
    program = [sys.executable, "-m", "opensearch_clir.training", str(config), str(tmp_path / "out")]
    with subprocess.Popen(
        program,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests started in the background by a script inherit a SIGINT that is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if json.loads(line).get("step", 0) >= 2:
                process.send_signal(signal.SIGINT)
                break
        process.stdout.read()
        error = process.stderr.read()
    assert process.returncode == 130
    assert "The same command goes on" in error
    assert error.count("\n") == 1
    assert not list((tmp_path / "out").iterdir())
