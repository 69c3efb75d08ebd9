"""Enrichment of whole documents."""

from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ingest_cases import ENGLISH, FRENCH, WordHash, enricher, schema
from opensearch_clir.encoders.base import Role, Vectors
from opensearch_clir.errors import EncoderError, GenerationMismatchError
from opensearch_clir.ingest.pipeline import Enriched, Enricher
from opensearch_clir.ingest.processors.tags import is_alone
from opensearch_clir.ingest.rejected import Rejected
from opensearch_clir.language.registry import load_detector


def one(document: dict[str, Any], **options: Any) -> dict[str, Any]:
    (result,) = enricher(schema(**options)).enrich([document])
    assert isinstance(result, Enriched), result
    return result.document


def refused(document: dict[str, Any], **options: Any) -> Rejected:
    (result,) = enricher(schema(**options)).enrich([document])
    assert isinstance(result, Rejected), result
    assert result.source == document
    assert "\n" not in result.reason
    return result


class TestDocument:
    """What an enriched document holds."""

    def test_users_fields_stay_and_the_input_is_not_changed(self) -> None:
        document = {"title": "Fox", "text": ENGLISH, "tags": ["a", {"b": None}], "n": 1}
        before = copy.deepcopy(document)
        found = one(document)
        assert document == before
        assert {k: v for k, v in found.items() if k != "clir"} == before

    def test_our_object(self) -> None:
        ours = one({"title": "Fox", "text": ENGLISH})["clir"]
        assert ours["lang"] == "en"
        assert ours["lang_confidence"] > 0.9
        assert ours["langs"] == ["en"]
        assert ours["lang_mix"][0].startswith("en=0.9")
        assert ours["text"] == {
            "en": ["Fox", "Fox", ENGLISH],
            "any": ["fox", "fox", ENGLISH.lower()],
        }
        assert set(ours["v"]) == {"abc123"}
        assert len(ours["hash"]) == 16
        assert ours["group"] == f"alone:{ours['hash']}"

    def test_vector_is_that_of_the_text_once_and_survives_json(self) -> None:
        vector = one({"title": "Fox", "text": "fox dog"})["clir"]["v"]["abc123"]
        raw = WordHash().encode(["Fox\nfox dog"], "passage")[0]
        assert all(type(x) is float for x in vector)
        assert np.array_equal(np.float32(vector), raw / np.linalg.norm(raw))

    def test_mixed_document_is_found_in_both_languages(self) -> None:
        ours = one({"text": f"{ENGLISH} {ENGLISH} {FRENCH} {FRENCH}"})["clir"]
        assert sorted(ours["langs"]) == ["en", "fr"]
        assert set(ours["text"]) == {"en", "fr", "any"}

    def test_a_text_that_the_model_does_not_know_has_no_vector(self) -> None:
        ours = one({"title": "😀 123"})["clir"]
        assert "v" not in ours
        assert (ours["lang"], ours["langs"]) == ("und", [])
        assert ours["text"]["und"] == ["😀 123", "😀 123"]

    def test_group_and_dotted_paths(self) -> None:
        document = {"meta": {"title": "Fox"}, "meta.text": [ENGLISH, "more"], "g": {"id": 7}}
        ours = one(document, fields=("meta.title", "meta.text"), group_field="g.id")["clir"]
        assert ours["group"] == "7"
        assert ours["text"]["en"] == ["Fox", f"{ENGLISH}\nmore"]

    def test_documents_without_a_group_have_one_of_their_own(self) -> None:
        texts = ("fox", "dog", "fox")
        first, second, copy = (
            one({"text": text, "g": ""}, fields=("text",), group_field="g")["clir"]["group"]
            for text in texts
        )
        assert first == copy
        assert first != second
        assert is_alone(first)
        assert not is_alone("7")

    def test_arrays_of_objects_on_the_way_are_looked_through(self) -> None:
        ours = one({"parts": [{"text": "one"}, {"text": ["two", None]}]}, fields=("parts.text",))
        assert ours["clir"]["text"]["any"] == ["one\ntwo"]

    def test_numbers_and_booleans_are_text_as_on_the_server(self) -> None:
        ours = one({"title": 1984, "text": [True, 1.5]})["clir"]
        assert ours["text"]["any"] == ["1984", "1984", "true\n1.5"]

    def test_enriching_again_gives_the_same(self) -> None:
        once = one({"title": "Fox", "text": ENGLISH})
        assert one(once) == once

    def test_hash_follows_text_tag_and_nothing_else(self) -> None:
        def digest(**document: Any) -> str:
            return str(one(document, lang_field="lang")["clir"]["hash"])

        assert digest(text="fox") == digest(text="fox", other=1)
        different = {digest(text="fox"), digest(text="dog"), digest(text="fox", lang="en")}
        assert len(different | {digest(title="fox")}) == 4


