"""A cross-encoder of `clir train` with a real server: `Clir.search`, and a search pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opensearchpy import OpenSearch, helpers

from drop_in import TOKEN, ServiceProcess
from opensearch_clir import Clir, pipelines
from opensearch_clir.local import Instance
from opensearch_clir.pipelines.bodies import Target, rerank_name
from test_cross_encoder import trained  # noqa: F401 - a fixture
from test_search import scores
from tiny_cases import WORDS

INDEX = "t-cross-encoder"

QUESTION = f"the {WORDS[0][0]}"

JOBS = ("enrich", "rewrite", "rerank")


@pytest.fixture(scope="module")
def reranking(
    client: OpenSearch,
    server: Instance,
    trained: Path,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Clir]:
    """An index filled and searched through the cluster's pipelines, by a service that reranks."""
    service = ServiceProcess(
        server, tmp_path_factory.mktemp("service"), "--reranker", str(trained), "--least", "0.0001"
    )
    service.start()
    client.indices.delete(index=INDEX, ignore_unavailable=True)
    client.indices.create(index=INDEX, body={"settings": {"index.knn": True}})
    clir = Clir(client, INDEX)
    clir.setup(fields="text", languages="de,en")
    pipelines.install(client, INDEX, Target(service.url, TOKEN), jobs=JOBS)
    actions = [
        {"_index": INDEX, "_id": other, "_source": {"text": f"die {other}"}} for _, other in WORDS
    ]
    done, errors = helpers.bulk(client, actions, refresh=True)
    assert (done, errors) == (len(WORDS), [])
    yield clir
    pipelines.uninstall(client, INDEX)
    client.indices.delete(index=INDEX)
    assert service.stop() == 0


def test_the_client_and_the_cluster_rerank_alike(
    client: OpenSearch,
    reranking: Clir,
    trained: Path,  # noqa: F811
) -> None:
    plain = scores(reranking.search(QUESTION, feedback=False, size=20))
    found = reranking.search(QUESTION, feedback=False, rerank=str(trained), size=20)
    ours = scores(found)
    assert found["clir"]["rerank"]["rescored"] == len(ours) == len(WORDS)
    assert next(iter(ours)) == WORDS[0][1]
    # How sure the cross-encoder is shows: the right text rises, the mean of the others falls.
    assert ours != plain

    theirs = client.transport.perform_request(
        "POST",
        f"/{INDEX}/_search",
        params={"search_pipeline": rerank_name(INDEX)},
        body={"query": {"match": {"text": QUESTION}}, "size": 20},
    )
    # A rewritten query finds what is probable enough, and the window is what it found.
    assert len(scores(theirs)) >= 4
    assert list(scores(theirs)) == [id_ for id_ in ours if id_ in scores(theirs)]
    for id_, score in scores(theirs).items():
        assert score == pytest.approx(ours[id_], abs=1e-4)
