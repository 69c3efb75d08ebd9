from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from opensearch_clir.query.statistics import FieldStatistics, TermStatistics, idf


def test_idf_is_lucenes() -> None:
    # As a server's explain shows it for N = 60, n = 1.
    assert idf(60, 1) == math.log(1 + (60 - 1 + 0.5) / (1 + 0.5))


@given(st.integers(0, 10**9), st.data())
def test_idf_is_positive_and_falls_with_frequency(documents: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(0, documents))
    assert idf(documents, n) > 0
    assert idf(documents, 0) >= idf(documents, n)


terms = st.lists(
    st.builds(TermStatistics, st.text(min_size=1), st.integers(1, 5), st.integers(0, 50)),
    max_size=20,
    unique_by=lambda t: t.token,
)


@given(terms, st.integers(0, 20))
def test_the_rarest_tokens_have_the_largest_bound(chosen: list[TermStatistics], limit: int) -> None:
    field = FieldStatistics(50, tuple(chosen))
    rarest = field.rarest(limit)
    rest = [t for t in chosen if t not in rarest]
    assert len(rarest) == min(limit, len(chosen))
    if rarest and rest:
        assert min(map(field.weight, rarest)) >= max(map(field.weight, rest))
    assert field.bound(2.2, rarest) <= field.bound(2.2)


@given(terms)
def test_survivors_are_measured_against_a_few_rare_tokens(chosen: list[TermStatistics]) -> None:
    field = FieldStatistics(50, tuple(chosen))
    bound, survivors = field.bound(2.2), field.survivor_bound(2.2)
    assert bound / 4 <= survivors <= bound or bound == survivors == 0
    # By hand: one token no document has is worth ln(1 + 50.5 / 0.5) with 50 documents.
    assert survivors <= max(3 * 2.2 * math.log(102), bound / 4) + 1e-9
