"""The bend on a real server: one number whichever form computes it, and explanations add up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from opensearchpy import OpenSearch

from concepts import DOCUMENTS, ConceptEncoder
from opensearch_clir import Clir
from opensearch_clir.calibration.bend import STRAIGHT, Bend, Bends
from opensearch_clir.calibration.parameters import Parameters, builtin
from opensearch_clir.query.explain import BEND
from test_search import fill

#: Steeper on the one side, flatter on the other, and far apart.
BENDS = Bends(-3.0, Bend(-2.2, 1.6, 0.5), Bend(-3.5, 0.7, 1.8))

QUESTIONS: list[tuple[str, Any]] = [
    ("my refund", "en"),
    ("réinitialiser la machine", "fr"),
    ("BMW reset", {"en": 0.7, "de": 0.3}),
    ("parking permits, portail, Portal", "en"),
]


@pytest.fixture(scope="module")
def index(client: OpenSearch) -> Iterator[str]:
    name = "t-bends"
    client.indices.delete(index=name, ignore_unavailable=True)
    fill(client, name, shards=2)
    yield name
    client.indices.delete(index=name, ignore_unavailable=True)


def opened(client: OpenSearch, index: str, bends: Bends) -> Clir:
    parameters: Parameters = replace(builtin(), bends=bends, feedback=None)
    return Clir(client, index, encoder=ConceptEncoder(), parameters=parameters)


def scores(response: dict[str, Any]) -> dict[str, float]:
    return {hit["_id"]: hit["_score"] for hit in response["hits"]["hits"]}


@pytest.mark.parametrize(("question", "languages"), QUESTIONS)
def test_the_score_is_the_bent_sum(
    client: OpenSearch, index: str, question: str, languages: Any
) -> None:
    straight, bent = (opened(client, index, b) for b in (STRAIGHT, BENDS))
    before = scores(straight.search(question, languages=languages, size=50))
    after = scores(bent.search(question, languages=languages, size=50))
    assert before.keys() == after.keys()
    posterior = {languages: 1.0} if isinstance(languages, str) else languages
    langs = {d["id"]: d["lang"] for d in DOCUMENTS if d["id"] in before and "lang" in d}
    assert len(langs) >= 3
    for document, lang in langs.items():
        # By hand, apart from the code that makes plans.
        same = posterior.get(lang, 0.0)
        log_odds = math.log(before[document] / (1 - before[document]))
        off = log_odds - BENDS.knot
        at, below, above = (
            same * getattr(BENDS.matching, n) + (1 - same) * getattr(BENDS.non_matching, n)
            for n in ("at", "below", "above")
        )
        expected = 1 / (1 + math.exp(-(at + (below if off < 0 else above) * off)))
        assert after[document] == pytest.approx(expected, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("form", ["focused", "rescore"])
@pytest.mark.parametrize(("question", "languages"), QUESTIONS)
def test_forms_agree_to_the_fifth_digit(
    client: OpenSearch, index: str, question: str, languages: Any, form: str
) -> None:
    clir = opened(client, index, BENDS)
    exact = scores(clir.search(question, languages=languages, size=50))
    other = scores(clir.search(question, languages=languages, size=50, form=form))
    assert other.keys() & exact.keys()
    for document, score in other.items():
        assert score == pytest.approx(exact[document], abs=1e-5)
    assert next(iter(other)) == next(iter(exact))


@pytest.mark.parametrize(("question", "languages"), QUESTIONS)
def test_explanations_add_up_with_the_bend(
    client: OpenSearch, index: str, question: str, languages: Any
) -> None:
    clir = opened(client, index, BENDS)
    for document, score in scores(clir.search(question, languages=languages, size=4)).items():
        found = clir.explain(question, document, languages=languages)
        bend = found.evidences[-1]
        assert bend.kind == BEND
        assert bend.value == pytest.approx(sum(e.log_odds for e in found.evidences[:-1]))
        assert 1 / (1 + math.exp(-found.log_odds)) == pytest.approx(score, rel=1e-4)
        assert found.probability == pytest.approx(score, rel=1e-5)
    plain = opened(client, index, STRAIGHT).explain(question, document, languages=languages)
    assert BEND not in {e.kind for e in plain.evidences}


def test_min_score_is_the_bent_probability(client: OpenSearch, index: str) -> None:
    clir = opened(client, index, BENDS)
    every = scores(clir.search("my refund", languages="en", size=50))
    least = sorted(every.values())[-3]
    kept = scores(clir.search("my refund", languages="en", size=50, min_score=least))
    assert kept == {d: s for d, s in every.items() if s >= least}
    assert all(0 < score < 1 for score in every.values())
