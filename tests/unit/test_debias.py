"""Debiasing: what the maps do to vectors, and what they must never do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from opensearch_clir.debias import Debias, GenerationEncoder, Method, encode_in, fit_debias
from opensearch_clir.debias.codec import from_document, to_document
from opensearch_clir.debias.encoder import check_debias
from opensearch_clir.encoders.base import Role
from opensearch_clir.errors import (
    ConfigurationError,
    DataError,
    GenerationMismatchError,
    IndexStateError,
)
from opensearch_clir.index_templates.schema import DebiasReference, Generation
from opensearch_clir.ingest.processors.vector import embed
from opensearch_clir.language.base import LanguagePosterior

METHODS = ("centre", "shift", "lir:1", "lir:3")
D = 16


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def biased(rows: int, axis: int, seed: int) -> NDArray[np.float32]:
    """Unit rows that share a strong component."""
    found = np.random.default_rng(seed).normal(size=(rows, D))
    found[:, axis] += 6.0
    return unit(found)


SAMPLE = {
    "en": biased(400, 0, 1),
    "fr": biased(300, 1, 2),
    "ja": biased(200, 2, 3),
    "sw": biased(4, 3, 4),
}
FITTED = {name: fit_debias(Method.parse(name), SAMPLE) for name in METHODS}


def langs(*codes: str) -> list[LanguagePosterior]:
    return [LanguagePosterior.certain(code) for code in codes]


POSTERIORS = st.dictionaries(
    st.sampled_from(["en", "fr", "ja", "sw", "xx", "und"]), st.floats(0.01, 1), min_size=1
).map(lambda p: LanguagePosterior({c: v / sum(p.values()) for c, v in p.items()}))
ROWS = st.lists(
    st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=D, max_size=D),
    min_size=1,
    max_size=4,
)


@given(ROWS, POSTERIORS, st.sampled_from(METHODS))
def test_rows_have_length_one_or_zero(
    rows: list[list[float]], posterior: LanguagePosterior, name: str
) -> None:
    raw = np.array(rows)
    norms = np.linalg.norm(raw, axis=1, keepdims=True)
    vectors = np.divide(raw, norms, out=np.zeros_like(raw), where=norms > 1e-6)
    found = FITTED[name].apply(vectors.astype(np.float32), [posterior] * len(rows))
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    lengths = np.linalg.norm(found, axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-5) | (lengths == 0))
    assert not found[~vectors.any(axis=1)].any()


def test_none_changes_nothing() -> None:
    none = fit_debias(Method("none"), SAMPLE)
    assert none.apply(SAMPLE["en"], langs("en") * 400) is SAMPLE["en"]


def test_no_rows_give_no_rows() -> None:
    nothing = np.zeros((0, D), dtype=np.float32)
    assert FITTED["centre"].apply(nothing, []).shape == (0, D)


def test_centred_languages_have_next_to_no_mean() -> None:
    exact = fit_debias(Method("centre"), SAMPLE, strength=0)
    for code in ("en", "fr", "ja"):
        before = SAMPLE[code].mean(axis=0)
        after = exact.apply(SAMPLE[code], langs(code) * len(SAMPLE[code])).mean(axis=0)
        assert np.linalg.norm(before) > 0.7
        assert np.linalg.norm(after) < 0.1
        unscaled = (SAMPLE[code] + exact.offsets[code]).mean(axis=0)
        assert np.linalg.norm(unscaled) < 1e-6


def test_shifted_languages_have_one_common_mean() -> None:
    exact = fit_debias(Method("shift"), SAMPLE, strength=0)
    means = [(SAMPLE[code] + exact.offsets[code]).mean(axis=0) for code in ("en", "fr", "ja")]
    np.testing.assert_allclose(means[0], means[1], atol=1e-6)
    np.testing.assert_allclose(means[0], means[2], atol=1e-6)
    assert np.linalg.norm(means[0]) > 0.3


@pytest.mark.parametrize("name", ["lir:1", "lir:3"])
def test_lir_removes_its_directions(name: str) -> None:
    found = FITTED[name]
    directions = found.directions["fr"]
    assert directions.shape == (found.method.rank, D)
    np.testing.assert_allclose(directions @ directions.T, np.eye(len(directions)), atol=1e-5)
    after = found.apply(SAMPLE["fr"], langs("fr") * 300)
    assert np.abs(after @ directions.T).max() < 1e-5
    assert abs(directions[0, 1]) > 0.9  # the shared component comes first


def test_lir_is_the_svd_of_the_language() -> None:
    exact = fit_debias(Method("lir", 2), SAMPLE, strength=0)
    _, _, right = np.linalg.svd(SAMPLE["ja"], full_matrices=False)
    np.testing.assert_allclose(np.abs(exact.directions["ja"] @ right[:2].T), np.eye(2), atol=1e-4)


@pytest.mark.parametrize("name", METHODS)
def test_languages_with_few_texts_or_none_share_one_map(name: str) -> None:
    found = FITTED[name]
    assert found.languages == ("en", "fr", "ja", "und")
    vectors = np.repeat(SAMPLE["sw"][:1], 3, axis=0)
    few, unseen, unknown = found.apply(vectors, langs("sw", "xx", "und"))
    np.testing.assert_array_equal(few, unseen)
    np.testing.assert_array_equal(few, unknown)


def test_shift_leaves_unknown_languages_alone() -> None:
    found = FITTED["shift"].apply(SAMPLE["sw"], langs("xx") * 4)
    np.testing.assert_allclose(found, SAMPLE["sw"], atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_a_blend_lies_between_its_languages(name: str) -> None:
    found = FITTED[name]
    vector = biased(1, 5, 9)
    half = LanguagePosterior({"en": 0.5, "fr": 0.5})
    both = found.apply(np.repeat(vector, 3, axis=0), [*langs("en", "fr"), half])
    expected = found._map(vector.astype(np.float64), "en") + found._map(
        vector.astype(np.float64), "fr"
    )
    np.testing.assert_allclose(both[2], expected[0] / np.linalg.norm(expected[0]), atol=1e-6)


def test_few_texts_are_pulled_towards_all_languages() -> None:
    strong = fit_debias(Method("centre"), SAMPLE, strength=1e9)
    np.testing.assert_allclose(strong.offsets["en"], strong.offsets["und"], atol=1e-5)
    weak = fit_debias(Method("centre"), SAMPLE, strength=0)
    np.testing.assert_allclose(weak.offsets["en"], -SAMPLE["en"].mean(axis=0), atol=1e-6)


def test_the_pull_is_that_of_the_sample() -> None:
    """Languages far apart keep their means; where they are one cloud, all get its mean."""
    kept = fit_debias(Method("centre"), {c: r[:20] for c, r in SAMPLE.items()})
    mean = SAMPLE["en"][:20].mean(axis=0)
    assert np.linalg.norm(kept.offsets["en"] + mean) < 0.05 * np.linalg.norm(mean)
    clouds = {code: biased(20, 0, seed) for seed, code in enumerate(["en", "fr", "ja"])}
    pulled = fit_debias(Method("centre"), clouds)
    spread = np.linalg.norm(clouds["en"].mean(axis=0) + pulled.offsets["und"])
    assert np.linalg.norm(pulled.offsets["en"] - pulled.offsets["und"]) < 0.5 * spread


def test_zero_rows_of_the_sample_are_left_out() -> None:
    with_zeros = {c: np.concatenate([r, np.zeros((50, D), np.float32)]) for c, r in SAMPLE.items()}
    assert fit_debias(Method("centre"), with_zeros).digest == FITTED["centre"].digest


def test_too_small_a_sample_is_refused() -> None:
    with pytest.raises(DataError, match=r"at least 10 texts.*there are 4.*--debias-sample"):
        fit_debias(Method("centre"), {"sw": SAMPLE["sw"]})
    with pytest.raises(DataError, match="would leave nothing"):
        fit_debias(Method("lir", D), SAMPLE)
    alone = fit_debias(Method("centre"), {"und": SAMPLE["en"]})
    assert alone.languages == ("und",)


@pytest.mark.parametrize("text", ["center", "lir", "lir:0", "lir:33", "lir:-1", "lir:1.5", ""])
def test_unknown_methods_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="lir:R"):
        Method.parse(text)


@pytest.mark.parametrize("name", ["none", *METHODS])
def test_names_read_back(name: str) -> None:
    assert str(Method.parse(f" {name.upper()} ")) == name


@pytest.mark.parametrize("name", METHODS)
def test_documents_read_back(name: str) -> None:
    found = from_document(to_document(FITTED[name]), "here")
    assert found.digest == FITTED[name].digest
    assert found.languages == FITTED[name].languages
    np.testing.assert_array_equal(
        found.apply(SAMPLE["en"], langs("en") * 400),
        FITTED[name].apply(SAMPLE["en"], langs("en") * 400),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"digest": "0" * 64},
        {"offsets": "AAAA"},
        {"offsets": "?"},
        {"languages": ["en"]},
        {"languages": None},
        {"method": "bleach"},
        {"dimension": D + 1},
    ],
)
def test_damaged_documents_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(IndexStateError, match="somewhere"):
        from_document({**to_document(FITTED["centre"]), **change}, "somewhere")


def test_digests_differ_by_all_that_matters() -> None:
    digests = {found.digest for found in FITTED.values()}
    digests.add(fit_debias(Method("centre"), {**SAMPLE, "ja": SAMPLE["ja"][:-1]}).digest)
    renamed = {"de" if c == "en" else c: rows for c, rows in FITTED["centre"].offsets.items()}
    digests.add(Debias(Method("centre"), D, renamed).digest)
    assert len(digests) == len(METHODS) + 2


class Biased:
    """An encoder whose vectors are rows of the sample."""

    name, dimension, fingerprint = "biased", D, "f" * 64

    def encode(self, texts: Sequence[str], role: Role) -> NDArray[np.float32]:
        return np.array([SAMPLE["en"][len(text)] * (text != "") for text in texts])


def test_documents_and_queries_get_the_same_vector() -> None:
    encoder = GenerationEncoder(Biased(), FITTED["centre"])
    texts = ["one", "seventeen", ""]
    query = encode_in(encoder, texts, "query", langs("en", "fr", "en"))
    written = embed(encoder, texts, langs("en", "fr", "en"))
    assert written == [*query[:2].tolist(), []]
    np.testing.assert_array_equal(encoder.encode(texts, "query"), Biased().encode(texts, "query"))


def test_an_encoder_of_another_debiasing_is_refused() -> None:
    digest = FITTED["centre"].digest
    plain = Generation("a", "biased", "f" * 64, D, {})
    centred = Generation("b", "biased", "f" * 64, D, {}, debias=DebiasReference("centre", digest))
    carrying = GenerationEncoder(Biased(), FITTED["centre"])
    check_debias(plain, Biased())
    check_debias(plain, GenerationEncoder(Biased(), fit_debias(Method("none"), SAMPLE)))
    check_debias(centred, carrying)
    for generation, encoder in (
        (plain, carrying),
        (centred, Biased()),
        (centred, GenerationEncoder(Biased(), FITTED["shift"])),
    ):
        with pytest.raises(GenerationMismatchError, match="debiased"):
            check_debias(generation, encoder)
    with pytest.raises(GenerationMismatchError, match="16 components"):
        GenerationEncoder(type("Wide", (Biased,), {"dimension": 32})(), FITTED["centre"])
