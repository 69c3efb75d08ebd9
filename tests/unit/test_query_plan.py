from __future__ import annotations

import math
from dataclasses import replace

import pytest

from opensearch_clir.calibration.bend import Bend, Bends
from opensearch_clir.calibration.parameters import PairPlace, Parameters
from opensearch_clir.entities import Entity
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.query.plan import MAX_CLAUSES, MAX_LEAVES, DenseLine, QueryPlan, make_plan
from opensearch_clir.query.sought import MAX_TIERS
from opensearch_clir.query.statistics import FieldStatistics, TermStatistics
from opensearch_clir.query.words import QueryWords
from opensearch_clir.translation.lexicon import QueryPiece
from query_cases import (
    LEXICON,
    PARAMETERS,
    schema,
    schema_of_an_earlier_version,
    schema_with_pieces,
    statistics,
    vector,
)


def plan_of(probabilities: dict[str, float], **fields: FieldStatistics) -> QueryPlan:
    found = {f"clir.text.{name}": value for name, value in fields.items()}
    words, posterior = QueryWords.plain("Ein Text"), LanguagePosterior(probabilities)
    return make_plan(words, posterior, vector(), found, schema(), PARAMETERS, 50)


def test_a_foreign_document_gets_no_language_term_and_a_matching_one_no_survivor_term() -> None:
    plan = plan_of({"de": 1.0}, de=statistics("text"), any=statistics("ein", "text"))
    kinds = [(e.kind, e.field, e.only, e.besides) for e in plan.lexical]
    assert kinds == [
        ("own", "clir.text.de", (), ()),
        ("any", "clir.text.any", (), ("de",)),
    ]


def test_weights_are_continuous_in_the_posterior() -> None:
    plan = plan_of(
        {"de": 0.7, "en": 0.3},
        de=statistics("text"),
        en=statistics("text"),
        any=statistics("text"),
    )
    weights = {(e.kind, e.field, e.only): e.weight for e in plan.lexical}
    assert weights[("own", "clir.text.de", ())] == pytest.approx(0.7 * PARAMETERS.own)
    assert weights[("own", "clir.text.en", ())] == pytest.approx(0.3 * PARAMETERS.own)
    assert weights[("any", "clir.text.any", ("de",))] == pytest.approx(0.3 * PARAMETERS.any)
    assert weights[("any", "clir.text.any", ("en",))] == pytest.approx(0.7 * PARAMETERS.any)
    assert weights[("any", "clir.text.any", ())] == PARAMETERS.any


def line(query: dict[str, float], document: str | None, **pairs: PairPlace) -> DenseLine:
    known = {pair.replace("_", ">"): place for pair, place in pairs.items()}
    return DenseLine.blend(schema(), replace(PARAMETERS, pairs=known), query, document)


def test_the_dense_line_blends_the_two_pair_classes() -> None:
    full, none = line({"de": 1.0}, "de"), line({"de": 1.0}, "fr")
    # By hand: matching -6 + 1 * (cos - .1) / .2; non-matching -7 + 2 * (cos - .05) / .1.
    assert (full.intercept, full.slope) == pytest.approx((-6.5, 5.0))
    assert (none.intercept, none.slope) == pytest.approx((-8.0, 20.0))
    half = line({"de": 0.5, "en": 0.5}, "de")
    assert (half.intercept, half.slope) == pytest.approx((-7.25, 12.5))
    # A document without vector: z = .5 in both classes.
    assert full.missing == pytest.approx(-5.5)
    assert none.missing == pytest.approx(-6.0)
    assert half.missing == pytest.approx(-5.75)


def test_bends_are_blended_like_lines() -> None:
    bends = Bends(-2.0, Bend(-1.0, 1.0, 0.5), Bend(-2.0, 2.0, 0.25))
    parameters = replace(PARAMETERS, bends=bends)
    for languages, document, expected in (
        ({"de": 1.0}, "de", bends.matching),
        ({"de": 1.0}, "fr", bends.non_matching),
        ({"de": 1.0}, None, bends.non_matching),
        ({"de": 0.25, "en": 0.75}, "de", Bend(-1.75, 1.75, 0.3125)),
    ):
        assert DenseLine.blend(schema(), parameters, languages, document).bend == expected
    posterior = LanguagePosterior({"de": 1.0})
    plan = make_plan(QueryWords.plain("x"), posterior, vector(), {}, schema(), parameters, 50)
    assert plan.knot == -2.0
    assert plan.lines["de"].bend == bends.matching


