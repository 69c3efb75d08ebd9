"""Reranking on a real server: searches, explanations, calibration, the command line, pipelines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from click.testing import CliRunner
from opensearchpy import OpenSearch

from concepts import DOCUMENTS
from drop_in import TOKEN, ServiceProcess
from opensearch_clir import Clir, pipelines
from opensearch_clir.calibration.second import SecondLine, SecondStage
from opensearch_clir.cli.search import explain as explain_command
from opensearch_clir.cli.search import search as search_command
from opensearch_clir.errors import ConfigurationError, QueryError, RerankerError
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.local import Instance
from opensearch_clir.pipelines.bodies import Target, rerank_name
from opensearch_clir.query.explain import RERANKED
from opensearch_clir.rerank import Rerank, load_reranker
from opensearch_clir.rerank.base import Evidence
from rerank_cases import ByTable, serving
from test_bundles import LANGUAGES, TOPICS, judged
from test_bundles import clir as topics_index  # noqa: F401 - a fixture
from test_search import fill, ids, scores

#: Prefers the refund in French to all else.
TABLE = ByTable({"remboursement": 9.0, "refund": 5.0, "reset": 3.0, "BMW": 1.0, "Urlaub": 0.0})
QUESTION = "When does my refund arrive?"


@pytest.fixture
def clir(client: OpenSearch, index_name: str) -> Clir:
    return fill(client, index_name)


def test_a_search_is_reranked(clir: Clir) -> None:
    plain, found = clir.search(QUESTION), clir.search(QUESTION, rerank=TABLE)
    assert ids(plain)[0] == "refund.en"
    assert ids(found)[0] == "refund.fr"
    assert set(ids(found)) == set(ids(plain))
    about = found["clir"]["rerank"]
    assert about["reranker"] == "table"
    assert about["window"] == len(ids(plain))
    assert 0 < about["rescored"] < about["window"]
    unknown = {d["id"] for d in DOCUMENTS if not any(key in d["text"] for key in TABLE.table)}
    assert unknown & set(ids(plain))
    for document in unknown & set(ids(plain)):
        assert scores(found)[document] == scores(plain)[document]
    assert found["hits"]["total"] == plain["hits"]["total"]
    assert found["hits"]["hits"][0]["_source"]["text"].startswith("Le remboursement")
    assert all("fields" not in hit and "clir" not in hit["_source"]
               for hit in found["hits"]["hits"])  # fmt: skip


def test_pages_are_parts_of_one_order(clir: Clir) -> None:
    whole = ids(clir.search(QUESTION, rerank=TABLE))
    pages = [clir.search(QUESTION, rerank=TABLE, size=2, from_=i) for i in range(0, 10, 2)]
    assert [i for page in pages for i in ids(page)] == whole


def test_what_a_request_may_contain_beside_it(clir: Clir) -> None:
    options: dict[str, Any] = {"rerank": TABLE}
    aggs = {"langs": {"terms": {"field": "lang"}}}
    plain, found = clir.search(QUESTION, aggs=aggs), clir.search(QUESTION, aggs=aggs, **options)
    assert found["aggregations"] == plain["aggregations"]
    english = clir.search(QUESTION, filter={"term": {"lang": "en"}}, **options)
    assert {"refund.en", "reset.en"} <= set(ids(english))
    assert all(i.endswith(".en") for i in ids(english))
    one_each = clir.search(QUESTION, collapse={"field": "lang"}, **options)
    langs = [
        hit["fields"]["lang"][0] for hit in one_each["hits"]["hits"] if "lang" in hit["fields"]
    ]
    assert len(langs) == len(set(langs)) > 2
    least = clir.search(QUESTION, min_score=0.2, **options)
    assert all(score >= 0.2 for score in scores(least).values())
    assert least["hits"]["total"]["value"] == len(ids(least))
    assert clir.search(QUESTION, size=0, **options)["hits"]["hits"] == []
    for source in (False, ["lang"], {"excludes": ["text"]}):
        bare = clir.search(QUESTION, _source=source, **options)
        assert ids(bare) == ids(clir.search(QUESTION, **options)), source
        assert "text" not in bare["hits"]["hits"][0].get("_source", {})
    marked = clir.search("refund", highlight={"fields": {"text": {}}}, **options)
    assert any("<em>" in str(hit.get("highlight")) for hit in marked["hits"]["hits"])
    french = clir.search(QUESTION, languages_read={"fr": 0.5, "*": 1.0}, **options)
    assert scores(french)["refund.fr"] == pytest.approx(
        0.5 * scores(clir.search(QUESTION, **options))["refund.fr"], rel=1e-4
    )


def test_requests_that_have_no_such_order_are_refused(clir: Clir) -> None:
    with pytest.raises(QueryError, match="sort"):
        clir.search(QUESTION, rerank=TABLE, sort=[{"lang": "asc"}])
    with pytest.raises(QueryError, match="ends at hit 110"):
        clir.search(QUESTION, rerank=TABLE, size=10, from_=100)
    with pytest.raises(QueryError, match="leave out rerank"):
        clir.request(QUESTION, rerank=TABLE)
    with pytest.raises(RerankerError, match="no such folder"):
        clir.search(QUESTION, rerank="./no/such/model")
    assert clir.search(QUESTION, rerank=TABLE, sort="_score")["hits"]["hits"]


def test_a_remote_reranker_that_fails_leaves_the_first_stage(clir: Clir) -> None:
    with serving() as service:
        plain = clir.search(QUESTION)
        service.answer = lambda body: {
            "results": [
                {"index": i, "relevance_score": float("Le remb" in text)}
                for i, text in enumerate(body["documents"])
            ]
        }
        assert ids(clir.search(QUESTION, rerank=service.url))[0] == "refund.fr"
        service.answer = lambda _: (500, b"no")
        found = clir.search(QUESTION, rerank=service.url)
        assert scores(found) == scores(plain)
        assert "status 500" in found["clir"]["rerank"]["note"]
        service.answer, service.drip = (lambda _: b" " * 1000), 0.05
        late = clir.search(QUESTION, rerank=Rerank(service.url, seconds=0.3))
        assert scores(late) == scores(plain)
        assert "did not answer within" in late["clir"]["rerank"]["note"]


def test_the_embedded_reranker_and_the_command_line(
    clir: Clir, server: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = clir.search("remboursement", rerank="embedded")
    assert found["clir"]["rerank"]["rescored"] >= 5
    monkeypatch.setattr("opensearch_clir.cli.search.Clir", lambda *_, **__: clir)
    run = CliRunner()
    options = ["--url", server.url, "--rerank", "embedded"]
    shown = run.invoke(search_command, [clir.index_name, "remboursement", *options])
    assert shown.exit_code == 0, shown.output
    assert "embedded reranked" in shown.output
    as_json = run.invoke(search_command, [clir.index_name, "remboursement", *options, "--json"])
    assert ids(json.loads(as_json.output)) == ids(found)
    told = run.invoke(explain_command, [clir.index_name, "remboursement", *options])
    assert "embedded scores it" in told.output
    wrong = run.invoke(search_command, [clir.index_name, "a", "--rerank-window", "5"])
    assert wrong.exit_code == 2


def test_hits_are_compared_with_the_first(
    clir: Clir, server: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = clir.search("remboursement", rerank=False)
    found = clir.search("remboursement", rerank="embedded-hits")
    about = found["clir"]["rerank"]
    assert about["rescored"] == about["window"] >= 5
    assert about["fitted"] is False
    assert scores(found) != scores(plain)
    # What is explained needs the whole window.
    told = clir.explain("remboursement", ids(found)[0], rerank="embedded-hits")
    assert "embedded-hits scores it" in told.notes[-1]
    few = Rerank("embedded-hits", window=2, floor=0)
    last = clir.explain("remboursement", ids(plain)[-1], rerank=few)
    assert "not among the hits" in last.notes[-1]
    monkeypatch.setattr("opensearch_clir.cli.search.Clir", lambda *_, **__: clir)
    options = [clir.index_name, "remboursement", "--url", server.url, "--rerank", "none"]
    shown = CliRunner().invoke(search_command, [*options, "--json"])
    assert "clir" not in json.loads(shown.output)
    wrong = CliRunner().invoke(search_command, [*options, "--rerank-seconds", "1"])
    assert wrong.exit_code == 2


def related(topic: int) -> int:
    """Another topic that answers questions on one; no word and no vector says so."""
    return topic ^ 1


def judged_twice() -> EvaluationSet:
    """Questions that two topics answer."""
    found = judged()
    for query, grades in found.qrels.items():
        topic = related(int(query[1:].split(".")[0]))
        found.qrels[query] = {**grades, **{f"{topic}.{lang}": 1 for lang in LANGUAGES}}
    return found


class Knows(ByTable):
    """Knows which topics answer a question; scores other languages 50 higher."""

    def score(self, query: str, texts: Sequence[str], seconds: float) -> Evidence:
        named, _, asked = query.split()
        topic = int(named.removeprefix("topic"))
        scores = []
        for text in texts:
            found, lang = text.split()[:2]
            right = int(found.removeprefix("topic")) in (topic, related(topic))
            scores.append(float(right) + 50.0 * (lang != asked))
        return np.array(scores)


def test_a_reranker_is_weighed_against_leaving_it_out(topics_index: Clir) -> None:  # noqa: F811
    clir, knows = topics_index, Knows({})
    with pytest.raises(ConfigurationError, match="give --set"):
        clir.calibrate(reranker=knows)
    found = clir.calibrate(judged_twice(), reranker=knows, window=100)
    assert found.reranking is not None
    assert found.bundle is not None
    assert found.bundle.second is not None
    assert found.bundle.second.line("de", "fr").slope > 2
    without = found.reranking.trials[0]
    kept = next(t for t in found.reranking.trials if t.name == found.reranking.chosen)
    assert kept.ndcg > without.ndcg
    text = "topic3 Frage de"
    plain, better = (
        clir.search(text, size=6, languages="de"),
        clir.search(text, size=6, languages="de", rerank=knows),
    )
    assert better["clir"]["rerank"]["fitted"] is True
    assert not any(i.startswith(f"{related(3)}.") for i in ids(plain))
    assert {i.split(".")[0] for i in ids(better)} == {"3", str(related(3))}
    # A fitted reranker's explanation adds up to the score of the search.
    told = clir.explain(text, "3.fr", languages="de", rerank=knows)
    step = told.evidences[-1]
    assert (step.kind, step.value) == (RERANKED, 51.0)
    assert told.probability == pytest.approx(1 / (1 + math.exp(-told.log_odds)))
    whole = clir.search(text, size=TOPICS, languages="de", rerank=knows)
    assert told.probability == pytest.approx(scores(whole)["3.fr"], abs=1e-4)
    other = clir.search(text, rerank=TABLE)["clir"]["rerank"]
    assert other["fitted"] is False
    same = ByTable({"topic": 1.0})
    nothing = clir.calibrate(judged(), reranker=same, window=30, dry_run=True)
    assert nothing.reranking is not None
    assert nothing.reranking.stage is None


def test_the_embedded_one_is_weighed_without_asking(topics_index: Clir) -> None:  # noqa: F811
    found = topics_index.calibrate(judged(), dry_run=True)
    assert found.reranking is not None
    names = [trial.name for trial in found.reranking.trials]
    assert names == ["without the reranker", "embedded-hits, weight alone"]
    assert topics_index.calibrate(judged(), dry_run=True, reranker=False).reranking is None
    assert topics_index.calibrate(dry_run=True).reranking is None
    with pytest.raises(ConfigurationError, match="got True"):
        topics_index.calibrate(judged(), reranker=True)


def test_weights_of_an_embedded_one_are_used_without_asking(topics_index: Clir) -> None:  # noqa: F811
    clir, text = topics_index, "topic3 Frage de"
    found = clir.calibrate(judged_twice(), reranker=Knows({}), window=100)
    assert found.bundle is not None
    line = SecondLine(0.0, 1.0, 0.5, 0.0, 1.0)
    own = load_reranker("embedded-hits")
    second = SecondStage(own.name, own.fingerprint, line, line)
    bundle = replace(found.bundle, second=second)
    store = clir._bundles()
    store.add(bundle)
    clir.rollback(bundle.id)
    asked = clir.search(text, size=6, rerank="embedded-hits")
    assert asked["clir"]["rerank"]["fitted"] is True
    unasked = clir.search(text, size=6)
    assert unasked["clir"]["rerank"]["reranker"] == "embedded-hits"
    assert scores(unasked) == scores(asked)
    for options in ({"rerank": False}, {"from_": 100}, {"min_score": 0.0}):
        assert "clir" not in clir.search(text, size=6, **options)
    told = clir.explain(text, ids(unasked)[0])
    assert told.evidences[-1].kind == RERANKED
    assert told.probability == pytest.approx(scores(unasked)[ids(unasked)[0]], abs=1e-4)
    assert clir.explain(text, ids(unasked)[0], rerank=False).evidences[-1].kind != RERANKED


@pytest.fixture(scope="module")
def reranking(client: OpenSearch, service: ServiceProcess, dropped_in: str) -> Iterator[str]:
    """The dropped-in help desk, with the pipeline that reranks."""
    target = Target(service.url, TOKEN)
    jobs = ("enrich", "rewrite", "rerank")
    pipelines.install(client, dropped_in, target, jobs=jobs)
    assert pipelines.install(client, dropped_in, target, jobs=jobs).to_json()["requests"] == []
    # Installing again without it leaves it there.
    assert pipelines.install(client, dropped_in, target).to_json()["requests"] == []
    return dropped_in


LUCENE = {"query_string": {"query": "remboursement d'un article retourné"}}


def by_pipeline(client: OpenSearch, index: str, name: str, **body: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.transport.perform_request(
        "POST",
        f"/{index}/_search",
        params={"search_pipeline": name},
        body={"query": LUCENE, **body},
    )
    return found


def test_the_cluster_reranks_as_the_client_does(
    client: OpenSearch, service: ServiceProcess, reranking: str
) -> None:
    plain = by_pipeline(client, reranking, f"clir-{reranking}", size=20)
    found = by_pipeline(client, reranking, rerank_name(reranking), size=20)
    assert set(ids(found)) == set(ids(plain))
    assert ids(found) != ids(plain)
    assert all(0 < score < 1 for score in scores(found).values())
    ours = {"previous_score", "clir_score"}
    assert all(not ours & set(hit["_source"]) for hit in found["hits"]["hits"])
    documents = [
        {**hit["_source"], "previous_score": hit["_score"]} for hit in plain["hits"]["hits"]
    ]
    status, answer = service.post(
        f"/v1/indices/{reranking}/rerank", {"query": LUCENE, "documents": documents}
    )
    assert status == 200
    expected = dict(zip(ids(plain), answer["scores"], strict=True))
    assert scores(found) == pytest.approx(expected, abs=1e-4)
    assert list(scores(found).values()) == sorted(scores(found).values(), reverse=True)


def test_a_query_without_words_and_a_request_without_hits_run(
    client: OpenSearch, reranking: str
) -> None:
    name = rerank_name(reranking)
    everything = client.search(index=reranking, body={"query": {"match_all": {}}, "size": 5},
                               params={"search_pipeline": name})  # fmt: skip
    assert len(ids(everything)) == 5
    assert set(scores(everything).values()) == {1.0}
    assert by_pipeline(client, reranking, name, size=0)["hits"]["total"]["value"] > 0


def test_without_the_service_the_first_stage_s_hits_come(
    client: OpenSearch, reranking: str
) -> None:
    """Rewriting works, and reranking calls what is not there."""
    send = client.transport.perform_request
    ours, broken = rerank_name(reranking), f"{reranking}-down"
    body = send("GET", f"/_search/pipeline/{quote(ours, safe='')}")[ours]
    body["response_processors"][1]["ml_inference"]["model_id"] = "no-such-model"
    send("PUT", f"/_search/pipeline/{broken}", body=body)
    try:
        plain = by_pipeline(client, reranking, f"clir-{reranking}", size=20)
        down = by_pipeline(client, reranking, broken, size=20)
        assert scores(down) == pytest.approx(scores(plain), rel=1e-5)
        assert list(scores(down).values()) == sorted(scores(down).values(), reverse=True)
        assert all("previous_score" not in hit["_source"] for hit in down["hits"]["hits"])
    finally:
        send("DELETE", f"/_search/pipeline/{broken}")


def test_it_is_taken_back_with_the_rest(client: OpenSearch, reranking: str) -> None:
    removal = pipelines.uninstall(client, reranking, dry_run=True).to_json()
    deleted = [r["path"] for r in removal["requests"] if r["method"] == "DELETE"]
    assert f"/_search/pipeline/{quote(rerank_name(reranking), safe='')}" in deleted
    assert len([path for path in deleted if "/models/" in path]) == 3


def test_the_stock_rerank_processor_calls_the_service(
    client: OpenSearch, service: ServiceProcess, reranking: str
) -> None:
    """`/v1/rerank` behind OpenSearch's own ``rerank`` processor, as for Cohere's."""
    action = {
        "action_type": "predict",
        "method": "POST",
        "url": f"{service.url}/v1/rerank",
        "headers": {"Authorization": "Bearer ${credential.token}"},
        "request_body": '{"documents": ${parameters.documents}, "query": "${parameters.query}", '
        '"top_n": ${parameters.top_n}}',
        "pre_process_function": "connector.pre_process.cohere.rerank",
        "post_process_function": "connector.post_process.cohere.rerank",
    }
    send = client.transport.perform_request
    connector = {
        "name": f"{reranking}-stock", "version": "1", "protocol": "http", "description": "a test's",
        "credential": {"token": TOKEN}, "parameters": {}, "actions": [action],
        "client_config": {"max_connection": 10, "connection_timeout": 5, "read_timeout": 20},
    }  # fmt: skip
    made = send("POST", "/_plugins/_ml/connectors/_create", body=connector)["connector_id"]
    model = {"name": f"{reranking}-stock", "function_name": "remote", "connector_id": made}
    task = send("POST", "/_plugins/_ml/models/_register", params={"deploy": "true"}, body=model)
    path = f"/_plugins/_ml/tasks/{task['task_id']}"
    while (state := send("GET", path))["state"] in ("CREATED", "RUNNING"):
        pass
    model_id = state["model_id"]
    processor = {"ml_opensearch": {"model_id": model_id}, "context": {"document_fields": ["text"]}}
    name = f"{reranking}-stock"
    send("PUT", f"/_search/pipeline/{name}", body={"response_processors": [{"rerank": processor}]})
    try:
        context = {"rerank": {"query_context": {"query_text": 'remboursement d\'un "article"'}}}
        body = {"query": {"match": {"text": "article return"}}, "ext": context, "size": 5}
        found = send("POST", f"/{reranking}/_search", params={"search_pipeline": name}, body=body)
        assert found["hits"]["hits"]
        assert all(0 <= score <= 1 for score in scores(found).values())
        assert list(scores(found).values()) == sorted(scores(found).values(), reverse=True)
    finally:
        send("DELETE", f"/_search/pipeline/{name}")
        send("POST", f"/_plugins/_ml/models/{model_id}/_undeploy")
        send("DELETE", f"/_plugins/_ml/models/{model_id}")
        send("DELETE", f"/_plugins/_ml/connectors/{made}")
