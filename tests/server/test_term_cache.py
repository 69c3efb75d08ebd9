"""Remembered term statistics against what the server says anew, while the index changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opensearchpy import OpenSearch, helpers

from opensearch_clir.query.lookup import TermLookup
from opensearch_clir.query.term_cache import POSTINGS

TERMS = [f"w{n}" for n in range(40)]

#: The test adds to each document what makes the field large enough to be remembered.
FILLING = [f"f{n}" for n in range(200)]


@pytest.fixture(params=[1, 3])
def filled(request: pytest.FixtureRequest, client: OpenSearch, index_name: str) -> Iterator[str]:
    client.indices.create(
        index=index_name,
        body={
            "settings": {"index.number_of_shards": request.param, "index.refresh_interval": "-1"},
            "mappings": {"properties": {"words": {"type": "keyword"}, "text": {"type": "text"}}},
        },
    )
    count = request.param * (POSTINGS // len(FILLING)) * 2
    helpers.bulk(client, (document(index_name, n) for n in range(count)), refresh=True)
    yield index_name
    client.indices.delete(index=index_name)


def document(index: str, number: int, *more: str) -> dict[str, object]:
    words = [*FILLING, *(term for n, term in enumerate(TERMS[:30]) if number % (n + 1) == 0), *more]
    return {"_index": index, "_id": str(number), "words": words, "text": f"number {number}"}


def test_remembered_is_what_the_server_says(client: OpenSearch, filled: str) -> None:
    lookup = TermLookup(client, filled)

    def agrees(*terms: str) -> None:
        texts = {"words": list(terms), "text": "number 7"}
        remembered, anew = lookup.read(texts), TermLookup(client, filled).read(texts)
        for path in texts:
            assert remembered[path].documents == anew[path].documents
            assert sorted(remembered[path].terms, key=str) == sorted(anew[path].terms, key=str)

    agrees(*TERMS[:20])
    agrees(*TERMS[10:40])
    # A word that no document had: written, but not seen before the refresh.
    helpers.bulk(client, [document(filled, 9_999, "w35")])
    agrees("w1", "w35")
    client.indices.refresh(index=filled)
    agrees("w1", "w35")
    (found,) = [t for t in lookup.read({"words": ["w35"]})["words"].terms if t.token == "w35"]
    assert found.documents == 1
    # Deleted documents count until they are merged away, whenever the server sees fit.
    client.delete(index=filled, id="9999", params={"refresh": "true"})
    agrees("w1", "w2", "w35")
    client.indices.forcemerge(index=filled, params={"max_num_segments": "1"})
    client.indices.refresh(index=filled)
    agrees("w1", "w2", "w35")


def test_known_terms_do_not_travel_again(client: OpenSearch, filled: str) -> None:
    lookup = TermLookup(client, filled)
    first = lookup.read({"words": TERMS})
    sent: list[int] = []
    original = client.transport.perform_request

    def counting(method: str, url: str, **rest: object) -> object:
        body = rest.get("body")
        assert isinstance(body, dict)
        sent.extend(len(doc["doc"]["words"]) for doc in body["docs"])
        return original(method, url, **rest)

    client.transport.perform_request = counting
    try:
        assert lookup.read({"words": TERMS}) == first
    finally:
        client.transport.perform_request = original
    assert set(sent) == {1}