def test_what_is_missing_from_the_posterior_matches_no_document() -> None:
    quarter = line({"de": 0.25}, "de")
    assert quarter.slope == pytest.approx(0.25 * 5 + 0.75 * 20)
    assert line({}, None) == line({"de": 1.0}, None) == line({"de": 1.0}, "fr")


def test_a_known_pair_has_its_own_place_and_offset() -> None:
    found = line({"fr": 1.0}, "en", fr_en=PairPlace(0.2, 0.5, offset=1.5))
    # By hand: -7 + 1.5 + 2 * (cos - .2) / .5; without vector -7 + 1.5 + 2 * .5.
    assert (found.intercept, found.slope) == pytest.approx((-6.3, 4.0))
    assert found.missing == pytest.approx(-4.5)
    # The other direction, and every other document language, goes by its class.
    assert line({"en": 1.0}, "fr", fr_en=PairPlace(0.2, 0.5, 1.5)) == line({"en": 1.0}, "fr")
    same = line({"de": 1.0}, "de", de_de=PairPlace(0.3, 0.4))
    # The matching slope and intercept, at the pair's own place.
    assert (same.intercept, same.slope) == pytest.approx((-6 - 0.3 / 0.4, 2.5))


def test_known_pairs_are_blended_by_the_posterior() -> None:
    places = {"fr_en": PairPlace(0.2, 0.5, 1.5), "de_en": PairPlace(0.0, 0.1, -1.0)}
    mixed = line({"fr": 0.6, "de": 0.3}, "en", **places)
    alone = [line({code: 1.0}, "en", **places) for code in ("fr", "de")]
    rest = line({}, "en", **places)
    for name in ("intercept", "slope", "missing"):
        french, german = (getattr(one, name) for one in alone)
        by_hand = 0.6 * french + 0.3 * german + 0.1 * getattr(rest, name)
        assert getattr(mixed, name) == pytest.approx(by_hand)


def test_documents_of_known_pairs_get_a_line_of_their_own() -> None:
    pairs = {"de>fr": PairPlace(0.2, 0.5), "de>ja": PairPlace(0.1, 0.1), "en>de": PairPlace(0, 1)}
    parameters = replace(PARAMETERS, pairs=pairs)
    posterior = LanguagePosterior({"de": 1.0})
    plan = make_plan(QueryWords.plain("x"), posterior, vector(), {}, schema(), parameters, 50)
    # Japanese is none of the index's languages.
    assert set(plan.lines) == {"de", "fr"}
    assert plan.lines["fr"] == DenseLine.blend(schema(), parameters, {"de": 1.0}, "fr")
    assert plan.lines["fr"] != plan.other


def test_an_unknown_language_relies_on_what_survives_everywhere() -> None:
    plan = plan_of({"und": 1.0}, any=statistics("text"))
    assert [(e.kind, e.only, e.besides) for e in plan.lexical] == [("any", (), ())]
    assert plan.lines == {}


def test_words_that_no_document_has_give_no_clause() -> None:
    plan = plan_of(
        {"de": 1.0}, de=statistics("text", containing=0), any=statistics("text", containing=0)
    )
    assert plan.lexical == ()
    assert not plan.empty


def test_stop_words_only_leave_the_vector() -> None:
    plan = plan_of({"de": 1.0}, de=FieldStatistics(100), any=FieldStatistics(100))
    assert plan.lexical == ()
    assert plan.vector is not None


