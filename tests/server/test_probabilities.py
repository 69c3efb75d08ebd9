"""Bounds of the evidence, and scores that depend on nothing but question and document."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opensearchpy import OpenSearch, helpers

from concepts import BACKGROUND, CONCEPTS, ConceptEncoder
from opensearch_clir import Clir
from opensearch_clir.calibration.gather import UNIT
from opensearch_clir.query.dsl import evidence_clause

#: Room for the server's 32-bit arithmetic.
ROUNDING = 1e-5

WORDS = ["refund", "refunds", "refunding", "der", "die", "reset", "Maschine", "machines", "BMW",
         "X-17", "the", "Zurücksetzen", "remboursement", "é", "返金", "マシン", "a"]  # fmt: skip

texts = st.one_of(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=60).map(" ".join),
    st.text(min_size=1, max_size=80).filter(str.strip),
)
languages = st.sampled_from(["de", "en", "fr", "ja"])


@pytest.fixture(scope="module")
def clir(client: OpenSearch) -> Iterator[Clir]:
    name = "t-probabilities-bounds"
    client.indices.delete(index=name, ignore_unavailable=True)
    yield make(client, name, 2)
    client.indices.delete(index=name, ignore_unavailable=True)


def make(client: OpenSearch, name: str, shards: int) -> Clir:
    body = {
        "settings": {"index.knn": True, "index.number_of_shards": shards},
        "mappings": {"properties": {"lang": {"type": "keyword"}}},
    }
    client.indices.create(index=name, body=body)
    clir = Clir(client, name, encoder=ConceptEncoder())
    with patch("opensearch_clir.encoders.background.measure", return_value=BACKGROUND):
        clir.setup(fields="title,text", lang_field="lang", languages="de,en,fr,ja")
    return clir


def write(clir: Clir, documents: list[dict[str, Any]]) -> None:
    actions = ({"_index": clir.index_name, "_id": d["id"], "_source": d} for d in documents)
    helpers.bulk(clir.client, clir.enrich(actions), refresh=True)


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(st.tuples(texts, languages), min_size=1, max_size=6),
    texts,
    st.dictionaries(languages, st.floats(0.1, 1), min_size=1, max_size=3),
)
def test_evidence_is_bounded_for_any_document(
    clir: Clir, documents: list[tuple[str, str]], question: str, asked: dict[str, float]
) -> None:
    # The same few ids again and again: many documents of the index are deleted ones.
    write(
        clir,
        [
            {"id": str(n), "title": question[:20] if n % 2 else "x", "text": text, "lang": lang}
            for n, (text, lang) in enumerate(documents)
        ],
    )
    plan = clir._ready().plan(question, k=10, languages=asked, parameters=UNIT)
    for evidence in plan.clauses:
        query = evidence_clause(evidence, plan.lang_field)
        response = clir.client.search(
            index=clir.index_name,
            body={"query": query, "size": 50},
            params={"search_type": "dfs_query_then_fetch"},
        )
        limit = {"own": 1.0, "any": 4.0}.get(evidence.kind, 1.0) * evidence.weight
        for hit in response["hits"]["hits"]:
            assert 0 <= hit["_score"] <= limit + ROUNDING
            assert evidence.kind != "own" or hit["_score"] < limit
    for hit in clir.search(question, languages=asked, size=50)["hits"]["hits"]:
        assert 0 < hit["_score"] < 1


@pytest.fixture(scope="module")
def sharded(client: OpenSearch) -> Iterator[list[Clir]]:
    """The same documents on 1, 3 and 5 shards."""
    rng = random.Random(5)
    vocabulary = [word for words in CONCEPTS.values() for word in words] + WORDS
    documents = [
        {
            "id": f"d{n}",
            "title": " ".join(rng.choices(vocabulary, k=3)),
            "text": " ".join(rng.choices(vocabulary, k=rng.randint(3, 40))),
            "lang": rng.choice(["de", "en", "fr", "ja"]),
        }
        for n in range(120)
    ]
    made = []
    for shards in (1, 3, 5):
        name = f"t-probabilities-{shards}"
        client.indices.delete(index=name, ignore_unavailable=True)
        made.append(make(client, name, shards))
        write(made[-1], documents)
    yield made
    for clir in made:
        client.indices.delete(index=clir.index_name, ignore_unavailable=True)


@pytest.mark.parametrize("form", ["one-stage", "focused", "rescore"])
@pytest.mark.parametrize(
    ("question", "lang"),
    [("refund of the BMW machine", "en"), ("Maschine zurücksetzen", "de"), ("返金 X-17", "ja")],
)
def test_scores_do_not_depend_on_shards_pages_or_sizes(
    sharded: list[Clir], question: str, lang: str, form: str
) -> None:
    seen: dict[str, list[float]] = {}
    for clir in sharded:
        for size, from_ in ((5, 0), (5, 5), (20, 0), (150, 0)):
            found = clir.search(question, languages=lang, size=size, from_=from_, form=form)
            assert found["hits"]["hits"]
            for hit in found["hits"]["hits"]:
                seen.setdefault(hit["_id"], []).append(hit["_score"])
    assert any(len(values) >= 9 for values in seen.values())
    for values in seen.values():
        assert max(values) - min(values) < 1e-4
