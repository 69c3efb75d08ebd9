from __future__ import annotations

import math

import pytest

from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.query.plan import MAX_CLAUSES, DenseLine, QueryPlan, make_plan
from opensearch_clir.query.statistics import FieldStatistics, TermStatistics
from query_cases import PARAMETERS, schema, statistics, vector


def plan_of(probabilities: dict[str, float], **fields: FieldStatistics) -> QueryPlan:
    found = {f"clir.text.{name}": value for name, value in fields.items()}
    return make_plan(
        "Ein Text",
        LanguagePosterior(probabilities),
        vector(),
        found,
        "ein text",
        schema(),
        PARAMETERS,
        50,
    )


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


def test_the_dense_line_blends_the_two_pair_classes() -> None:
    full, none = (DenseLine.blend(schema(), PARAMETERS, match) for match in (1.0, 0.0))
    # By hand: matching -6 + 1 * (cos - .1) / .2; non-matching -7 + 2 * (cos - .05) / .1.
    assert (full.intercept, full.slope) == pytest.approx((-6.5, 5.0))
    assert (none.intercept, none.slope) == pytest.approx((-8.0, 20.0))
    half = DenseLine.blend(schema(), PARAMETERS, 0.5)
    assert half.slope == pytest.approx(12.5)
    # A document without vector: z = .5 in both classes.
    assert full.missing == pytest.approx(-5.5)
    assert none.missing == pytest.approx(-6.0)


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
