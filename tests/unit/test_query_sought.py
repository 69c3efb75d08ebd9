"""Which terms of the index a query's entities and pieces are looked for by."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensearch_clir.entities import Entity, entities
from opensearch_clir.query.evidence import SoughtTerm
from opensearch_clir.query.sought import MAX_TERMS, STEP, entity_terms, translated_terms
from opensearch_clir.query.statistics import FieldStatistics, TermStatistics
from opensearch_clir.query.words import QueryWords
from opensearch_clir.translation.lexicon import QueryPiece
from query_cases import LEXICON, schema, schema_of_an_earlier_version, schema_with_pieces

COFFEE = QueryPiece(
    "\u2581coffee",
    0.8,
    (("\u2581coffee", 1.0), ("コーヒー", 0.81), ("\u2581káv", 0.79), ("\u2581café", 0.75)),
)
OF = QueryPiece("\u2581of", 0.2, (("\u2581of", 1.0), ("\u2581von", 0.52)))


def field(documents: int = 100, **containing: int) -> FieldStatistics:
    terms = (TermStatistics(token, 1, n) for token, n in containing.items())
    return FieldStatistics(documents, tuple(terms))


def strengths(part: SoughtTerm) -> dict[str, float]:
    return {term: strength for strength, terms in part.tiers for term in terms}


class TestTranslated:
    """Pieces, and their translations."""

    def test_only_terms_that_the_index_has_and_similar_ones_together(self) -> None:
        known = field(**{"コーヒー": 2, "\u2581káv": 1, "\u2581café": 3, "\u2581of": 0})
        (found,) = translated_terms([COFFEE, OF], known)
        assert (found.label, found.share) == ("coffee", 0.8)
        assert [terms for _, terms in found.tiers] == [("コーヒー", "\u2581káv"), ("\u2581café",)]
        assert [strength for strength, _ in found.tiers] == pytest.approx([0.8, 0.75])

    def test_the_nearest_that_the_index_has_are_taken(self) -> None:
        names = [f"w{n}" for n in range(200)]
        many = QueryPiece("w0", 1.0, tuple((w, 1 - n / 300) for n, w in enumerate(names)))
        odd = {name: 1 for n, name in enumerate(names) if n % 2}
        (found,) = translated_terms([many], field(**odd))
        assert list(strengths(found)) == names[1 : 2 * MAX_TERMS : 2]

    def test_without_statistics_nothing_is_looked_for(self) -> None:
        assert translated_terms([COFFEE, OF], FieldStatistics(0)) == ()
        assert translated_terms([], field(a=1)) == ()


token = st.sampled_from([f"t{n}" for n in range(60)])
statistics = st.builds(
    lambda found, documents: field(documents, **found),
    st.dictionaries(token, st.integers(0, 50)),
    st.integers(0, 10**6),
)


@st.composite
def query_pieces(draw: st.DrawFn) -> list[QueryPiece]:
    raw = draw(st.lists(st.floats(0.01, 10), max_size=6))
    pieces = []
    for weight in raw:
        others = draw(st.dictionaries(token, st.floats(0.3, 1.0), max_size=60))
        itself = draw(token)
        ordered = sorted(((t, c) for t, c in others.items() if t != itself), key=lambda t: -t[1])
        share = weight / math.fsum(raw)
        pieces.append(QueryPiece(itself, share, ((itself, 1.0), *ordered)))
    return pieces


def check(sought: tuple[SoughtTerm, ...], known: FieldStatistics) -> None:
    """What every set of terms must be."""
    present = {term.token for term in known.terms if term.documents > 0}
    for part in sought:
        assert part.tiers
        assert 0 < part.share <= 1
        found = [term for _, terms in part.tiers for term in terms]
        assert set(found) <= present
        assert len(found) == len(set(found))
        values = [strength for strength, _ in part.tiers]
        assert values == sorted(values, reverse=True)
        assert all(0 < value <= 1 for value in values)
    most = math.fsum(part.share * part.tiers[0][0] for part in sought)
    assert 0 <= most <= 1 + 1e-9


@given(query_pieces(), statistics)
def test_any_pieces_give_evidence_between_0_and_1(
    pieces: list[QueryPiece], known: FieldStatistics
) -> None:
    sought = translated_terms(pieces, known)
    check(sought, known)
    for part in sought:
        assert len(strengths(part)) <= MAX_TERMS
        for strength, terms in part.tiers:
            assert strength / STEP == pytest.approx(round(strength / STEP))
            assert terms
    by_label = {piece.piece: dict(piece.translations) for piece in pieces}
    for part in sought:
        if sum(piece.piece == part.label for piece in pieces) == 1:
            for term, strength in strengths(part).items():
                assert abs(by_label[part.label][term] - strength) <= STEP / 2 + 1e-9


class TestEntities:
    """Names, codes and numbers."""

    def test_each_counts_by_its_heaviest_key(self) -> None:
        entity = Entity("Tokyo", "name", ("=tokyo", "~toki"))
        (found,) = entity_terms([entity], field(**{"=tokyo": 1, "~toki": 1}))
        # By hand: rarity 1 each, trust 1 and .4; divided by at least 1.
        assert strengths(found) == pytest.approx({"=tokyo": 1.0, "~toki": 0.4})
        assert (found.label, found.share) == ("Tokyo", 1.0)

    def test_a_code_that_no_document_has_lowers_the_share_of_the_others(self) -> None:
        codes = [Entity("KX-410", "code", ("=kx410",)), Entity("KX-9", "code", ("=kx9",))]
        (found,) = entity_terms(codes, field(**{"=kx410": 1}))
        assert (found.label, found.share) == ("KX-410", 0.5)

    def test_a_key_that_most_documents_have_is_not_looked_for(self) -> None:
        year = Entity("2026", "number", ("=2026",))
        assert entity_terms([year], field(100, **{"=2026": 90})) == ()


@given(
    st.lists(st.sampled_from(["KX-410", "Tokyo", "Лион", "printer", "2.19", "東京"]), max_size=8),
    st.lists(st.integers(0, 40), min_size=40, max_size=40),
    st.integers(0, 40),
)
def test_any_entities_give_evidence_between_0_and_1(
    words: list[str], counts: list[int], documents: int
) -> None:
    found = entities(" ".join(words), "query")
    keys = [key for entity in found for key in entity.keys]
    known = field(documents, **dict(zip(keys, counts, strict=False)))
    check(entity_terms(found, known), known)


class TestLookups:
    """What the server is asked for the statistics of."""

    words = replace(
        QueryWords.plain("Kaffee KX-410"),
        by_language={"de": "Kaffee"},
        pieces=(COFFEE, OF, COFFEE),
        entities=(Entity("KX-410", "code", ("=kx410", "=kx")), Entity("KX", "name", ("=kx",))),
    )
    texts: ClassVar = {
        "clir.text.de": "Kaffee",
        "clir.text.fr": "Kaffee KX-410",
        "clir.text.any": "kaffee kx-410",
    }

    def test_every_translation_once_and_every_key_once(self) -> None:
        pieces = ["\u2581coffee", "コーヒー", "\u2581káv", "\u2581café", "\u2581of", "\u2581von"]
        assert self.words.lookups(["de", "fr"], schema_with_pieces()) == {
            **self.texts,
            f"clir.pieces.{LEXICON}.body": pieces,
            "clir.entities": ["=kx410", "=kx"],
        }

    def test_fields_that_the_index_lacks_are_not_asked_for(self) -> None:
        with_entities = {**self.texts, "clir.entities": ["=kx410", "=kx"]}
        assert self.words.lookups(["de", "fr"], schema()) == with_entities
        assert self.words.lookups(["de", "fr"], schema_of_an_earlier_version()) == self.texts

    def test_nothing_to_look_for_is_not_asked_for(self) -> None:
        assert QueryWords("", "").lookups(["de"], schema_with_pieces()) == {}

    def test_an_analyzer_sees_its_own_tokens_or_all(self) -> None:
        assert self.words.text_for("de") == "Kaffee"
        assert self.words.text_for("fr") == "Kaffee KX-410"
