"""Rules of a day: from a budget of mistakes, from days nobody labelled."""

import pytest

from rempart.guard.policy import Policy
from rempart.guard.rules import (
    FIRST_NORMS,
    AccountDay,
    Rules,
    first_rules,
    renew_rules,
)

POLICY = Policy(false_containments=2.0, days_over=0.01)


def past(day, n=0, **changes):
    usual = AccountDay(
        day=day, profession="nurse", typed=2.0, typed_count=2, typed_expected=2.0,
        typed_deviation=1.0, typed_allowance=6.0, week=8.0, card=5.0, card_count=5,
        card_allowance=40.0, refused=0, local_count=8, placed_count=10, missed_count=1,
        answered_count=10, evidence=n / 100, card_evidence=0.0, active_days=20, suspect=False,
        typed_doubted=2.0,
    )  # fmt: skip
    return usual._replace(**changes)


def week(**changes):
    """A thousand account-days whose evidence goes from 0 to 10."""
    return [past(day, n, **changes) for day in range(3, 8) for n in range(0, 1000, 5)]


def test_the_threshold_is_passed_by_as_many_days_as_the_budget_says():
    rules = renew_rules(POLICY, first_rules(POLICY), week(), 9)
    # Half of 2 in 1 000 of 1 000 account-days: one, and it is the largest.
    assert rules.evidence == pytest.approx(9.95)
    assert rules.account_days == 1000


def test_the_wider_the_budget_the_lower_the_threshold():
    strict = renew_rules(Policy(false_containments=0.1), first_rules(POLICY), week(), 9)
    lax = renew_rules(Policy(false_containments=100), first_rules(POLICY), week(), 9)
    assert lax.evidence < strict.evidence
    assert strict.evidence == pytest.approx(9.95 * 1.1)  # beyond everything that was seen


def test_the_rules_of_a_day_do_not_rest_on_the_day_before():
    quiet = renew_rules(POLICY, first_rules(POLICY), week(), 9)
    wild = [past(8, 0, evidence=25.0) for _ in range(500)]
    assert renew_rules(POLICY, first_rules(POLICY), [*week(), *wild], 9) == quiet


def test_mutation_counting_yesterday_is_noticed(monkeypatch):
    monkeypatch.setattr("rempart.guard.rules.LAG_DAYS", 1)
    wild = [past(8, 0, evidence=25.0) for _ in range(500)]
    quiet = renew_rules(POLICY, first_rules(POLICY), week(), 9)
    assert renew_rules(POLICY, first_rules(POLICY), [*week(), *wild], 9) != quiet


def test_accounts_contained_and_not_cleared_teach_nothing():
    quiet = renew_rules(POLICY, first_rules(POLICY), week(), 9)
    thieves = [past(7, 0, evidence=25.0, typed=60.0, suspect=True) for _ in range(500)]
    assert renew_rules(POLICY, first_rules(POLICY), [*week(), *thieves], 9) == quiet
    cleared = [one._replace(suspect=False) for one in thieves]
    assert renew_rules(POLICY, first_rules(POLICY), [*week(), *cleared], 9) != quiet


def test_a_batch_that_looks_like_its_account_widens_nobodys_allowance():
    calm = renew_rules(POLICY, first_rules(POLICY), week(), 9)
    batches = [past(7, 0, typed=900.0, typed_count=600)] * 50
    assert renew_rules(POLICY, first_rules(POLICY), [*week(), *batches], 9).width == calm.width
    doubted = [one._replace(typed_doubted=900.0) for one in batches]
    assert renew_rules(POLICY, first_rules(POLICY), [*week(), *doubted], 9).width > calm.width


def test_one_bad_week_moves_thresholds_a_little_a_day():
    now = Rules(8, 4.0, 6.0, 5.0, 1000, {})
    bad = [
        past(day, 0, evidence=25.0, card_evidence=25.0, typed_doubted=60.0) for day in range(3, 8)
    ] * 99
    rules = renew_rules(POLICY, now, bad, 9)
    assert (rules.width, rules.evidence, rules.card_evidence) == pytest.approx((4.2, 6.25, 5.25))


def test_thresholds_stay_the_first_ones_until_there_are_days_but_norms_begin_at_once():
    rules = renew_rules(POLICY, first_rules(POLICY), [past(7, 900)] * 50, 9)
    assert rules.evidence == POLICY.first_threshold
    assert rules.account_days == 0
    assert rules.find_norms("nurse").typed > FIRST_NORMS.typed
    assert rules.find_norms("pharmacy") == FIRST_NORMS


def test_without_any_day_the_rules_go_on():
    now = Rules(8, 4.0, 6.0, 5.0, 1000, {})
    assert renew_rules(POLICY, now, [], 9) == now._replace(day=9)


def test_days_older_than_the_window_are_forgotten():
    rules = renew_rules(POLICY, first_rules(POLICY), week(), 40)
    assert rules.account_days == 0


def test_one_account_weighs_little_in_its_profession():
    many = [past(7, typed=1.0)] * 99
    rules = renew_rules(POLICY, first_rules(POLICY), [*many, past(7, typed=9e9)], 9)
    assert rules.find_norms("nurse").typed < 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"false_containments": -1},
        {"days_over": 0},
        {"days_over": 1},
        {"least_price": 0},
        {"learning_days": 0},
        {"calibration_days": 0},
        {"batch_room": -1},
        {"batch_per_known": -1},
    ],
)
def test_a_budget_that_means_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=r"budget|price|learnt|batch"):
        Policy(**wrong)