def test_a_pasted_page_keeps_its_rarest_tokens_within_the_server_limit() -> None:
    terms = tuple(TermStatistics(f"t{i}", 1 + i % 2, i) for i in range(5000))
    field = FieldStatistics(6000, terms)
    plan = plan_of({"de": 0.6, "en": 0.4}, de=field, en=field, any=field)
    assert sum(len(e.terms) for e in plan.lexical) <= MAX_CLAUSES
    own = plan.lexical[0]
    assert own.text is None
    assert own.terms[0].token == "t1"  # twice in the query, in one document only
    assert own.bound == pytest.approx(2.2 * sum(field.weight(t) for t in own.terms))


def test_the_boost_bounds_the_score_by_the_weight() -> None:
    plan = plan_of({"de": 1.0}, de=statistics("a", "b"), any=FieldStatistics(100))
    evidence = plan.lexical[0]
    best_possible = 2.2 * 2 * math.log1p((100 - 3 + 0.5) / 3.5)
    assert evidence.boost * best_possible == pytest.approx(PARAMETERS.own)


PIECE = QueryPiece("\u2581coffee", 0.75, (("\u2581coffee", 1.0), ("\u2581café", 0.62)))
WORDS = replace(
    QueryWords.plain("coffee KX-410"),
    pieces=(PIECE,),
    entities=(Entity("KX-410", "code", ("=kx410",)),),
)
BODY, HEAD = f"clir.pieces.{LEXICON}.body", f"clir.pieces.{LEXICON}.head"
SETS = {BODY: statistics("\u2581café"), "clir.entities": statistics("=kx410", containing=1)}


def plan_with_sets(chosen: IndexSchema, parameters: Parameters = PARAMETERS) -> QueryPlan:
    posterior = LanguagePosterior({"en": 1.0})
    return make_plan(WORDS, posterior, None, SETS, chosen, parameters, 50)


def test_entities_and_pieces_give_a_clause_each() -> None:
    plan = plan_with_sets(schema_with_pieces())
    assert [(e.kind, e.field, e.weight) for e in plan.sets] == [
        ("entity", "clir.entities", PARAMETERS.entity),
        ("translated", BODY, PARAMETERS.translated),
        ("head", HEAD, PARAMETERS.head),
    ]
    assert plan.sets[1].sought == plan.sets[2].sought
    assert not plan.empty
    assert plan.clauses == (*plan.lexical, *plan.sets)


def test_words_leave_room_for_many_pieces_within_the_server_limit() -> None:
    near = [tuple((f"p{n}_{i}", 1 - i / 20) for i in range(15)) for n in range(32)]
    pieces = tuple(QueryPiece(ts[0][0], 1 / 32, ts) for ts in near)
    words = replace(QueryWords.plain("a page"), pieces=pieces)
    field = FieldStatistics(6000, tuple(TermStatistics(f"t{i}", 1, i) for i in range(5000)))
    found = {f"clir.text.{code}": field for code in ("de", "en", "any")}
    found[BODY] = statistics(*(t for ts in near for t, _ in ts))
    posterior = LanguagePosterior({"de": 0.6, "en": 0.4})
    plan = make_plan(words, posterior, None, found, schema_with_pieces(), PARAMETERS, 50)
    leaves = sum(len(part.tiers) for evidence in plan.sets for part in evidence.sought)
    assert leaves == 2 * MAX_TIERS
    assert len(plan.lexical) == 5
    assert 200 < sum(len(e.terms) for e in plan.lexical) <= MAX_LEAVES - leaves
    # What does not fit is what weighs least, and stays part of the whole.
    assert [part.label for part in plan.sets[0].sought] == [f"p{n}_0" for n in range(24)]


def test_without_headings_or_weight_there_is_no_such_clause() -> None:
    one_field = plan_with_sets(schema_with_pieces(fields=schema().fields))
    assert [e.kind for e in one_field.sets] == ["entity", "translated"]
    weightless = replace(PARAMETERS, entity=0.0, head=0.0)
    assert [e.kind for e in plan_with_sets(schema_with_pieces(), weightless).sets] == ["translated"]


def test_an_index_of_an_earlier_version_is_asked_for_neither() -> None:
    assert plan_with_sets(schema_of_an_earlier_version()).sets == ()
    assert [e.kind for e in plan_with_sets(schema()).sets] == ["entity"]
