"""Feedback: its evidence by hand, its part of a plan, and when it is chosen."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from opensearch_clir.calibration.feedback import DOUBT, FINGERPRINT, NAME, Centre, Feedback
from opensearch_clir.calibration.feedback_windows import FeedbackWindows
from opensearch_clir.calibration.fit_feedback import choose_feedback
from opensearch_clir.calibration.gather import Rows
from opensearch_clir.calibration.parameters import WORDS, Parameters, builtin
from opensearch_clir.calibration.second import SecondLine, SecondStage
from opensearch_clir.calibration.shown import Shown, fit_shown, standing_of
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.query.feedback import feedback_plan
from opensearch_clir.query.first_hits import centred, first_hits, vector_of
from opensearch_clir.query.plan import QueryPlan, make_plan
from opensearch_clir.query.words import QueryWords
from query_cases import PARAMETERS, schema, vector

PLACE = (0.1, 0.2)
STAGE = SecondStage(
    NAME, FINGERPRINT, SecondLine(-1.0, 0.8, 0.5, 2.0, 1.5), SecondLine(-2.0, 0.4, 1.0, 1.0, 0.5)
)
FEEDBACK = Feedback(1.5, STAGE)


def unit(*rows: list[float]) -> NDArray[np.float32]:
    found = np.array(rows, dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_the_evidence_by_hand() -> None:
    centre = Centre.of(unit([1, 0], [0, 1]), np.array([0.6, 0.2]))
    total = 0.6 + 0.2 + DOUBT
    assert centre.vector.tolist() == pytest.approx([0.6 / total, 0.2 / total])
    assert centre.trust == pytest.approx(0.8 / total)
    (found,) = centre.evidence(unit([0, 1]), 1.5, PLACE).tolist()
    assert found == pytest.approx((0.2 - 0.1 * 0.8) / total / 0.2 - 1.5 * 0.8 / total)


@given(st.lists(st.floats(1e-9, 1), min_size=1, max_size=4), st.integers(0, 99))
def test_improbable_hits_say_little(likely: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = unit(*rng.normal(size=(len(likely), 8)).tolist())
    centre = Centre.of(vectors, np.array(likely))
    assert 0 <= centre.trust < 1
    assert np.linalg.norm(centre.vector) <= centre.trust + 1e-6
    assert centre.trust <= sum(likely) / DOUBT


def test_a_plan_computes_what_the_fit_did() -> None:
    for lang, query in (("fr", {"fr": 1.0}), ("en", {"fr": 1.0}), ("en", {"fr": 0.7, "en": 0.3})):
        plan = feedback_plan(FEEDBACK, PLACE, query, ["fr", "en"])
        assert plan is not None
        known = replace(plan, centre=Centre.of(unit([1, 0.2]), np.array([0.7])))
        assert known.centre is not None
        document = unit([0.3, 0.9])
        evidence = known.centre.evidence(document, FEEDBACK.typical, PLACE)[0]
        lines = [(share, STAGE.line(code, lang)) for code, share in query.items()]
        at, keep, slope, missing = known.numbers(known.line(lang))
        length = np.linalg.norm(known.centre.vector)
        cosine = float(document[0] @ (known.centre.vector / length))
        expected = sum(share * line.of(-1.3, evidence) for share, line in lines)
        assert at + keep * -1.3 + slope * cosine == pytest.approx(expected, abs=1e-6)
        usual = STAGE.matching.location if lang in query else STAGE.non_matching.location
        assert missing == pytest.approx(sum(s * line.of(0.0, usual) for s, line in lines))


def plan(feedback: Feedback | None = FEEDBACK) -> QueryPlan:
    return make_plan(
        QueryWords.plain("a question"),
        LanguagePosterior.certain("en"),
        vector(),
        {},
        schema(),
        replace(PARAMETERS, feedback=feedback),
        10,
    )


def hit(score: float, value: object, id_: str = "a") -> dict[str, object]:
    return {"_id": id_, "_score": score, "_source": {"clir": {"v": {"abc": value}}}}


def test_first_hits_are_asked_for_once_and_only_where_they_count() -> None:
    assert first_hits(plan(None)) is None
    body = first_hits(plan(), [{"term": {"product": "x"}}])
    assert body is not None
    assert body["_source"] == [plan().vector_field]
    assert json.dumps({"term": {"product": "x"}}) in json.dumps(body)
    ready = centred(plan(), [hit(0.5, [3.0, 4.0]), hit(0.2, [4.0, 3.0], "b")])
    assert first_hits(ready) is None
    assert ready.feedback is not None
    assert ready.feedback.documents == (("a", 0.5), ("b", 0.2))


@pytest.mark.parametrize("value", [None, [], "text", [0.0, 0.0], {"x": 1}])
def test_hits_without_a_vector_are_passed_over(value: object) -> None:
    path = plan().vector_field
    assert vector_of(hit(0.5, value), path) is None
    unchanged = centred(plan(), [hit(0.5, value)]).feedback
    assert unchanged is not None
    assert unchanged.centre is None
    found = centred(plan(), [hit(0.9, value), hit(0.2, [1.0, 0.0], "b")])
    assert found.feedback is not None
    assert found.feedback.documents == (("b", 0.2),)


def test_in_one_language_likeness_does_not_count() -> None:
    hits = [hit(0.5, [3.0, 4.0]), hit(0.2, [4.0, 3.0], "b")]
    assert centred(plan(), hits, languages=1).feedback is None
    for languages in (0, 2):
        feedback = centred(plan(), hits, languages=languages).feedback
        assert feedback is not None
        assert feedback.documents == (("a", 0.5), ("b", 0.2))
        assert feedback.lines == plan().feedback.lines  # type: ignore[union-attr]
    known = centred(plan(replace(FEEDBACK, shown=Shown(-1.0, 1.5, 0.5, 0.2))), hits, languages=1)
    assert known.feedback is not None
    assert known.feedback.standing == pytest.approx(float(np.log(0.5 * 0.2 / 0.5 / 0.8)) / 2)
    for language in ("en", "fr"):
        assert known.feedback.numbers(known.feedback.line(language)) == [0.0, 1.0, 0.0, 0.0]


def test_the_last_step_by_hand() -> None:
    shown = Shown(-1.0, 1.5, 0.5, 0.2)
    found = shown.of(np.array([-4.0, -2.0, 1.0]), -3.0)
    assert found.tolist() == pytest.approx([-1.6 - 3.0, -1.6, -1.6 + 1.5])
    knot, at, below, above = shown.numbers(-3.0)
    assert (knot, below, above) == (-2.0, 1.5, 0.5)
    assert at == pytest.approx(-1.6)
    assert standing_of(np.array([-99.0, 1.0, -3.0])) == pytest.approx((1 - 3 - 12) / 3)
    assert standing_of(np.arange(20.0)) == pytest.approx(14.5)
    assert standing_of(np.zeros(0)) == 0


def test_the_last_step_tells_easy_questions_from_hard_ones() -> None:
    """Hits of one score: right half of the time where the first hits are good, else seldom."""
    rng = np.random.default_rng(1)
    logits, standings, relevant = [], [], []
    for question in range(400):
        easy = question % 2 == 0
        scores = rng.normal(-2, 1, size=30)
        truth = 1 / (1 + np.exp(-(scores + (2 if easy else -1))))
        logits.append(scores)
        standings.append(-1.0 if easy else -4.0)
        relevant.append((rng.random(30) < truth).astype(np.float64))
    shown = fit_shown(logits, standings, relevant)
    assert shown.standing == pytest.approx(1.0, abs=0.1)
    expected = shown.of(np.array([-2.0]), -1.0)[0]
    assert expected == pytest.approx(0.0, abs=0.25)
    assert min(shown.below, shown.above) > 0.7


@pytest.mark.parametrize("wrong", [{"at": 1}, {"at": 1, "below": 0, "above": 1, "standing": 0},
                                   {"at": float("inf"), "below": 1, "above": 1, "standing": 0},
                                   {"at": "x", "below": 1, "above": 1, "standing": 0}])  # fmt: skip
def test_a_damaged_last_step_is_refused(wrong: dict[str, object]) -> None:
    value = {"typical": 1.0, "stage": STAGE.to_json(), "shown": wrong}
    with pytest.raises(ConfigurationError, match="weights of feedback are damaged"):
        Feedback.from_json(value)


def test_weights_of_another_feedback_do_not_count() -> None:
    other = replace(FEEDBACK, stage=replace(STAGE, fingerprint="feedback/0"))
    assert plan(other).feedback is None


def test_json_and_what_is_refused_in_it() -> None:
    whole = replace(PARAMETERS, feedback=replace(FEEDBACK, shown=Shown(-1.0, 1.5, 0.5, 0.2)))
    value = json.loads(json.dumps(whole.to_json()))
    assert Parameters.from_json(value) == whole
    assert "feedback" not in PARAMETERS.to_json()
    for wrong in ({}, {"typical": "x", "stage": value["feedback"]["stage"]},
                  {"typical": float("nan"), "stage": value["feedback"]["stage"]},
                  {"typical": 1.0, "stage": {}}):  # fmt: skip
        with pytest.raises(ConfigurationError):
            Parameters.from_json({**value, "feedback": wrong})


def test_the_built_in_parameters_have_it() -> None:
    found = builtin().feedback
    assert found is not None
    assert found.usable
    assert found.stage.non_matching.weight > 0


def judged(
    twins: bool,
) -> tuple[list[Rows], list[NDArray[np.float64]], dict[str, NDArray[np.float32]]]:
    """60 questions whose first hit is right, and with `twins` another one that is near it."""
    rng = np.random.default_rng(0)
    rows, logits, vectors = [], [], {}
    for query in range(60):
        table = unit(*rng.normal(size=(30, 16)).tolist())
        if twins:
            table[17] = unit((table[0] + 0.3 * table[17]).tolist())[0]
        relevant = np.zeros(30)
        relevant[[0, 17] if twins else [0]] = 1
        ids = tuple(f"{query}/{n}" for n in range(30))
        vectors.update(zip(ids, table, strict=True))
        langs = np.array(["en"] * 10 + ["fr"] * 20)
        rows.append(
            Rows(str(query), "en", langs, np.zeros(30), np.zeros((30, len(WORDS))), relevant,
                 np.ones(30), ids)
        )  # fmt: skip
        scores = rng.normal(-3, 0.5, size=30)
        scores[0] = 1.5
        logits.append(scores)
    return rows, logits, vectors


def test_chosen_where_answers_resemble_each_other() -> None:
    rows, logits, vectors = judged(twins=True)
    windows = FeedbackWindows(rows, logits, vectors, PLACE)
    found = choose_feedback(windows, {row.query: row.query for row in rows}, None)
    assert found.name == "fitted feedback"
    assert found.feedback is not None
    assert found.feedback.stage.non_matching.weight > 0.5
    assert found.trials[1].ndcg > found.trials[0].ndcg + 0.2
    assert all(logit[17] == max(logit[1:]) for logit in found.held_out)


def test_not_chosen_where_they_do_not() -> None:
    rows, logits, vectors = judged(twins=False)
    windows = FeedbackWindows(rows, logits, vectors, PLACE)
    found = choose_feedback(windows, {row.query: row.query for row in rows}, FEEDBACK)
    assert (found.name, found.feedback) == ("no feedback", None)
    assert [trial.name for trial in found.trials] == ["no feedback", "feedback", "fitted feedback"]
    for one, other in zip(found.held_out, logits, strict=True):
        assert one is other


def test_documents_without_vectors_are_left_as_they_are() -> None:
    rows, logits, vectors = judged(twins=True)
    for query in range(60):
        del vectors[f"{query}/3"]
    windows = FeedbackWindows(rows, logits, vectors, PLACE)
    for window in windows.scored(0.0):
        assert np.flatnonzero(np.isnan(window.scores)).tolist() == [3]
    nothing = FeedbackWindows(rows, logits, {}, PLACE)
    found = choose_feedback(nothing, {row.query: row.query for row in rows}, None)
    assert found.feedback is None
