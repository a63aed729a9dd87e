"""People an account knows: always answered with a card, a few a day by typing while it is held."""

import copy
from itertools import product

import pytest
from tests.unit.guard.samples import OWN_AGENT, OWN_IP, ask, at, make_guard, steal

from rempart.guard import Policy, SignalKind, Step, judging, known
from rempart.guard.habits import Habits
from rempart.guard.lookups import find_day
from rempart.guard.rules import first_rules

WORKDAYS = 10
# Met with their cards on the days of `live`, which are all alike.
REGULARS = [f"card-1-{day}-{n}" for day in range(2) for n in range(20)]
MOST = Policy().held_known


def hold(guard, **changes):
    """Have an account contained for what a thief types: elsewhere, or where `changes` say."""
    for n in range(60):
        theft = steal(at(WORKDAYS, 9 + n / 600), f"victim-{n}", **changes)
        guard.decide(theft._replace(subject_department=f"far-{n}"))
    assert guard.find_step(1) is Step.PRESENCE_ONLY


def hold_at_the_desk(guard):
    hold(guard, ip=OWN_IP, user_agent=OWN_AGENT)


def ask_about(guard, people, *, every_s=240, first=10.0, day=WORKDAYS, **changes):
    """Ask about people at some pace; return how many were answered."""
    return sum(
        guard.decide(ask(at(day, first + n * every_s / 3600), who, **changes)).answer
        for n, who in enumerate(people)
    )


def test_a_thief_at_the_desk_of_a_large_practice_does_not_go_through_those_it_knows():
    guard = make_guard(days=WORKDAYS)
    hold_at_the_desk(guard)
    first = ask_about(guard, REGULARS)
    assert MOST <= first <= MOST + 5, "the known are counted in parts: a few share one"
    again = ask_about(guard, REGULARS, first=14.0)
    assert again == first, "asking again about the same people spends nothing, and gives nobody new"
    tomorrow = ask_about(guard, reversed(REGULARS), day=WORKDAYS + 1)
    assert tomorrow <= MOST + 5


@pytest.mark.parametrize("most", [0, 3])
def test_how_many_is_the_operators_choice(most):
    guard = make_guard(days=WORKDAYS, policy=Policy(held_known=most))
    hold_at_the_desk(guard)
    assert most <= ask_about(guard, REGULARS[:20]) <= most + 2


def test_mutation_without_the_count_everybody_it_knows_is_answered(monkeypatch):
    monkeypatch.setattr(known, "_is_counted", lambda *_: False)
    guard = make_guard(days=WORKDAYS)
    hold_at_the_desk(guard)
    assert ask_about(guard, REGULARS) == len(REGULARS)


def test_an_account_that_is_not_held_is_answered_about_all_it_knows():
    guard = make_guard(days=WORKDAYS)
    assert ask_about(guard, REGULARS) == len(REGULARS)


def test_cards_of_people_it_knows_pass_whatever_was_typed():
    guard = make_guard(days=WORKDAYS)
    hold_at_the_desk(guard)
    ask_about(guard, REGULARS)
    assert ask_about(guard, REGULARS, first=14.0, presence=True) == len(REGULARS)


def test_an_owner_whose_thief_is_elsewhere_types_on_at_the_own_line_and_the_thief_does_not():
    guard = make_guard(days=WORKDAYS)
    hold(guard)
    assert ask_about(guard, REGULARS) == len(REGULARS)
    elsewhere = {"ip": "203.0.113.9", "user_agent": "curl/8"}
    assert ask_about(guard, REGULARS, first=14.0, **elsewhere) <= MOST + 5


def test_the_night_check_of_its_software_goes_on_and_a_fast_hand_elsewhere_does_not():
    guard = make_guard(days=WORKDAYS)
    hold_at_the_desk(guard)
    fast = {"every_s": 1, "first": 3.0, "day": WORKDAYS + 1}
    assert ask_about(guard, REGULARS, **fast) == len(REGULARS)
    assert ask_about(guard, REGULARS, **(fast | {"first": 4.0, "ip": "203.0.113.9"})) <= MOST + 5


def test_what_is_refused_says_why_and_teaches_no_place():
    guard = make_guard(days=WORKDAYS)
    hold_at_the_desk(guard)
    ask_about(guard, REGULARS)
    places = dict(guard._habits[1].addresses)
    decisions = [guard.decide(ask(at(WORKDAYS, 15), who, ip="198.51.100.7")) for who in REGULARS]
    refused = next(one for one in decisions if not one.answer)
    assert (refused.step, refused.contains) == (Step.PRESENCE_ONLY, False)
    [signal] = refused.signals
    assert (signal.kind, signal.observed, signal.expected) == (SignalKind.KNOWN_FACES, MOST, MOST)
    assert guard._habits[1].addresses == places


def test_a_review_ends_the_count():
    guard = make_guard(days=WORKDAYS)
    hold_at_the_desk(guard)
    ask_about(guard, REGULARS)
    guard.released(1, at(WORKDAYS, 14))
    assert ask_about(guard, REGULARS, first=15.0) == len(REGULARS)


def live_known(*asked):
    """Return habits of an account that asked about people it knows, in that order."""
    usual = Habits("nurse", "75")
    for lookup in asked:
        if find_day(lookup.time_ms) != usual.today.day:
            judging.begin_day(usual, find_day(lookup.time_ms), first_rules(Policy()))
        known.judge_known(usual, lookup, teaches=True, policy=Policy())
    return usual


WEEK = [
    *(ask(at(day, 10), "regular") for day in range(-6, 0)),
    ask(at(-2, 10), "regular", ip="second"),
    ask(at(0, 10), "regular"),
    ask(at(0, 10), "regular", ip="second", presence=True),
]


@pytest.mark.parametrize("step", [Step.NONE, Step.PRESENCE_ONLY])
@pytest.mark.parametrize("teaches", [True, False])
def test_no_news_means_that_meeting_changes_nothing(teaches, step):
    usual = live_known(*WEEK)
    usual.step = step
    quiet = 0
    for day, ip, agent, hour, presence, who in product(
        (-1, 0, 1),
        (OWN_IP, "second", "elsewhere"),
        (OWN_AGENT, "other"),
        (10.5, 17.0),
        (True, False),
        ("regular", *(f"other-{n}" for n in range(5))),
    ):
        lookup = ask(at(day, hour), who, ip=ip, user_agent=agent, presence=presence)
        after = copy.deepcopy(usual)
        if known.has_news(after, lookup, teaches=teaches):
            continue
        if judging.find_lookup_day(after, lookup) == usual.today.day:
            known.judge_known(after, lookup, teaches=teaches, policy=Policy())
            assert after == usual, lookup
            quiet += 1
    assert quiet


def test_mutation_counting_a_second_place_without_saying_so_is_noticed(monkeypatch):
    counts = Habits.checks_from
    monkeypatch.setattr(Habits, "checks_from", lambda *_: False)
    usual, lookup = live_known(*WEEK), ask(at(0, 10.5), "other-1", ip="second")
    assert not known.has_news(usual, lookup, teaches=True)
    monkeypatch.setattr(Habits, "checks_from", counts)
    before = copy.deepcopy(usual)
    known.judge_known(usual, lookup, teaches=True, policy=Policy())
    assert usual != before
