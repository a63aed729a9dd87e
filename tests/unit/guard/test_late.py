"""Look-ups that no claim followed: whom that holds, and whom it does not."""

import pytest

from rempart.guard.late import Followed, compute_chance, judge_late
from rempart.guard.policy import Policy


def follow(account, asked=20, claimed=18, *, profession="optician", past=(80, 70)):
    return Followed(account, profession, asked, claimed, *past)


def colleagues(count=30, **changes):
    return [follow(100 + n, **changes) for n in range(count)]


def held(*accounts, policy=None):
    return [sign.account for sign in judge_late(accounts, policy or Policy())]


def test_an_account_that_stops_billing_whom_it_asks_about_is_held():
    assert held(*colleagues(), follow(1, 60, 3)) == [1]


def test_an_account_that_bills_as_it_did_is_not_held():
    assert held(*colleagues(), follow(1, 60, 50)) == []


def test_an_account_that_never_billed_through_here_is_not_held():
    assert held(*colleagues(), follow(1, 60, 0, past=(300, 0))) == []


def test_a_few_people_without_a_claim_hold_nobody():
    assert held(*colleagues(), follow(1, 4, 0)) == []


def test_where_nobody_bills_through_here_nobody_is_held():
    assert held(*colleagues(claimed=0), follow(1, 60, 0)) == []


def test_a_profession_of_few_people_says_nothing():
    assert held(*colleagues(3), follow(1, 60, 0)) == []


def test_when_the_billing_of_a_profession_stops_it_is_not_taken_for_thefts():
    assert held(*colleagues(claimed=1)) == []


def test_no_more_are_held_at_once_than_the_budget_makes_likely():
    thieves = [follow(n, 60, 2) for n in range(1, 6)]
    assert len(held(*colleagues(200), *thieves)) == 1
    assert len(held(*colleagues(200), *thieves, policy=Policy(false_containments=300))) == 5


def test_a_newcomer_is_judged_by_its_profession():
    assert held(*colleagues(), follow(1, 60, 1, past=(0, 0))) == [1]


def test_one_claim_less_never_makes_an_account_less_suspect():
    chances = [compute_chance(claimed, 40, 0.8, 40.0) for claimed in range(41)]
    assert chances == sorted(chances)
    assert chances[-1] == pytest.approx(1.0)


def test_mutation_a_share_taken_for_certain_would_hold_who_had_an_odd_week(monkeypatch):
    odd = follow(1, 60, 38)
    assert held(*colleagues(), odd) == []
    monkeypatch.setattr("rempart.guard.late._MOST_SURE", 1e6)
    assert held(*colleagues(), odd._replace(past_asked=10**6, past_claimed=880_000)) == [1]
