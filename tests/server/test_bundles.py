"""Calibrating a real index: bundles stored, moved, gone back from, refused, and taken away."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from click.testing import CliRunner
from opensearchpy import OpenSearch

from concepts import BACKGROUND
from opensearch_clir import Clir
from opensearch_clir.calibration.store import BUILTIN, BUNDLES, Store
from opensearch_clir.cli.calibrate import calibrate as command
from opensearch_clir.encoders.base import Role, Vectors
from opensearch_clir.errors import (
    ClusterError,
    ConfigurationError,
    DataError,
    GenerationMismatchError,
)
from opensearch_clir.evaluation.sets import Document, EvaluationSet, Query
from opensearch_clir.local import Instance
from opensearch_clir.setup import uninstall

TOPICS = 40
LANGUAGES = ("de", "en", "fr")


class TopicEncoder:
    """Texts of one topic, ``topic7``, are alike; all share some noise."""

    name, fingerprint, dimension = "topics", "e" * 64, 16

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        return np.array([self._vector(text) for text in texts], dtype=np.float32)

    def _vector(self, text: str) -> Any:
        topic = int(text.split()[0].removeprefix("topic"))
        meaning = np.random.default_rng(topic).normal(size=16)
        noise = np.random.default_rng(len(text) + sum(map(ord, text))).normal(size=16)
        vector = meaning + 0.8 * noise
        return vector / np.linalg.norm(vector)


def judged() -> EvaluationSet:
    documents = {
        f"{topic}.{lang}": Document(f"{topic}.{lang}", lang, f"topic{topic} {lang} Text {topic}")
        for topic in range(TOPICS)
        for lang in LANGUAGES
    }
    queries = {
        f"q{topic}.{lang}": Query(f"q{topic}.{lang}", lang, f"topic{topic} Frage {lang}")
        for topic in range(TOPICS)
        for lang in ("de", "en")
    }
    qrels = {
        query: {f"{query[1:].split('.')[0]}.{lang}": 1 for lang in LANGUAGES} for query in queries
    }
    return EvaluationSet("topics", documents, queries, qrels)


@pytest.fixture
def clir(client: OpenSearch, index_name: str) -> Iterator[Clir]:
    found = Clir(client, index_name, encoder=TopicEncoder())
    with patch("opensearch_clir.encoders.background.measure", return_value=BACKGROUND):
        found.setup(fields="text", lang_field="lang", group_field="group", languages="de,en,fr")
    documents = (
        {"id": d.id, "text": d.text, "lang": d.lang, "group": d.id.split(".")[0]}
        for d in judged().documents.values()
    )
    assert found.index(documents).indexed == TOPICS * len(LANGUAGES)
    client.indices.refresh(index=index_name)
    yield found
    body = {"query": {"term": {"index": index_name}}}
    client.delete_by_query(
        index=BUNDLES, body=body, params={"refresh": "true", "ignore_unavailable": "true"}
    )


def test_judgments_are_stored_and_searched_with(client: OpenSearch, clir: Clir) -> None:
    before = clir.search("topic3 Frage", languages="de", size=1)["hits"]["hits"][0]["_score"]
    assert clir.calibration == "built-in parameters"
    dry = clir.calibrate(judged(), dry_run=True)
    assert dry.bundle is not None
    assert clir.bundles() == []
    found = clir.calibrate(judged())
    assert found.bundle is not None
    assert found.stored
    assert found.bundle.parameters == dry.bundle.parameters
    assert clir.bundles() == [(found.bundle, True)]
    assert found.bundle.id in clir.calibration
    other = Clir(client, clir.index_name, encoder=TopicEncoder())
    after = other.search("topic3 Frage", languages="de", size=1)["hits"]["hits"][0]["_score"]
    assert after != before
    assert after == clir.search("topic3 Frage", languages="de", size=1)["hits"]["hits"][0]["_score"]
    assert found.bundle.id in other.explain("topic3 Frage", "3.de", languages="de").calibration
    settings = client.indices.get_settings(index=BUNDLES)[BUNDLES]["settings"]["index"]
    assert settings["hidden"] == "true"


def test_the_way_back(clir: Clir) -> None:
    first = clir.calibrate(judged()).bundle
    second = clir.calibrate(judged(), seed=1).bundle
    assert first is not None
    assert second is not None
    assert [(b.id, active) for b, active in clir.bundles()] == [
        (second.id, True),
        (first.id, False),
    ]
    clir.rollback(first.id)
    assert first.id in clir.calibration
    clir.rollback()
    assert clir.calibration == "built-in parameters"
    with pytest.raises(ConfigurationError, match="--history"):
        clir.rollback("000000000000")


def test_of_two_calibrations_at_once_the_second_is_told(client: OpenSearch, clir: Clir) -> None:
    store = Store(client, clir.index_name)
    seen = store.pointer()
    bundle = clir.calibrate(judged()).bundle
    assert bundle is not None
    late = replace(bundle, created="2030-01-01T00:00:00.000Z")
    store.add(late)
    with pytest.raises(ClusterError, match=f"bundle {bundle.id} is active; {late.id} is kept"):
        store.move(late.id, seen)
    assert store.pointer().active == bundle.id
    again = store.pointer()
    store.move(BUILTIN, again)
    with pytest.raises(ClusterError, match="finished meanwhile"):
        store.move(late.id, again)


def test_a_bundle_for_other_analyzers_is_refused_and_not_searched_with(
    client: OpenSearch, clir: Clir
) -> None:
    bundle = clir.calibrate(judged()).bundle
    assert bundle is not None
    store = Store(client, clir.index_name)
    old = replace(bundle, conditions=replace(bundle.conditions, analyzers="0" * 16))
    store.add(old)
    with pytest.raises(GenerationMismatchError, match="clir calibrate"):
        clir.rollback(old.id)
    store.move(old.id, store.pointer())
    other = Clir(client, clir.index_name, encoder=TopicEncoder())
    assert other.search("topic3 Frage", languages="de")["hits"]["hits"]
    assert other.calibration.startswith("built-in parameters: ")


def test_an_edited_bundle_is_refused(client: OpenSearch, clir: Clir) -> None:
    bundle = clir.calibrate(judged()).bundle
    assert bundle is not None
    body = {"doc": {"bundle": {"parameters": {"own": 99.0}}}}
    client.update(index=BUNDLES, id=f"bundle:{bundle.id}", body=body, params={"refresh": "true"})
    with pytest.raises(DataError, match="checksum"):
        clir.rollback(bundle.id)
    assert clir.bundles() == []
    other = Clir(client, clir.index_name, encoder=TopicEncoder())
    assert "checksum" in other.calibration


def test_ids_that_are_not_in_the_index_are_listed(clir: Clir) -> None:
    moved = {q: {f"x{d}": g for d, g in found.items()} for q, found in judged().qrels.items()}
    documents = {f"x{d.id}": replace(d, id=f"x{d.id}") for d in judged().documents.values()}
    with pytest.raises(DataError, match=r"120 of the 120 .* x0\.de, .* and 110 more"):
        clir.calibrate(replace(judged(), qrels=moved, documents=documents))


def test_one_language_is_refused_with_the_remedy(clir: Clir) -> None:
    full = judged()
    queries = {q.id: q for q in full.queries.values() if q.lang == "de"}
    qrels = {q: {d: 1 for d in full.qrels[q] if d.endswith(".de")} for q in queries}
    with pytest.raises(DataError, match=r"one language only \(de\)"):
        clir.calibrate(replace(full, queries=queries, qrels=qrels))


def test_a_language_without_judgments_goes_by_its_class_and_is_named(clir: Clir) -> None:
    full = judged()
    qrels = {
        query: {d: 1 for d in found if not d.endswith(".fr")} for query, found in full.qrels.items()
    }
    found = clir.calibrate(replace(full, qrels=qrels))
    assert found.bundle is not None
    (note,) = (n for n in found.notes if "never seen at the fit" in n)
    assert "never seen at the fit: fr;" in note
    question: dict[str, Any] = {"languages": "de"}
    french = clir.explain("topic3 Frage", "3.fr", **question)
    assert "de>fr was not seen at the fit: the weights of its class count" in french.calibration
    assert "not seen" not in clir.explain("topic3 Frage", "3.en", **question).calibration
    # It is found and scored all the same.
    hits = clir.search("topic3 Frage", size=3, **question)["hits"]["hits"]
    assert {hit["_id"] for hit in hits} == {"3.de", "3.en", "3.fr"}


def test_groups_serve_without_judgments(clir: Clir) -> None:
    found = clir.calibrate(prevalence=0.02)
    assert found.fitted_on.source == "groups"
    assert found.fitted_on.topics == TOPICS
    assert found.trials[0].name == "leave alone"
    assert found.bundle is not None
    assert "prevalence 0.02" in found.chosen
    with pytest.raises(ConfigurationError, match="leave out one of the two"):
        clir.calibrate(judged(), prevalence=0.02)


def test_commands_and_uninstall(client: OpenSearch, server: Instance, clir: Clir) -> None:
    bundle = clir.calibrate(judged()).bundle
    assert bundle is not None

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(command, [clir.index_name, *arguments, "--url", server.urls[0]])

    listed = run("--history", "--json")
    assert listed.exit_code == 0
    (entry,) = json.loads(listed.stdout)
    assert (entry["id"], entry["active"]) == (bundle.id, True)
    back = run("--rollback", BUILTIN)
    assert (back.exit_code, "built-in parameters" in back.stdout) == (0, True)
    unknown = run("--rollback", "nothing")
    assert (unknown.exit_code, len(unknown.stderr.splitlines())) == (1, 1)
    assert run("--history", "--dry-run").exit_code == 2
    plan = uninstall(client, clir.index_name)
    assert any(BUNDLES in request.path for request in plan.requests)
    assert Store(client, clir.index_name).pointer().seq_no is None
    assert Store(client, clir.index_name).history() == []


def test_a_broken_set_is_told_with_its_files(clir: Clir, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"queries\.tsv"):
        clir.calibrate(tmp_path)
