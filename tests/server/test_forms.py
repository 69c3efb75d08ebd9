"""Forms of the plan on a real server, and what a request may contain beside the question."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from opensearchpy import OpenSearch, helpers
from opensearchpy.exceptions import AuthorizationException

from concepts import BACKGROUND, ConceptEncoder
from opensearch_clir import Clir
from opensearch_clir.errors import ClusterError, IndexStateError, QueryError
from opensearch_clir.local import Instance
from opensearch_clir.query.highlight import snippets

DOCUMENTS: list[dict[str, Any]] = [
    {"id": "refund.en", "lang": "en", "group": "refund", "price": 3,
     "text": "When does my refund for the coffee machine arrive?"},
    {"id": "refund.fr", "lang": "fr", "group": "refund", "price": 1,
     "text": "Le remboursement arrive sous dix jours"},
    {"id": "refund.de", "lang": "de", "group": "refund", "price": 2,
     "text": "Die Erstattung kommt nach zehn Tagen"},
    {"id": "reset.en", "lang": "en", "group": "reset", "price": 5,
     "text": "How to reset the machine to factory settings"},
    {"id": "reset.ja", "lang": "ja", "group": "reset", "price": 4,
     "text": "マシンをリセットする方法"},
    {"id": "holiday.de", "lang": "de", "group": "holiday", "price": 7,
     "text": "Urlaub wird im Portal beantragt"},
    {"id": "holiday.fr", "lang": "fr", "group": "holiday", "price": 6,
     "text": "Les congés se demandent sur le portail"},
    {"id": "permit.en", "lang": "en", "group": "permit", "price": 8,
     "text": "Parking permits are printed at reception"},
]  # fmt: skip

QUESTIONS = [("my refund", "en"), ("réinitialiser la machine", "fr"), ("Urlaub im Portal", "de"),
             ("parking permits, portail", "en"), ("返金", "ja")]  # fmt: skip

PASSWORD = "Sufficiently-long-4-a-test!"  # of a server that lives as long as the test

#: Forms that are compared with the exact one.
OTHERS = ("focused", "rescore")


def fill(client: OpenSearch, name: str, *, shards: int = 1, routed: bool = False) -> Clir:
    """Make an index with the documents and some more that nobody asks for."""
    keyword = {"type": "keyword"}
    fields = {"lang": keyword, "group": keyword, "price": {"type": "integer"}}
    settings = {"index.knn": True, "index.number_of_shards": shards}
    body = {"mappings": {"properties": fields}, "settings": settings}
    client.indices.create(index=name, body=body)
    clir = Clir(client, name, encoder=ConceptEncoder())
    with patch("opensearch_clir.encoders.background.measure", return_value=BACKGROUND):
        clir.setup(fields="text", lang_field="lang", group_field="group", languages="de,en,fr,ja")
    filler = [
        {"id": f"filler{n}", "lang": "en", "group": f"filler{n}", "price": 100 + n,
         "text": f"Room {n} has a coffee table" + " and a machine" * (n % 3)}
        for n in range(40)
    ]  # fmt: skip
    actions = [
        {"_index": name, "_id": d["id"], "_source": d, **({"routing": d["lang"]} if routed else {})}
        for d in [*DOCUMENTS, *filler]
    ]
    done, errors = helpers.bulk(client, clir.enrich(actions), refresh=True)
    assert (done, errors) == (len(actions), [])
    return clir


@pytest.fixture(scope="module")
def clir(client: OpenSearch) -> Iterator[Clir]:
    name = "t-forms-one"
    client.indices.delete(index=name, ignore_unavailable=True)
    yield fill(client, name)
    client.indices.delete(index=name, ignore_unavailable=True)


def hits(response: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = response["hits"]["hits"]
    return found


def scores(response: dict[str, Any]) -> dict[str, float]:
    return {hit["_id"]: hit["_score"] for hit in hits(response)}


@pytest.mark.parametrize("form", OTHERS)
@pytest.mark.parametrize(("question", "lang"), QUESTIONS)
@pytest.mark.parametrize("readers", [None, {"en": 0.5, "fr": 1.0, "*": 0.2}, ["de", "fr"]])
def test_forms_agree_on_every_document_both_return(
    clir: Clir, form: str, question: str, lang: str, readers: Any
) -> None:
    def run(form: str) -> dict[str, float]:
        return scores(
            clir.search(question, languages=lang, languages_read=readers, form=form, size=20)
        )

    exact, other = run("one-stage"), run(form)
    common = exact.keys() & other.keys()
    assert common
    for document in common:
        assert other[document] == pytest.approx(exact[document], abs=1e-5)
    assert next(iter(exact)) in other


def test_forms_agree_over_shards_with_filters_and_aggregations(
    client: OpenSearch, index_name: str
) -> None:
    three = fill(client, index_name, shards=3)
    more: dict[str, Any] = {
        "filter": {"range": {"price": {"lt": 110}}},
        "aggs": {"l": {"terms": {"field": "lang"}}},
        "languages": "en",
        "size": 5,
    }
    exact = three.search("refund machine", form="one-stage", **more)
    twice = three.search("refund machine", form="rescore", **more)
    assert scores(twice) == pytest.approx(scores(exact), abs=1e-5)
    assert twice["aggregations"] == exact["aggregations"]
    assert twice["hits"]["total"] == exact["hits"]["total"]
    page = three.search("refund machine", form="rescore", **{**more, "size": 3, "from_": 2})
    assert [h["_id"] for h in hits(page)] == [h["_id"] for h in hits(exact)][2:5]


def test_two_passes_are_refused_where_they_would_lie(clir: Clir) -> None:
    with pytest.raises(QueryError, match=r"collapse.*one-stage"):
        clir.search("refund", form="rescore", collapse={"field": "clir.group"})
    with pytest.raises(QueryError, match="min_score"):
        clir.search("refund", form="rescore", min_score=0.1)
    assert hits(clir.search("refund", languages="en", collapse={"field": "clir.group"}))


def test_identity_bounds_are_refused_on_an_older_server(clir: Clir) -> None:
    version = clir.client.info()["version"]["number"]
    if tuple(map(int, version.split(".")[:2])) >= (3, 2):
        exact = scores(clir.search("refund", languages="en", form="one-stage"))
        found = scores(clir.search("refund", languages="en", form="hybrid"))
        assert found == pytest.approx({d: s for d, s in exact.items() if d in found}, abs=1e-5)
    else:
        with pytest.raises(QueryError, match=r"needs OpenSearch 3\.2 or newer"):
            clir.search("refund", form="hybrid")


def test_a_focused_search_finds_fewer_documents_by_translations_alone(clir: Clir) -> None:
    question = "the coffee machine refund arrives"
    wide = clir.search(question, languages="fr", form="one-stage")["hits"]["total"]["value"]
    narrow = clir.search(question, languages="fr", form="focused")["hits"]["total"]["value"]
    assert 0 < narrow <= wide


def test_filters_apply_inside_the_neighbour_search(clir: Clir) -> None:
    for form in ("one-stage", *OTHERS):
        found = clir.search("réinitialiser", languages="fr", filter={"term": {"lang": "ja"}},
                            form=form)  # fmt: skip
        assert list(scores(found)) == ["reset.ja"]


def test_sorting_and_search_after(clir: Clir) -> None:
    by_price: dict[str, Any] = {"languages": "en", "size": 3, "sort": [{"price": "asc"}],
                                "track_scores": True}  # fmt: skip
    first = hits(clir.search("refund machine", **by_price))
    second = hits(clir.search("refund machine", **by_price, search_after=first[-1]["sort"]))
    prices = [h["_source"]["price"] for h in [*first, *second]]
    assert prices == sorted(set(prices))
    exact = scores(clir.search("refund machine", languages="en", size=50))
    assert {h["_id"]: h["_score"] for h in first} == pytest.approx(
        {h["_id"]: exact[h["_id"]] for h in first}, abs=1e-6
    )


def test_pages_by_score_and_id(clir: Clir) -> None:
    whole = list(scores(clir.search("refund machine", languages="en", size=9)))
    paged = [d for page in range(3)
             for d in scores(clir.search("refund machine", languages="en", size=3,
                                         from_=3 * page))]  # fmt: skip
    assert len(set(paged)) == len(paged)
    assert set(paged) == set(whole)


def test_min_score_and_aggregations_are_about_probabilities(clir: Clir) -> None:
    exact = scores(clir.search("refund", languages="en", size=50))
    least = sorted(exact.values())[-3]
    found = clir.search("refund", languages="en", min_score=least, size=50,
                        aggs={"n": {"value_count": {"field": "lang"}}})  # fmt: skip
    assert scores(found) == {d: s for d, s in exact.items() if s >= least}
    assert found["aggregations"]["n"]["value"] == 3


def test_source_filtering(clir: Clir) -> None:
    hit = hits(clir.search("refund", languages="en", _source=["price"]))[0]
    assert list(hit["_source"]) == ["price"]


def test_translations_collapse_to_the_language_the_reader_reads(clir: Clir) -> None:
    def best(readers: Any) -> list[str]:
        found = clir.search("refund", languages="en", languages_read=readers, size=3,
                            collapse={"field": "clir.group"})  # fmt: skip
        assert len({h["fields"]["clir.group"][0] for h in hits(found)}) == len(hits(found))
        return [h["_id"] for h in hits(found)]

    assert best({"fr": 1.0, "*": 0.05})[0] == "refund.fr"
    assert best({"de": 1.0, "*": 0.05})[0] == "refund.de"


def test_documents_without_a_group_are_hits_of_their_own(
    client: OpenSearch, index_name: str
) -> None:
    clir = fill(client, index_name)
    ungrouped = [{"id": f"more{n}", "lang": "en", "text": f"My refund {n}"} for n in range(3)]
    assert clir.index(ungrouped).indexed == 3
    client.indices.refresh(index=index_name)
    found = hits(
        clir.search("my refund", languages="en", size=10, collapse={"field": "clir.group"})
    )
    assert {"more0", "more1", "more2"} <= {hit["_id"] for hit in found}
    assert sum(hit["_id"].startswith("refund.") for hit in found) == 1


def test_a_preference_multiplies_probabilities(clir: Clir) -> None:
    plain = scores(clir.search("refund", languages="en", size=50))
    wanted = {"fr": 1.0, "en": 0.5}
    found = hits(clir.search("refund", languages="en", languages_read=wanted, size=50))
    assert {h["_source"]["lang"] for h in found} == {"fr", "en"}
    for hit in found:
        expected = plain[hit["_id"]] * wanted[hit["_source"]["lang"]]
        assert hit["_score"] == pytest.approx(expected, abs=1e-5)


def test_snippets_in_the_language_of_the_document(clir: Clir) -> None:
    found = hits(clir.search("my refund", languages="en", highlight=True, size=5))
    by_id = {h["_id"]: snippets(h) for h in found}
    english = "When does <em>my</em> <em>refund</em> for the coffee machine arrive?"
    assert by_id["refund.en"] == [english]
    # Marked by what the search itself took for translations of the question's words.
    question: dict[str, Any] = {"text": "reset the machine", "languages": "en", "size": 5}
    foreign = {h["_id"]: snippets(h) for h in hits(clir.search(**question, highlight=True))}
    assert "<em>マシン</em>" in foreign["reset.ja"][0]
    by_field = clir.search(**question, highlight={"fields": {"text": {}}})
    marked = {h["_id"]: h.get("highlight", {}).get("text") for h in hits(by_field)}
    assert marked["reset.en"] == [
        "How to <em>reset</em> <em>the</em> <em>machine</em> to factory settings"
    ]


def test_explain_by_the_server(clir: Clir) -> None:
    hit = hits(clir.search("refund", languages="en", explain=True))[0]
    assert hit["_explanation"]["value"] == pytest.approx(hit["_score"], abs=1e-6)


def test_many_questions_at_once(clir: Clir) -> None:
    texts = [text for text, _ in QUESTIONS]
    together = clir.msearch(texts, size=4, languages_read=["en", "fr", "de", "ja"])
    apart = [clir.search(t, size=4, languages_read=["en", "fr", "de", "ja"]) for t in texts]
    assert [scores(r) for r in together] == [pytest.approx(scores(r), abs=1e-6) for r in apart]
    assert clir.msearch([]) == []
    with pytest.raises(ClusterError, match="question 1"):
        clir.msearch(["refund"], sort=[{"nowhere": "asc"}])
    with pytest.raises(QueryError, match="several questions"):
        clir.msearch("refund")


def test_custom_routing(client: OpenSearch, index_name: str) -> None:
    routed = fill(client, index_name, shards=3, routed=True)
    everything = scores(routed.search("refund", languages="en", size=50))
    french = routed.search("refund", languages="en", routing="fr", size=50)
    assert french["_shards"]["total"] == 1
    found = scores(french)
    assert "refund.fr" in found
    assert found.keys() <= everything.keys()
    assert all(0 < score < 1 for score in found.values())
    both = routed.search("refund", languages="en", routing="fr,de", size=50)
    assert {"refund.fr", "refund.de"} <= scores(both).keys()
    # The words of one shard are bounded by what that shard knows of them.
    plan = routed.plan("refund", languages="en", routing="en")
    bounds = {e.field: e.bound for e in plan.lexical}
    assert bounds != {e.field: e.bound for e in routed.plan("refund", languages="en").lexical}
    with pytest.raises(QueryError, match="routing"):
        routed.search("refund", routing="")


def test_indices_of_different_generations_are_refused(client: OpenSearch, index_name: str) -> None:
    fill(client, f"{index_name}-1")
    client.indices.create(index=f"{index_name}-2", body={"settings": {"index.knn": True}})
    with patch("opensearch_clir.encoders.background.measure", return_value=BACKGROUND):
        Clir(client, f"{index_name}-2", encoder=ConceptEncoder("2")).setup(
            fields="text", languages="de,en,fr,ja"
        )
    client.indices.put_alias(index=f"{index_name}-*", name=index_name)
    with pytest.raises(IndexStateError, match="clir setup"):
        Clir(client, index_name, encoder=ConceptEncoder()).search("refund")


def test_without_the_right_to_read_term_vectors(
    clir: Clir, caplog: pytest.LogCaptureFixture
) -> None:
    limited = Clir(clir.client, clir.index_name, encoder=ConceptEncoder())
    error = AuthorizationException(403, "security_exception", {"error": {"reason": "no mtv"}})
    exact = [scores(clir.search(q, languages=lang, size=50)) for q, lang in QUESTIONS]
    with (
        patch.object(clir.client, "mtermvectors", side_effect=error),
        caplog.at_level(logging.WARNING),
    ):
        found = [scores(limited.search(q, languages=lang, size=50)) for q, lang in QUESTIONS]
        explanation = limited.explain("my refund", "refund.en", languages="en")
    # No document is in this question's language, and two translations of the answer are close:
    # without the index's counts words weigh less, and they change places.
    swapped = {"réinitialiser la machine": "reset.en"}
    for (text, _), ours, theirs in zip(QUESTIONS, found, exact, strict=True):
        assert next(iter(ours)) == swapped.get(text, next(iter(theirs)))
        assert all(0 < score < 1 for score in ours.values())
    assert any("term vectors" in note for note in explanation.notes)
    assert sum("term vectors" in record.message for record in caplog.records) == 1


def test_a_user_who_may_only_search(secure_server: Instance) -> None:
    rights: dict[str, Any] = {
        "cluster_permissions": ["indices:data/read/msearch"],
        "index_permissions": [
            {
                "index_patterns": ["t-readers"],
                "allowed_actions": ["search", "indices:admin/get", "indices:admin/aliases/get"],
            }
        ],
    }
    api = "/_plugins/_security/api"
    with secure_server.client() as admin:
        admin.indices.delete(index="t-readers", params={"ignore_unavailable": "true"})
        exact = scores(fill(admin, "t-readers", shards=2).search("my refund", languages="en"))
        perform = admin.transport.perform_request
        perform("PUT", f"{api}/roles/t-reader", body=rights)
        user = {"password": PASSWORD, "opendistro_security_roles": ["t-reader"]}
        perform("PUT", f"{api}/internalusers/t-reader", body=user)
        with OpenSearch(
            hosts=list(secure_server.urls),
            http_auth=("t-reader", PASSWORD),
            ca_certs=str(secure_server.ca_certs),
        ) as client:
            reader = Clir(client, "t-readers", encoder=ConceptEncoder())
            found = scores(reader.search("my refund", languages="en"))
            notes = reader.explain("my refund", "refund.en", languages="en").notes
        admin.indices.delete(index="t-readers")
    assert next(iter(found)) == next(iter(exact))
    assert found["refund.en"] == pytest.approx(exact["refund.en"], abs=0.05)
    assert any("term vectors" in note for note in notes)
