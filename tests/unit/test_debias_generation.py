"""A debiasing as part of the vector generation: ids, set-up, settings, background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from opensearch_clir.debias import Debias, GenerationEncoder, Method
from opensearch_clir.encoders.background import measure, sample
from opensearch_clir.encoders.base import Role
from opensearch_clir.errors import ConfigurationError, IndexStateError
from opensearch_clir.index_templates.schema import DebiasReference, IndexSchema
from opensearch_clir.ingest.processors.language import tagged_posterior
from opensearch_clir.settings import load_settings
from opensearch_clir.setup.debias_sample import CERTAIN, PER_LANGUAGE, vectors_by_language
from opensearch_clir.setup.desired import desired_schema
from opensearch_clir.setup.generation import build_generation, generation_id
from opensearch_clir.setup.inspect import IndexState
from query_cases import schema as query_schema

D = 8


class Leaning:
    """Random vectors that lean towards one axis for each script of the built-in sample."""

    name, dimension, fingerprint = "leaning", D, "a" * 64

    def encode(self, texts: Sequence[str], role: Role) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), D), dtype=np.float32)
        for row, text in enumerate(texts):
            rows[row] = np.random.default_rng(len(text)).normal(size=D)
            rows[row, LANGUAGE.get(text, 0) % D] += 6
        return rows


LANGUAGE = {
    text: number
    for number, kinds in enumerate(sample().values())
    for texts in kinds.values()
    for text in texts
}


def centring() -> Debias:
    offsets = {}
    for number, code in enumerate([*sample(), "und"]):
        offset = np.zeros(D, dtype=np.float32)
        if code != "und":
            offset[number % D] = -0.9
        offsets[code] = offset
    return Debias(Method("centre"), D, offsets)


def test_the_id_is_that_of_older_versions_without_and_another_with() -> None:
    debias = centring()
    plain = generation_id(Leaning())
    assert plain == generation_id(Leaning(), None, None, None)
    other = Debias(debias.method, D, {**debias.offsets, "en": debias.offsets["und"]})
    ids = {plain, *(generation_id(Leaning(), None, None, d) for d in (debias, other))}
    assert len(ids) == 3


def test_the_background_is_that_of_debiased_vectors() -> None:
    plain, debias = measure(Leaning()), centring()
    built = build_generation(Leaning(), debias=debias)
    assert plain["matching"][0] > 0.6
    assert built.background["matching"][0] < plain["matching"][0] - 0.3
    assert built.debias == DebiasReference("centre", debias.digest)
    assert built.background == measure(GenerationEncoder(Leaning(), debias))
    assert built.label == "'leaning' debiased by centre"


def test_the_set_up_reads_back_with_and_without() -> None:
    there = query_schema()
    generation = replace(there.generation, debias=DebiasReference("lir:2", "d" * 64))
    debiased = replace(there, generations={generation.id: generation})
    assert IndexSchema.from_meta(debiased.to_meta(), "docs") == debiased
    assert "debias" not in there.to_meta()["generations"][there.active]
    assert IndexSchema.from_meta(there.to_meta(), "docs").generation.debias is None
    damaged = debiased.to_meta()
    damaged["generations"][generation.id]["debias"] = {"method": "centre"}
    with pytest.raises(IndexStateError, match="damaged"):
        IndexSchema.from_meta(damaged, "docs")


def test_the_setting_is_checked() -> None:
    assert load_settings(None).debias == "none"
    assert load_settings(None, debias="LIR:2").debias == "lir:2"
    with pytest.raises(ConfigurationError, match=r"debias: .*lir:R"):
        load_settings(None, debias="center")


class Never:
    """A detector that must not be asked."""

    name = "never"

    def posteriors(self, texts: Sequence[str]) -> list[object]:
        assert not texts
        return []


def test_the_sample_is_grouped_by_certain_language() -> None:
    settings = load_settings(None, fields="body", languages="en,fr", lang_field="tag")
    generation = build_generation(Leaning())
    schema = desired_schema(IndexState("docs", "missing"), settings, generation).schema
    documents = [
        {"body": "one", "tag": "en"},
        {"body": "deux", "tag": "fr-CA"},
        {"title": "three", "text": "four", "lang": "en"},  # as corpus files have it
        {"body": "both", "tag": ["en", "fr"]},
        {"body": "xx", "tag": "tlh"},
        {"body": {"not": "text"}},
        {"other": "field"},
        *({"body": "many", "tag": "fr"} for _ in range(PER_LANGUAGE)),
    ]
    found = vectors_by_language(documents, schema, Never(), Leaning())  # type: ignore[arg-type]
    assert {code: len(rows) for code, rows in found.items()} == {
        "en": 2,
        "fr": PER_LANGUAGE,
        "und": 1,
    }
    assert tagged_posterior(("en", "fr"), ("en", "fr")).confidence < CERTAIN
