"""Debiasing on a real server: set up, store, write, search, switch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opensearchpy import OpenSearch

from opensearch_clir.clir import Clir
from opensearch_clir.debias.store import DEBIAS_INDEX
from opensearch_clir.encoders.base import Role, Vectors
from opensearch_clir.errors import DataError, GenerationMismatchError, IndexStateError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.ingest.pipeline import Enricher
from opensearch_clir.language.registry import load_detector
from opensearch_clir.settings import load_settings
from opensearch_clir.setup import Options, read_schema, set_up

WORDS = {"en": "cat dog sun moon", "fr": "chat chien soleil lune", "de": "katze hund sonne mond"}


class Leaning:
    """Eight numbers: the concept, and more of the language."""

    name, dimension, fingerprint = "leaning", 8, "e" * 64

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        rows = np.zeros((len(texts), 8), dtype=np.float32)
        for row, text in enumerate(texts):
            for lang, (_, words) in enumerate(WORDS.items()):
                for concept, word in enumerate(words.split()):
                    rows[row, concept] += text.split().count(word)
                    rows[row, 4 + lang] += 1.5 * text.split().count(word)
            rows[row, 7] = 0.01 * (len(text) % 3 + 1)
        return rows


DOCUMENTS = [
    {"id": f"{lang}{n}", "title": f"{word} " * (1 + n % 3), "lang": lang}
    for lang, words in WORDS.items()
    for n, word in enumerate(words.split() * 12)
]


@pytest.fixture
def made(client: OpenSearch, index_name: str) -> Iterator[Clir]:
    """An index of plain vectors; debiasings stored meanwhile are removed."""
    clir = Clir(client, index_name, encoder=Leaning())
    clir.setup(fields="title", languages="en,fr,de", lang_field="lang")
    clir.index(DOCUMENTS)
    client.indices.refresh(index=index_name)
    yield clir
    for generation in read_schema(client, index_name).generations:
        client.delete(index=DEBIAS_INDEX, id=generation, params={"ignore": 404})


def change(clir: Clir, **arguments: Any) -> IndexSchema:
    options = Options(activate=arguments.pop("activate", None))
    settings = load_settings(None, **arguments)
    return set_up(clir.client, clir.index_name, settings, encoder=Leaning(), options=options)


def fresh(clir: Clir) -> Clir:
    return Clir(clir.client, clir.index_name, encoder=Leaning())


def nearest(clir: Clir, text: str, lang: str, size: int = 27) -> list[str]:
    """Languages of the nearest neighbours by vector alone."""
    plan = fresh(clir).plan(text, languages=lang, k=size)
    assert plan.vector is not None
    knn = {"knn": {plan.vector_field: {"vector": plan.vector.tolist(), "k": size}}}
    hits = clir.client.search(index=clir.index_name, body={"query": knn, "size": size})
    return [hit["_source"]["lang"] for hit in hits["hits"]["hits"]]


def test_a_debiased_generation_beside_the_old(client: OpenSearch, made: Clir) -> None:
    old = made.schema
    assert nearest(made, "chien", "fr") == ["fr"] * 27
    beside = change(made, debias="centre")
    assert beside.active == old.active
    assert len(beside.generations) == 2
    assert nearest(made, "chien", "fr") == ["fr"] * 27  # nothing has changed for queries
    schema = change(made, debias="centre", activate=True)
    assert schema.active != old.active
    assert schema.generation.debias is not None
    assert schema.generation.debias.method == "centre"
    stored = client.get(index=DEBIAS_INDEX, id=schema.active)["_source"]
    assert stored["digest"] == schema.generation.debias.digest
    assert stored["languages"] == ["de", "en", "fr", "und"]
    assert client.indices.get(index=DEBIAS_INDEX, params={"expand_wildcards": "all"})
    fresh(made).index(DOCUMENTS)
    client.indices.refresh(index=made.index_name)
    assert set(nearest(made, "chien", "fr")) == {"fr", "en", "de"}


def test_repeating_changes_nothing(made: Clir) -> None:
    first = change(made, debias="lir:1", activate=True)
    fresh(made).index([{"id": "new", "title": "hund sonne", "lang": "de"}])
    assert change(made, debias="lir:1", activate=True) == first
    assert change(made) == first
    assert set_up(made.client, made.index_name, load_settings(None), encoder=Leaning()) == first
    back = change(made, debias="none", activate=True)
    assert back.generation.debias is None
    assert back.active != first.active


def test_documents_and_queries_are_debiased_alike(client: OpenSearch, made: Clir) -> None:
    schema = change(made, debias="shift", activate=True)
    fresh(made).index([{"id": "twin", "title": "katze mond", "lang": "de"}])
    found = client.get(index=made.index_name, id="twin")["_source"]["clir"]["v"][schema.active]
    vector = fresh(made).plan("katze mond", languages="de").vector
    assert vector is not None
    np.testing.assert_allclose(found, vector, atol=1e-6)
    unlike = fresh(made).plan("katze mond", languages="fr").vector
    assert unlike is not None
    assert np.abs(unlike - vector).max() > 0.01


def test_a_writer_without_the_debiasing_is_refused(made: Clir) -> None:
    schema = change(made, debias="centre", activate=True)
    detector = load_detector(schema.detector, schema.languages)
    with pytest.raises(GenerationMismatchError, match="debiased by centre"):
        Enricher(schema, Leaning(), detector)


def test_a_lost_debiasing_is_told_and_made_again(client: OpenSearch, made: Clir) -> None:
    schema = change(made, debias="centre", activate=True)
    client.delete(index=DEBIAS_INDEX, id=schema.active, params={"refresh": "true"})
    with pytest.raises(IndexStateError, match=r"is missing: .*--debias centre"):
        fresh(made).search("dog")
    again = change(made, debias="centre", activate=True)
    assert again.active == schema.active  # the same documents give the same debiasing
    assert fresh(made).search("dog", languages="en")["hits"]["hits"]


def test_a_changed_debiasing_is_refused(client: OpenSearch, made: Clir) -> None:
    schema = change(made, debias="centre", activate=True)
    client.update(
        index=DEBIAS_INDEX, id=schema.active, body={"doc": {"languages": ["en", "fr", "ja", "und"]}}
    )
    with pytest.raises(IndexStateError, match="damaged"):
        fresh(made).search("dog")


def test_a_new_index_needs_a_sample(client: OpenSearch, index_name: str, tmp_path: Path) -> None:
    wanted = {"fields": "title", "languages": "en,fr,de", "debias": "centre"}
    with pytest.raises(DataError, match="--debias-sample"):
        set_up(client, index_name, load_settings(None, **wanted), encoder=Leaning())
    assert not client.indices.exists(index=index_name)
    sample = tmp_path / "sample.jsonl"
    lines = [f'{{"text": "{d["title"]}", "lang": "{d["lang"]}"}}' for d in DOCUMENTS]
    sample.write_text("\n".join(lines))
    schema = set_up(
        client,
        index_name,
        load_settings(None, **wanted, debias_sample=sample),
        encoder=Leaning(),
    )
    try:
        assert schema.generation.debias is not None
        clir = Clir(client, index_name, encoder=Leaning())
        assert clir.index(DOCUMENTS).indexed == len(DOCUMENTS)
    finally:
        client.delete(index=DEBIAS_INDEX, id=schema.active)