class TestTag:
    """The user's language tag is believed."""

    @pytest.mark.parametrize(("tag", "code"), [("fr", "fr"), ("pt-BR", "und"), ("zh_TW", "zh")])
    def test_tag_wins_over_detection(self, tag: str, code: str) -> None:
        ours = one({"text": ENGLISH, "lang": tag}, lang_field="lang")["clir"]
        assert (ours["lang"], ours["lang_confidence"]) == (code, 1.0)
        assert ours["lang_mix"] == [f"{code}=1.00"]
        assert set(ours["text"]) == {code, "any"}
        assert ours["v"]

    @pytest.mark.parametrize("tag", ["klingon", "xx", "und", 7])
    def test_unusable_tag_means_undetermined(self, tag: object) -> None:
        ours = one({"text": ENGLISH, "lang": tag}, lang_field="lang")["clir"]
        assert ours["lang"] == "und"
        assert set(ours["text"]) == {"und", "any"}

    @pytest.mark.parametrize("tag", [None, "", " ", []])
    def test_no_tag_means_detection(self, tag: object) -> None:
        assert one({"text": ENGLISH, "lang": tag}, lang_field="lang")["clir"]["lang"] == "en"

    def test_several_tags_share(self) -> None:
        ours = one({"text": ENGLISH, "m": {"lang": ["de", "fr"]}}, lang_field="m.lang")["clir"]
        assert ours["lang_mix"] == ["de=0.50", "fr=0.50"]
        assert ours["langs"] == ["de", "fr"]

    def test_tagged_documents_are_not_detected(self) -> None:
        class Never:
            name = "never"

            def posteriors(self, texts: object) -> list[Any]:
                raise AssertionError("detected")

        with_tag = Enricher(schema(lang_field="lang"), WordHash(), Never())
        assert len(list(with_tag.enrich([{"text": "x", "lang": "en"}]))) == 1


class TestRefused:
    """Each document that can't be enriched has its one-line reason."""

    @pytest.mark.parametrize(
        ("document", "reason"),
        [
            ({}, "no text in title, text"),
            ({"title": None, "text": " \n"}, "no text in title, text"),
            ({"text": []}, "no text in title, text"),
            ({"text": {"a": "b"}}, "field 'text' is an object, expected text"),
            ({"text": ["a", {"b": "c"}]}, "field 'text' is an object, expected text"),
            ({"text": b"bytes"}, "field 'text' is a bytes, which JSON does not have"),
            ({"text": "x", "clir": "mine"}, "field 'clir' is not ours"),
            ({"text": "x", "clir": {"lang": "en", "mine": 1}}, "field 'clir' is not ours"),
            ({"text": "x", "clir.lang": "en"}, "field 'clir' is not ours"),
            ({"text": "a\ud800b"}, "lone surrogate at character 1"),
            ({"text": "x", "\udfff": 1}, "a field name"),
            ({"text": "x", "n": [{"m": math.nan}]}, "field 'n.m' is nan"),
            ({"text": "x", "n": math.inf}, "field 'n' is inf"),
            ({"text": "x", "n": np.float32("nan")}, "field 'n' is nan"),
        ],
    )
    def test_reasons(self, document: dict[str, Any], reason: str) -> None:
        result = refused(document)
        assert reason in result.reason
        assert result.stage == "enrich"

    def test_deep_nesting(self) -> None:
        deep: dict[str, Any] = {}
        for _ in range(100_000):
            deep = {"a": deep}
        (result,) = enricher().enrich([{"text": "x", "deep": deep}])
        assert isinstance(result, Rejected)
        assert "levels deep" in result.reason
        while deep:  # taken apart from the outside: Python's own clean-up recurses
            deep = deep.pop("a")

    def test_group_must_be_a_name(self) -> None:
        assert "group name" in refused({"text": "x", "g": [1]}, group_field="g").reason

    def test_the_rest_goes_on_in_order(self) -> None:
        documents = [{"text": "a"}, {}, {"text": "b"}, {"text": 1}, {"text": math.nan}]
        results = list(enricher(batch_size=2).enrich(documents))
        assert [type(r) for r in results] == [Enriched, Rejected, Enriched, Enriched, Rejected]


