"""A cross-encoder from `clir train` to the search and the service."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from opensearch_clir.calibration.second import SecondLine, SecondStage
from opensearch_clir.errors import RerankerError
from opensearch_clir.rerank import Candidate, Rerank, load_reranker, scored
from opensearch_clir.rerank.cross_encoder import CrossEncoderReranker
from opensearch_clir.rerank.search import Question, reranked
from opensearch_clir.training.__main__ import main
from query_cases import schema
from service_cases import running
from tiny_cases import WORDS, write_data


@pytest.fixture(scope="module")
def trained(body: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder that knows which words translate one another."""
    folder = tmp_path_factory.mktemp("trained")
    # Each copy has negatives of its own: between them, every word is told from every other.
    write_data(folder / "data", copies=6)
    config = {
        "kind": '"cross-encoder"', "data": '"data"', "body": json.dumps(str(body)), "pages": 0,
        "words": 0, "sentences": 2000, "negatives": 7, "steps": 400, "rate": 2e-3, "every": 100,
        "max_tokens": 16,
    }  # fmt: skip
    lines = "".join(f"{key} = {value}\n" for key, value in config.items())
    (folder / "reranker.toml").write_text(lines, "utf-8")
    assert main([str(folder / "reranker.toml"), str(folder / "model")]) == 0
    return folder / "model"


def test_what_was_trained_is_loaded_by_its_folder_and_knows(trained: Path) -> None:
    reranker = load_reranker(str(trained))
    assert isinstance(reranker, CrossEncoderReranker)
    right = 0
    for number, (one, _) in enumerate(WORDS):
        texts = [Candidate(other, "de", f"die {other}") for _, other in WORDS]
        scores = scored(reranker, f"the {one}", texts)
        right += int(scores.argmax()) == number
    assert right >= 6


def test_scores_depend_on_their_text_alone(trained: Path) -> None:
    reranker = CrossEncoderReranker(trained, batch=3)
    texts = [f"die {other}" for _, other in WORDS] * 2
    together = reranker.score("the cat", texts, 60.0)
    alone = [reranker.score("the cat", [text], 60.0)[0] for text in texts[:8]]
    np.testing.assert_allclose(together, alone * 2, atol=1e-4)
    assert together.min() < 0, "logits, not probabilities"


def test_long_texts_are_cut_and_late_ones_left(trained: Path) -> None:
    reranker = CrossEncoderReranker(trained, batch=2)
    found = scored(reranker, "the cat", [Candidate("a", "de", "die katze " * 1_000_000)])
    assert np.isfinite(found).all()
    some = [Candidate(str(i), "de", "die katze") for i in range(5)]
    late = scored(reranker, "the cat", some, 1e-9)
    assert np.isfinite(late).tolist() == [True, True, False, False, False]
    assert np.isfinite(scored(reranker, "the \ud800", some)).all()


def test_weights_and_length_make_the_fingerprint(trained: Path) -> None:
    one, other = CrossEncoderReranker(trained), CrossEncoderReranker(trained, max_tokens=8)
    assert one.fingerprint == CrossEncoderReranker(trained).fingerprint
    assert one.fingerprint != other.fingerprint


def test_it_reranks_a_response(trained: Path) -> None:
    reranker = load_reranker(str(trained))
    line = SecondLine(0.0, 1.0, 3.0, 0.0, 1.0)
    stage = SecondStage(reranker.name, reranker.fingerprint, line, line)
    question = Question("the cat", {"en": 1.0}, schema(), stage=stage)
    hits = [
        {"_id": other, "_score": 0.5, "_source": {"text": f"die {other}"}, "fields": {}}
        for _, other in reversed(WORDS)
    ]
    response = {"hits": {"total": {"value": 8, "relation": "eq"}, "hits": hits}}
    found = reranked(response, question, Rerank(reranker), size=3)
    assert "katze" in [hit["_id"] for hit in found["hits"]["hits"]]
    assert found["clir"]["rerank"]["rescored"] == 8


def test_the_service_serves_it(trained: Path) -> None:
    with running(reranker=str(trained)) as call:
        body = {"query": "the cat", "documents": [f"die {other}" for _, other in WORDS]}
        status, answer = call("POST", "/v1/rerank", {**body, "model": str(trained), "top_n": 8})
        assert status == 200
        assert [r["index"] for r in answer["results"]].index(0) < 3


def test_models_that_are_no_rerankers_say_so(body: Path, tmp_path: Path) -> None:
    from transformers import BertConfig, BertForSequenceClassification

    with pytest.raises(RerankerError, match="can't load the reranker"):
        CrossEncoderReranker(tmp_path)
    config = BertConfig.from_pretrained(body, num_labels=3)
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    for file in body.glob("*token*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(RerankerError, match="gives 3 numbers"):
        CrossEncoderReranker(tmp_path)


def test_a_configuration_with_mistakes_names_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reranker.toml"
    for text, message in (
        ('kind = "reranker"', "kind: 'reranker' can't be trained"),
        ('kind = "cross-encoder"\ndata = "x"\nsteps = 0\nbodi = "y"', "body: missing"),
        ('kind = "cross-encoder"\ndata = "nowhere"\nbody = "./nowhere"', "nowhere"),
    ):
        file.write_text(text, "utf-8")
        assert main([str(file), str(tmp_path / "out")]) == 1
        assert message in capsys.readouterr().err
