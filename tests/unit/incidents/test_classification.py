"""Major under DORA or not: which criterion, and what is still unknown."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.incidents.bounds import Bounds
from rempart.incidents.classification import (
    NOBODY,
    Criterion,
    IncidentScale,
    Reached,
    add_bounds,
    classify_incident,
    is_actual,
)
from rempart.kernel.errors import InvalidRequest

# Everything known, and nothing reached.
CALM = IncidentScale(
    clients=Bounds(lower=70, best=73, upper=80),
    clients_total=45_000,
    relevant_clients=False,
    counterparts_or_transactions=False,
    supports_critical=False,
    needs_authorisation=False,
    malicious_access=False,
    may_lose_data=False,
    harms_objectives=False,
    reputation=False,
    duration_hours=3,
    downtime_hours=0,
    member_states=1,
    costs_eur=20_000,
)


def reached(scale, criterion):
    [found] = [one for one in classify_incident(scale).criteria if one.criterion is criterion]
    return found.reached


def test_a_theft_of_accounts_is_major_by_the_access_alone():
    theft = replace(CALM, supports_critical=True, malicious_access=True, may_lose_data=True)
    answer = classify_incident(theft)
    assert (answer.major, answer.by_access) == (True, True)
    assert Criterion.DATA_LOSSES in answer.reached


def test_mutation_an_access_that_loses_nothing_is_not_major_by_itself():
    theft = replace(CALM, supports_critical=True, malicious_access=True)
    answer = classify_incident(theft)
    assert (answer.major, answer.could_be) == (False, False)


def test_two_thresholds_on_a_critical_service_make_it_major():
    answer = classify_incident(
        replace(CALM, supports_critical=True, reputation=True, duration_hours=25)
    )
    assert (answer.major, answer.by_access) == (True, False)
    one = classify_incident(replace(CALM, supports_critical=True, reputation=True))
    assert not one.major


def test_without_a_critical_service_nothing_is_major():
    loud = replace(CALM, reputation=True, duration_hours=99, costs_eur=10_000_000, member_states=9)
    answer = classify_incident(loud)
    assert (answer.major, answer.could_be) == (False, False)


@pytest.mark.parametrize(
    ("clients", "total", "answer"),
    [
        (Bounds(lower=4_500, best=4_500, upper=4_500), 45_000, Reached.NO),
        (Bounds(lower=4_501, best=4_501, upper=4_501), 45_000, Reached.YES),
        (Bounds(lower=1, best=4_501, upper=4_501), 45_000, Reached.ESTIMATED),
        (Bounds(lower=1, best=2, upper=4_501), 45_000, Reached.UNKNOWN),
        (Bounds(lower=100_000, best=100_000, upper=100_000), 20_000_000, Reached.NO),
        (Bounds(lower=100_001, best=100_001, upper=100_001), 20_000_000, Reached.YES),
        (Bounds(lower=100_001, best=100_001, upper=100_001), None, Reached.YES),
        (Bounds(lower=5, best=5, upper=5), None, Reached.UNKNOWN),
        (Bounds(lower=1, best=2, upper=None), 45_000, Reached.UNKNOWN),
        (NOBODY, None, Reached.NO),
    ],
)
def test_clients_are_compared_with_ten_per_cent_and_a_hundred_thousand(clients, total, answer):
    scale = replace(CALM, clients=clients, clients_total=total)
    assert reached(scale, Criterion.CLIENTS) is answer


@pytest.mark.parametrize(
    ("changes", "criterion", "answer"),
    [
        ({"duration_hours": 24}, Criterion.DURATION, Reached.NO),
        ({"duration_hours": 24.5}, Criterion.DURATION, Reached.YES),
        ({"downtime_hours": 2}, Criterion.DURATION, Reached.NO),
        ({"downtime_hours": 2.1}, Criterion.DURATION, Reached.YES),
        ({"duration_hours": None}, Criterion.DURATION, Reached.UNKNOWN),
        ({"member_states": 2}, Criterion.GEOGRAPHY, Reached.YES),
        ({"costs_eur": 100_000}, Criterion.ECONOMIC, Reached.NO),
        ({"costs_eur": 100_001}, Criterion.ECONOMIC, Reached.YES),
        ({"costs_eur": None}, Criterion.ECONOMIC, Reached.UNKNOWN),
        ({"relevant_clients": True}, Criterion.CLIENTS, Reached.YES),
        ({"harms_objectives": True}, Criterion.DATA_LOSSES, Reached.YES),
        ({"reputation": None}, Criterion.REPUTATION, Reached.UNKNOWN),
    ],
)
def test_each_threshold_has_its_border(changes, criterion, answer):
    assert reached(replace(CALM, **changes), criterion) is answer


def test_what_nobody_knows_yet_may_change_the_answer():
    answer = classify_incident(IncidentScale(clients=Bounds(lower=1, best=1, upper=1)))
    assert (answer.major, answer.could_be) == (False, True)


def test_every_criterion_says_why_in_both_languages():
    for one in classify_incident(CALM).criteria:
        assert one.fr
        assert one.en
        assert one.article


def test_negative_numbers_are_refused():
    with pytest.raises(InvalidRequest):
        replace(CALM, costs_eur=-1)


def test_people_of_several_insurers_add_up_with_their_bounds():
    some, others = Bounds(lower=1, best=2, upper=3), Bounds(lower=4, best=4, upper=4)
    assert add_bounds([some, others]) == Bounds(lower=5, best=6, upper=7)
    assert add_bounds([some, Bounds(lower=1, best=1, upper=None)]).upper is None
    assert (is_actual(others), is_actual(some), add_bounds([])) == (True, False, NOBODY)


unsure = st.none() | st.booleans()


@given(st.lists(unsure, min_size=8, max_size=8), st.none() | st.integers(0, 10**6))
def test_learning_that_something_is_true_never_makes_it_less_major(answers, costs):
    names = ("relevant_clients", "supports_critical", "needs_authorisation", "malicious_access")
    names += ("may_lose_data", "harms_objectives", "reputation", "counterparts_or_transactions")
    known = dict(zip(names, answers, strict=True))
    before = classify_incident(replace(CALM, costs_eur=costs, **known))
    for name in names:
        after = classify_incident(replace(CALM, costs_eur=costs, **(known | {name: True})))
        assert after.major >= before.major
        assert after.major or after.could_be >= before.could_be
