"""Blast radius per stolen account, delays and costs, from a script and what came back."""

from rempart.drill.attacks import Attack
from rempart.drill.baselines import count_refused, list_within_limits
from rempart.drill.blast import measure_blasts, measure_cost
from rempart.drill.calendar import Calendar, find_instant
from rempart.drill.cast import Ask, Identifiers, Place
from rempart.drill.plan import Script
from rempart.drill.replay import FORBIDDEN, NOT_SENT, OK, Tape

CALENDAR = Calendar(ends_day=20_002, history=0, quiet=1, attacked=1)
BEGINS_MS = find_instant(CALENDAR.played_day, 9)
MINUTE_MS = 60_000
PLACE = Place("198.18.0.1", "Cabinet/1.0")
THIEF, HONEST = 0, 1


def ask(minute: float, caller: int, robot: int | None = None, name: str = "") -> Ask:
    sent = Identifiers(card_code=name)
    return Ask(BEGINS_MS + int(minute * MINUTE_MS), caller, PLACE, sent, "MEDG", robot)


def stage(asks: list[Ask], statuses: list[int]) -> tuple[Script, Tape]:
    script = Script(
        seed=1,
        calendar=CALENDAR,
        professions=("nurse", "nurse"),
        past=(),
        asks=tuple(asks),
        attacks=(Attack(name="list", caller=THIEF),),
    )
    return script, Tape(statuses, BEGINS_MS, BEGINS_MS + 1)


def test_each_person_counts_once_and_only_when_answered():
    asks = [ask(n, THIEF, robot=0) for n in range(5)]
    script, tape = stage(asks, [OK, OK, OK, FORBIDDEN, NOT_SENT])
    [row, everything] = measure_blasts(
        script, tape, found=["anna", "anna", None, "bob", "carl"], contained_ms={}, portal=[9]
    )
    assert (row.name, everything.name) == ("list", "all")
    assert row.guard.mean == row.guard.worst == 1
    assert row.no_guard.worst == 3, "without a guard everything wanted is asked, and found"
    assert (row.portal.worst, row.contained, row.lookups) == (9, 0, None)


def test_a_delay_counts_the_questions_sent_until_the_account_was_held():
    asks = [ask(n, THIEF, robot=0) for n in range(5)]
    script, tape = stage(asks, [OK, OK, FORBIDDEN, FORBIDDEN, NOT_SENT])
    before_ms, held_ms = asks[0].at_ms - 1, asks[2].at_ms
    [row, _] = measure_blasts(
        script,
        tape,
        found=[None] * 5,
        contained_ms={THIEF: [before_ms, held_ms, held_ms + 1]},
        portal=[0],
    )
    assert (row.contained, row.lookups, row.minutes) == (1, 3, 2)


def test_an_honest_account_that_is_held_is_a_mistake_and_so_is_one_held_before_its_theft():
    asks = [ask(0, HONEST), ask(1, THIEF), ask(2, THIEF, robot=0), ask(3, HONEST)]
    script, tape = stage(asks, [OK, OK, OK, FORBIDDEN])
    cost = measure_cost(
        script,
        tape,
        contained_ms={HONEST: [asks[3].at_ms], THIEF: [asks[1].at_ms, asks[2].at_ms]},
    )
    assert cost.false_containments == 2
    assert cost.account_days == 1, "the days of a stolen account are not counted"
    assert cost.false_per_thousand == 2000
    assert (cost.lookups, cost.refused, cost.refused_of_stolen) == (3, 1, 0)
    assert round(cost.refused_per_hundred_thousand) == 33_333


def test_fixed_limits_let_thirty_a_minute_pass_and_count_no_refusal():
    asks = [ask(n / 100, HONEST) for n in range(40)] + [ask(1, HONEST)]
    passed = list_within_limits(asks)
    assert passed == [True] * 30 + [False] * 10 + [True]
    assert count_refused(asks, passed) == 10


def test_fixed_limits_hold_three_hundred_an_hour_and_fifteen_hundred_a_day():
    asks = [ask(n / 20, HONEST) for n in range(20 * 60 * 8)]
    passed = list_within_limits(asks)
    assert sum(passed) == 1500
    assert sum(passed[: 20 * 60]) == 300


def test_limits_are_each_accounts_own():
    asks = [ask(n / 100, HONEST) for n in range(30)] + [ask(0.5, THIEF, robot=0)]
    passed = list_within_limits(asks)
    assert all(passed)
    assert count_refused(asks, [False] * len(asks)) == 30, "a thief's are not lawful"


def test_a_drill_where_nobody_asks_anything_has_figures_all_the_same():
    script, tape = stage([], [])
    [row, _] = measure_blasts(script, tape, found=[], contained_ms={THIEF: [1]}, portal=[0])
    assert (row.guard.mean, row.contained, row.minutes) == (0, 0, None)
    assert measure_cost(script, tape, contained_ms={}).false_per_thousand == 0
