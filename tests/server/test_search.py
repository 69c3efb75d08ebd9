"""Searching a real server: what is found, in which order, and what a request may contain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from opensearchpy import OpenSearch, helpers

from concepts import BACKGROUND, DOCUMENTS, ConceptEncoder
from opensearch_clir import Clir
from opensearch_clir.calibration.parameters import builtin
from opensearch_clir.errors import (
    ClusterUnreachableError,
    GenerationMismatchError,
    IndexClosedError,
    IndexMissingError,
    NotManagedError,
    QueryError,
)


def fill(client: OpenSearch, name: str, shards: int = 1) -> Clir:
    """Make an index of this many shards with the documents in it."""
    mapping = {"properties": {"lang": {"type": "keyword"}}}
    settings = {"index.knn": True, "index.number_of_shards": shards}
    client.indices.create(index=name, body={"mappings": mapping, "settings": settings})
    clir = Clir(client, name, encoder=ConceptEncoder())
    # The sample texts name none of the concepts, so there is no background to measure.
    with patch("opensearch_clir.encoders.background.measure", return_value=BACKGROUND):
        clir.setup(fields="text", lang_field="lang", languages="de,en,fr,ja")
    actions = ({"_index": name, "_id": d["id"], "_source": d} for d in DOCUMENTS)
    done, errors = helpers.bulk(client, clir.enrich(actions), refresh=True)
    assert (done, errors) == (len(DOCUMENTS), [])
    return clir


@pytest.fixture
def clir(client: OpenSearch, index_name: str) -> Clir:
    return fill(client, index_name)


def ids(response: dict[str, Any]) -> list[str]:
    return [hit["_id"] for hit in response["hits"]["hits"]]


def scores(response: dict[str, Any]) -> dict[str, float]:
    return {hit["_id"]: hit["_score"] for hit in response["hits"]["hits"]}


@pytest.mark.parametrize(
    ("question", "lang", "best"),
    [
        ("réinitialiser la machine", "fr", {"reset.en", "reset.ja"}),
        ("Urlaub", "de", {"holiday.de", "holiday.fr"}),
        ("返金", "ja", {"refund.en", "refund.fr"}),
        ("refund", "en", {"refund.en", "refund.fr"}),
    ],
)
def test_questions_find_documents_of_all_languages(
    clir: Clir, question: str, lang: str, best: set[str]
) -> None:
    found = ids(clir.search(question, languages=lang))
    assert set(found[: len(best)]) == best


def test_scores_are_probabilities_in_order(clir: Clir) -> None:
    values = [h["_score"] for h in clir.search("refund", languages="en")["hits"]["hits"]]
    assert values == sorted(values, reverse=True)
    assert all(0 < value < 1 for value in values)


def test_a_document_without_vector_is_found_by_its_words(clir: Clir) -> None:
    assert ids(clir.search("parking permits", languages="en"))[0] == "words.en"
    # Nothing in this question has a vector either.
    assert "emoji" in ids(clir.search("🚀", size=3))


def test_a_name_is_found_across_languages(clir: Clir) -> None:
    with_name = scores(clir.search("BMW", languages="fr"))
    assert next(iter(with_name)) == "bmw.de"


def test_stop_words_only_and_unknown_words_find_nothing_or_by_vector(clir: Clir) -> None:
    none = replace(builtin(), entity=0.0, translated=0.0, head=0.0)
    words = Clir(clir.client, clir.index_name, encoder=ConceptEncoder(), parameters=none)
    for question in ("the of and", "qwertzuiop"):
        assert ids(words.search(question, languages="en")) == []
        # Pieces may know stop words and syllables; what they find stays doubtful.
        assert all(p < 0.05 for p in scores(clir.search(question, languages="en")).values())


def test_the_source_is_the_users(clir: Clir) -> None:
    hit = clir.search("refund", languages="en")["hits"]["hits"][0]
    assert set(hit["_source"]) == {"id", "lang", "text"}
    full = clir.search("refund", languages="en", _source=["clir.lang"])["hits"]["hits"][0]
    assert full["_source"]["clir"]["lang"] == full["_id"].split(".")[1]


def test_the_request_keeps_what_opensearch_offers(clir: Clir) -> None:
    response = clir.search(
        "refund reset holiday",
        languages="en",
        size=4,
        aggs={"langs": {"terms": {"field": "clir.lang"}}},
        highlight={"fields": {"clir.text.en": {}}},
        sort=[{"_score": "desc"}, {"clir.lang": "asc"}],
        collapse={"field": "clir.lang"},
    )
    hits = response["hits"]["hits"]
    assert len({hit["fields"]["clir.lang"][0] for hit in hits}) == len(hits) == 4
    buckets = {b["key"]: b["doc_count"] for b in response["aggregations"]["langs"]["buckets"]}
    assert buckets["fr"] == 2
    english = next(h for h in hits if h["_id"].endswith(".en"))
    assert "<em>" in english["highlight"]["clir.text.en"][0]


def test_pages_join_without_gap_or_overlap(clir: Clir) -> None:
    question = "reset refund holiday machine"
    whole = ids(clir.search(question, languages="en", size=8))
    paged = [
        i
        for page in range(4)
        for i in ids(clir.search(question, size=2, from_=2 * page, languages="en"))
    ]
    assert paged == whole
    after = clir.search(
        question, languages="en", size=3, sort=[{"_score": "desc"}, {"lang": "asc"}]
    )
    rest = clir.search(
        question,
        languages="en",
        size=3,
        sort=[{"_score": "desc"}, {"lang": "asc"}],
        search_after=after["hits"]["hits"][-1]["sort"],
    )
    assert not set(ids(after)) & set(ids(rest))


def test_min_score_is_a_probability(clir: Clir) -> None:
    everything = scores(clir.search("refund", languages="en"))
    threshold = sorted(everything.values())[-2]
    kept = scores(clir.search("refund", languages="en", min_score=threshold))
    assert kept == {i: s for i, s in everything.items() if s >= threshold}


def test_a_narrow_filter_still_finds_by_meaning(clir: Clir) -> None:
    found = clir.search("réinitialiser", languages="fr", filter={"term": {"lang": "ja"}})
    assert ids(found) == ["reset.ja"]


def test_explain_adds_up_to_the_score(clir: Clir) -> None:
    hit = clir.search("BMW reset", languages={"en": 0.7, "de": 0.3})["hits"]["hits"][0]
    explanation = clir.explain("BMW reset", hit["_id"], languages={"en": 0.7, "de": 0.3})
    assert explanation.probability == pytest.approx(hit["_score"], rel=1e-5)
    total = 1 / (1 + 2.718281828459045**-explanation.log_odds)
    assert total == pytest.approx(hit["_score"], rel=1e-4)
    assert {e.kind for e in explanation.evidences} >= {"dense"}
    assert explanation.pair.startswith("en>")


def test_explaining_a_missing_document_is_an_error(clir: Clir) -> None:
    with pytest.raises(QueryError, match="no document with id 'nope'"):
        clir.explain("BMW", "nope")


def test_scores_do_not_depend_on_shards(client: OpenSearch, index_name: str) -> None:
    one = fill(client, f"{index_name}-1", shards=1)
    three = fill(client, f"{index_name}-3", shards=3)
    for question, lang in (("BMW reset machine", "en"), ("congés portail", "fr")):
        first = scores(one.search(question, languages=lang))
        second = scores(three.search(question, languages=lang))
        assert first.keys() == second.keys()
        for document, score in first.items():
            assert second[document] == pytest.approx(score, abs=1e-6)


def test_three_nodes(cluster3: Any) -> None:
    client = cluster3.client()
    name = "t-three-nodes"
    client.indices.delete(index=name, ignore_unavailable=True)
    clir = fill(client, name, shards=3)
    client.cluster.health(index=name, params={"wait_for_status": "green"})
    assert set(ids(clir.search("Urlaub", languages="de"))[:2]) == {"holiday.de", "holiday.fr"}
    client.indices.delete(index=name)


def test_a_pasted_page(clir: Clir) -> None:
    page = " ".join(f"word{i} refund" for i in range(6000))
    assert len(page) > 60_000
    found = ids(clir.search(page, languages="en"))
    assert set(found[:2]) == {"refund.en", "refund.fr"}
    assert ids(clir.search("返金する" * 20_000, languages="ja"))


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("x" * 1_000_001, "1,000,001 characters"),
        ("bad \ud800", "lone surrogate"),
        (None, "must be a string"),
    ],
)
def test_unusable_questions(clir: Clir, question: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        clir.search(question)


def test_too_deep_a_page(clir: Clir) -> None:
    with pytest.raises(QueryError, match="search_after"):
        clir.search("refund", size=10, from_=9_995)


def test_query_syntax_is_just_words(clir: Clir) -> None:
    for question in ('a" OR (', "refund AND NOT /x[", "*", "field:value~2^9", "\x00refund"):
        clir.search(question, languages="en")


def test_the_index_must_be_there_open_and_ours(client: OpenSearch, index_name: str) -> None:
    clir = Clir(client, index_name, encoder=ConceptEncoder())
    with pytest.raises(IndexMissingError):
        clir.search("refund")
    client.indices.create(index=index_name)
    with pytest.raises(NotManagedError, match="clir setup"):
        clir.search("refund")
    client.indices.delete(index=index_name)
    fill(client, index_name)
    client.indices.close(index=index_name)
    with pytest.raises(IndexClosedError):
        Clir(client, index_name, encoder=ConceptEncoder()).search("refund")


def test_another_generation_is_refused(client: OpenSearch, clir: Clir) -> None:
    other = Clir(client, clir.index_name, encoder=ConceptEncoder("2"))
    with pytest.raises(GenerationMismatchError, match="use the model the index was made with"):
        other.search("refund")


def test_an_alias_over_two_indices(client: OpenSearch, index_name: str) -> None:
    fill(client, f"{index_name}-1")
    fill(client, f"{index_name}-2", shards=2)
    client.indices.put_alias(index=f"{index_name}-*", name=index_name)
    both = Clir(client, index_name, encoder=ConceptEncoder())
    found = both.search("refund", languages="en")["hits"]["hits"]
    assert {hit["_index"] for hit in found} == {f"{index_name}-1", f"{index_name}-2"}
    same = [h["_score"] for h in found if h["_id"] == "refund.en"]
    assert same[0] == pytest.approx(same[1], abs=1e-6)


def test_no_server() -> None:
    nowhere = OpenSearch("http://127.0.0.1:9", timeout=2, max_retries=0)
    with pytest.raises(ClusterUnreachableError, match="no answer"):
        Clir(nowhere, "x", encoder=ConceptEncoder()).search("refund")


def test_deleted_documents_leave_scores_bounded(client: OpenSearch, clir: Clir) -> None:
    for number in range(30):
        client.index(index=clir.index_name, id="refund.en", body={"text": f"{number}"})
    client.indices.refresh(index=clir.index_name)
    for hit in clir.search("refund arrive", languages="fr")["hits"]["hits"]:
        assert 0 < hit["_score"] < 1