class TestEncoder:
    """Failures of the encoder, batches and bounds."""

    def test_a_bad_text_is_found_and_the_rest_goes_in(self) -> None:
        documents = [{"text": f"word{n}" if n not in (3, 77) else "BOOM"} for n in range(100)]
        results = list(enricher().enrich(documents))
        bad = {n for n, result in enumerate(results) if isinstance(result, Rejected)}
        assert bad == {3, 77}
        result = results[3]
        assert isinstance(result, Rejected)
        assert (result.stage, result.reason) == ("encode", "the model does not like BOOM")
        good = results[50]
        assert isinstance(good, Enriched)
        assert good.document["clir"]["v"] == one({"text": "word50"})["clir"]["v"]

    def test_small_batches_of_bad_texts_are_rejected(self) -> None:
        assert [type(r) for r in enricher().enrich([{"text": "BOOM"}] * 2)] == [Rejected] * 2

    def test_an_encoder_that_fails_on_all_is_an_error(self) -> None:
        with pytest.raises(EncoderError, match="BOOM"):
            list(enricher().enrich([{"text": "BOOM"}] * 50))

    def test_nan_vectors_are_isolated_too(self) -> None:
        class Broken(WordHash):
            def encode(self, texts: Any, role: Role) -> Vectors:
                vectors = super().encode(texts, role)
                vectors[[i for i, text in enumerate(texts) if "nan" in text]] = np.nan
                return vectors

        detector = load_detector("langdetect", ("en",))
        results = list(
            Enricher(schema(), Broken(), detector).enrich([{"text": "a"}, {"text": "nan"}])
        )
        assert isinstance(results[0], Enriched)
        assert isinstance(results[1], Rejected)
        assert "NaN" in results[1].reason

    def test_other_encoder_is_refused(self) -> None:
        class Other(WordHash):
            fingerprint = "0" * 64

        with pytest.raises(GenerationMismatchError, match="word-hash"):
            Enricher(schema(), Other(), load_detector("langdetect", ("en",)))

    def test_batches_are_lazy_and_bounded(self) -> None:
        encoder = WordHash()
        pipeline = Enricher(schema(), encoder, load_detector("langdetect", ("en",)), batch_size=10)
        taken = 0

        def endless() -> Iterator[dict[str, Any]]:
            nonlocal taken
            for taken in itertools.count(1):
                yield {"text": f"word{taken}"}

        results = pipeline.enrich(endless())
        assert taken == 0
        assert [type(r) for r in itertools.islice(results, 25)] == [Enriched] * 25
        assert taken == 30
        assert encoder.calls == [10, 10, 10]

    def test_ten_megabytes(self) -> None:
        text = "The quick brown fox jumps over the lazy dog. " * 230_000
        pipeline = enricher()
        started = time.perf_counter()
        (result,) = pipeline.enrich([{"text": text}])
        assert isinstance(result, Enriched)
        assert result.document["clir"]["text"]["any"] == [text.lower()]
        assert time.perf_counter() - started < 5
        assert pipeline._encoder.longest <= 32_768  # type: ignore[attr-defined]

    def test_seconds_by_stage(self) -> None:
        pipeline = enricher()
        list(pipeline.enrich([{"text": "fox"}]))
        assert set(pipeline.seconds) == {"text", "language", "vector", "pieces", "layout"}

    def test_batch_size_must_be_positive(self) -> None:
        with pytest.raises(ValueError, match="batch_size"):
            enricher(batch_size=0)
