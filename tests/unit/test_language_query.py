"""The corpus's languages weigh in on a query, without shutting out the others."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensearch_clir.language import QUERY_DETECTOR, load_detector, query_posterior
from opensearch_clir.languages import LANGUAGES

DETECTOR = load_detector(QUERY_DETECTOR, tuple(LANGUAGES))
PRIOR = {"de": 0.9, "en": 0.1}


def test_without_a_prior_it_is_the_detectors() -> None:
    (found,) = DETECTOR.posteriors(["Handbuch"])
    assert query_posterior("Handbuch", DETECTOR) == found
    assert query_posterior("Handbuch", DETECTOR, {}) == found


def test_the_corpus_decides_where_words_can_not() -> None:
    (plain,) = DETECTOR.posteriors(["printer"])
    informed = query_posterior("printer", DETECTOR, {"en": 9, "af": 1})
    assert informed.probabilities["en"] > plain.probabilities["en"]


def test_a_russian_corpus_settles_a_slavic_doubt() -> None:
    text = "не проходит оплата картой"
    assert query_posterior(text, DETECTOR, {"ru": 0.3, "en": 0.7}).primary == "ru"


def test_no_language_is_excluded() -> None:
    posterior = query_posterior("comment réinitialiser la machine", DETECTOR, PRIOR)
    assert posterior.primary == "fr"
    assert posterior.confidence > 0.5


def test_foreign_scripts_and_no_letters_stay_undetermined() -> None:
    small = load_detector(QUERY_DETECTOR, ("de", "en"))
    assert query_posterior("мир", small, PRIOR).primary == "und"
    assert query_posterior("42", small, PRIOR).probabilities == {"und": 1.0}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_it_is_a_distribution(text: str) -> None:
    found = query_posterior(text, DETECTOR, PRIOR)
    assert sum(found.probabilities.values()) == pytest.approx(1)
