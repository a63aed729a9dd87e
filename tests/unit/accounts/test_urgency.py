"""Which decision comes first: canaries, then evidence, people and waiting together."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.accounts import urgency
from rempart.accounts.urgency import MOST_POINTS, OpenDecision, compute_urgency

CALM = OpenDecision(
    is_canary=False, evidence=5.5, threshold=5.0, persons=3, waited=timedelta(minutes=10)
)
DECISIONS = st.builds(
    OpenDecision,
    is_canary=st.booleans(),
    evidence=st.floats(0, 25),
    threshold=st.floats(0, 10),
    persons=st.integers(0, 10**6),
    waited=st.timedeltas(timedelta(0), timedelta(days=30)),
)


def rank(*decisions: OpenDecision) -> list[OpenDecision]:
    return sorted(decisions, key=compute_urgency, reverse=True)


@pytest.mark.parametrize(
    "worse",
    [
        pytest.param(replace(CALM, evidence=9.0), id="more evidence"),
        pytest.param(replace(CALM, persons=40), id="more people"),
        pytest.param(replace(CALM, waited=timedelta(hours=3)), id="waits longer"),
        pytest.param(replace(CALM, is_canary=True), id="a canary"),
        pytest.param(
            replace(CALM, is_canary=True, evidence=0, persons=0, waited=timedelta(0)),
            id="a canary and nothing else",
        ),
    ],
)
def test_what_is_worse_comes_first(worse):
    assert rank(CALM, worse) == [worse, CALM]


def test_a_review_that_is_due_for_long_passes_one_of_this_minute_with_more_evidence():
    forgotten = replace(CALM, waited=timedelta(hours=8))
    fresh = replace(CALM, evidence=7.0, waited=timedelta(minutes=1))
    assert rank(fresh, forgotten) == [forgotten, fresh]


def test_a_review_is_late_after_four_hours_to_the_minute():
    assert not replace(CALM, waited=timedelta(hours=3, minutes=59)).is_late
    assert replace(CALM, waited=timedelta(hours=4)).is_late


@given(DECISIONS, DECISIONS)
def test_a_canary_comes_before_whatever_is_none(one, other):
    ordered = rank(replace(one, is_canary=False), replace(other, is_canary=True))
    assert ordered[0].is_canary


@given(DECISIONS, st.floats(0, 25), st.integers(0, 10**6), st.timedeltas(timedelta(0)))
def test_more_of_anything_never_makes_it_less_urgent(one, evidence, persons, waited):
    before = compute_urgency(one)
    for more in (
        replace(one, evidence=max(one.evidence, evidence)),
        replace(one, persons=max(one.persons, persons)),
        replace(one, waited=max(one.waited, waited)),
    ):
        assert compute_urgency(more) >= before


@given(DECISIONS)
def test_points_stay_on_their_scale(one):
    assert 0 <= compute_urgency(one).points <= MOST_POINTS + 1e-9


def test_mutation_without_people_a_crowd_is_no_more_urgent(monkeypatch):
    crowd = replace(CALM, persons=900)
    assert compute_urgency(crowd) > compute_urgency(CALM)
    monkeypatch.setattr(urgency, "_PERSONS_POINTS", 0)
    assert compute_urgency(crowd) == compute_urgency(CALM)
