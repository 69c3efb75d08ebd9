"""Feedback on a real server: what it finds, and that scores are one number however they are got."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from opensearchpy import OpenSearch

from concepts import ConceptEncoder
from opensearch_clir import Clir
from opensearch_clir.calibration.feedback import FINGERPRINT, NAME, Feedback
from opensearch_clir.calibration.logistic import logit, sigmoid
from opensearch_clir.calibration.parameters import Parameters, builtin
from opensearch_clir.calibration.second import SecondLine, SecondStage
from opensearch_clir.calibration.shown import Shown, standing_of
from opensearch_clir.errors import QueryError
from opensearch_clir.query.explain import FEEDBACK
from test_forms import QUESTIONS, fill

SHOWN = Shown(-1.5, 1.3, 0.6, -0.2)

STAGE = SecondStage(
    NAME, FINGERPRINT, SecondLine(-0.5, 0.7, 0.8, 2.0, 1.0), SecondLine(-1.0, 0.5, 1.2, 1.0, 1.0)
)


FED = Feedback(1.0, STAGE, SHOWN)


def parameters(feedback: Feedback | None) -> Parameters:
    return replace(builtin(), feedback=feedback)


@pytest.fixture(scope="module")
def filled(client: OpenSearch) -> Iterator[dict[int, str]]:
    names = {shards: f"t-feedback-{shards}" for shards in (1, 3)}
    for shards, name in names.items():
        client.indices.delete(index=name, ignore_unavailable=True)
        fill(client, name, shards=shards)
    yield names
    for name in names.values():
        client.indices.delete(index=name, ignore_unavailable=True)


@pytest.fixture
def clir(client: OpenSearch, filled: dict[int, str]) -> Clir:
    return opened(client, filled[1])


def opened(client: OpenSearch, name: str, feedback: Feedback | None = FED) -> Clir:
    return Clir(client, name, encoder=ConceptEncoder(), parameters=parameters(feedback))


def scores(response: dict[str, Any]) -> dict[str, float]:
    return {hit["_id"]: hit["_score"] for hit in response["hits"]["hits"]}


def test_scores_are_explained(clir: Clir) -> None:
    explained = 0
    for question, lang in QUESTIONS:
        found = scores(clir.search(question, languages=lang, size=20))
        for document, score in list(found.items())[:6]:
            explanation = clir.explain(question, document, languages=lang)
            assert explanation.probability == pytest.approx(score, abs=1e-6)
            assert 1 / (1 + math.exp(-explanation.log_odds)) == pytest.approx(score, abs=1e-4)
            steps = [e for e in explanation.evidences if e.kind == FEEDBACK]
            explained += len(steps)
            if steps:
                assert "the first hits are" in " ".join(explanation.notes)
    assert explained > 10


@pytest.mark.parametrize("form", ["focused", "rescore"])
def test_forms_agree(clir: Clir, form: str) -> None:
    for question, lang in QUESTIONS:
        exact = scores(clir.search(question, languages=lang, size=20))
        other = scores(clir.search(question, languages=lang, size=20, form=form))
        common = exact.keys() & other.keys()
        assert common
        for document in common:
            assert other[document] == pytest.approx(exact[document], abs=1e-5)


def test_scores_do_not_depend_on_shards_pages_or_the_way_of_asking(
    client: OpenSearch, filled: dict[int, str], clir: Clir
) -> None:
    split = opened(client, filled[3])
    texts = [question for question, lang in QUESTIONS if lang == "en"]
    many = clir.msearch(texts, languages="en", size=20)
    for question, answer in zip(texts, many, strict=True):
        whole = scores(clir.search(question, languages="en", size=20))
        assert scores(answer) == whole
        second = scores(clir.search(question, languages="en", size=3, from_=3))
        assert list(second.items()) == list(whole.items())[3:6]
        other = scores(split.search(question, languages="en", size=20))
        assert next(iter(other)) == next(iter(whole))
        for document in other.keys() & whole.keys():
            assert other[document] == pytest.approx(whole[document], abs=1e-4)


def test_off_it_is_off(client: OpenSearch, filled: dict[int, str], clir: Clir) -> None:
    plain = opened(client, filled[1], None)
    differ = 0
    for question, lang in QUESTIONS:
        without = scores(plain.search(question, languages=lang, size=20))
        assert scores(clir.search(question, languages=lang, size=20, feedback=False)) == without
        differ += scores(clir.search(question, languages=lang, size=20)) != without
    assert differ >= 4  # a first hit that names no concept has no vector
    with pytest.raises(QueryError, match="feedback must be True or False"):
        clir.search("refund", feedback="yes")  # type: ignore[arg-type]


def test_likeness_to_the_first_hits_counts(client: OpenSearch, filled: dict[int, str]) -> None:
    """The translations of the best hit gain on what is unlike it."""
    strong = SecondStage(
        NAME, FINGERPRINT, SecondLine(0, 1, 3, 0, 1), SecondLine(0, 1, 3, 0, 1)
    )  # fmt: skip
    fed = scores(
        opened(client, filled[1], Feedback(0.0, strong)).search(
            "my refund", languages="en", size=50
        )
    )
    plain = scores(opened(client, filled[1], None).search("my refund", languages="en", size=50))

    def margin(found: dict[str, float]) -> float:
        def odds(id_: str) -> float:
            return math.log(found[id_] / (1 - found[id_]))

        return odds("refund.fr") - odds("filler1")

    assert margin(fed) > margin(plain) + 1


def test_the_first_hits_meet_the_conditions(clir: Clir, client: OpenSearch) -> None:
    """What a filter leaves out must not show through the order of what it lets in."""
    sent: list[dict[str, Any]] = []
    original = client.transport.perform_request

    def noted(method: str, url: str, **rest: Any) -> Any:
        if url.endswith("/_search") and rest["body"].get("track_total_hits") is False:
            sent.append(original(method, url, **rest))
            return sent[-1]
        return original(method, url, **rest)

    client.transport.perform_request = noted
    try:
        found = clir.search("my refund", filter={"term": {"lang": "de"}}, languages="en")
    finally:
        client.transport.perform_request = original
    assert [hit["_id"] for answer in sent for hit in answer["hits"]["hits"]] == [
        "refund.de",
        "holiday.de",
    ]
    # In one language there is nothing to carry over: the order is that without feedback.
    plain = opened(client, clir.index_name, None)
    alone = plain.search("my refund", filter={"term": {"lang": "de"}}, languages="en")
    assert list(scores(found)) == list(scores(alone))
    first = next(iter(sent))["hits"]["hits"]
    before = np.array([hit["_score"] for hit in first])
    expected = sigmoid(SHOWN.of(logit(before), standing_of(logit(before))))
    assert list(scores(found).values()) == pytest.approx(expected.tolist(), abs=1e-5)
