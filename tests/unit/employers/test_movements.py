"""Which movements are possible, line by line, and what becomes of a stay."""

from dataclasses import replace
from datetime import date

import pytest

from rempart.employers.movements import (
    Group,
    Join,
    Leave,
    Rule,
    Stay,
    Structure,
    check_movements,
    end_stay,
)
from rempart.kernel.periods import Period

TODAY = date(2026, 11, 23)
HERE = Stay(staff_number="A1", work_from=date(2025, 3, 3), joined_on=date(2026, 1, 1))
GONE = replace(HERE, staff_number="A2", left_on=date(2026, 5, 31), cover_ends_on=date(2026, 12, 31))
GROUP = Group(
    period=Period(date(2026, 1, 1), date(2027, 12, 31)),
    stays={"A1": [HERE], "A2": [GONE]},
    waiting=frozenset({"A3"}),
    priced={Structure.SINGLE: date(2026, 1, 1)},
)
JOIN = Join(
    line=2,
    staff_number="B1",
    joined_on=date(2026, 12, 1),
    work_from=date(2026, 12, 1),
    structure=Structure.SINGLE,
    designated=b"somebody",
)
LEAVE = Leave(line=2, staff_number="A1", left_on=date(2026, 11, 30), ported=True)


@pytest.mark.parametrize(
    ("movement", "findings"),
    [
        (JOIN, []),
        (LEAVE, []),
        (replace(LEAVE, left_on=HERE.joined_on), []),
        (replace(LEAVE, staff_number="ZZ"), [("staff_number", Rule.UNKNOWN_PERSON)]),
        (replace(LEAVE, staff_number="A2"), [("staff_number", Rule.ALREADY_GONE)]),
        (replace(LEAVE, staff_number="A3"), [("staff_number", Rule.WAITING)]),
        (replace(LEAVE, left_on=date(2025, 12, 31)), [("date", Rule.OUT_OF_CONTRACT)]),
        (replace(LEAVE, left_on=date(2027, 6, 1)), [("date", Rule.TOO_FAR)]),
        (replace(JOIN, staff_number="A1"), [("staff_number", Rule.ALREADY_PRESENT)]),
        # Portability runs until 31 December: nobody is covered twice meanwhile.
        (replace(JOIN, staff_number="A2"), [("staff_number", Rule.ALREADY_PRESENT)]),
        (
            replace(JOIN, staff_number="A2", joined_on=date(2027, 1, 1)),
            [],
        ),
        (replace(JOIN, work_from=date(2026, 12, 2)), [("work_from", Rule.JOINED_BEFORE_WORK)]),
        (replace(JOIN, structure=Structure.FAMILY), [("structure", Rule.NO_TARIFF)]),
    ],
)
def test_a_movement_is_possible_or_says_what_is_wrong_with_it(movement, findings):
    found = check_movements([movement], GROUP, today=TODAY)
    wanted = findings
    if movement.staff_number == "A1" and ("date", Rule.OUT_OF_CONTRACT) in findings:
        wanted = [*findings, ("date", Rule.LEFT_BEFORE_JOINED)]
    assert [(one.field, one.rule) for one in found] == sorted(wanted)


def test_a_movement_of_more_than_a_year_ago_is_the_insurers_to_take_up():
    group = replace(GROUP, period=Period(date(2024, 1, 1)))
    old = replace(JOIN, joined_on=date(2025, 11, 22), work_from=date(2025, 11, 22))
    old_price = replace(group, priced={Structure.SINGLE: date(2024, 1, 1)})
    assert [one.rule for one in check_movements([old], old_price, today=TODAY)] == [Rule.TOO_OLD]


def test_somebody_who_left_before_they_joined_is_told_so():
    group = replace(GROUP, period=Period(date(2020, 1, 1)))
    found = check_movements([replace(LEAVE, left_on=date(2025, 12, 31))], group, today=TODAY)
    assert [(one.field, one.rule) for one in found] == [("date", Rule.LEFT_BEFORE_JOINED)]


def test_one_file_speaks_of_somebody_once():
    again = replace(JOIN, line=3)
    found = check_movements([JOIN, again], GROUP, today=TODAY)
    assert [(one.line, one.rule) for one in found] == [(3, Rule.REPEATED)]
    other = replace(JOIN, line=3, staff_number="B2")
    found = check_movements([JOIN, other], GROUP, today=TODAY)
    assert [(one.line, one.field, one.rule) for one in found] == [(3, "nir", Rule.REPEATED)]


@pytest.mark.parametrize(
    ("left_on", "ported", "last"),
    [
        (date(2026, 11, 30), False, date(2026, 11, 30)),
        (date(2026, 11, 30), True, date(2027, 11, 30)),
        # Portability ends with the collective contract.
        (date(2027, 6, 30), True, date(2027, 12, 31)),
    ],
)
def test_cover_ends_with_work_or_with_portability(left_on, ported, last):
    leave = replace(LEAVE, left_on=left_on, ported=ported)
    assert end_stay(HERE, leave, GROUP.period).cover_ends_on == last


def test_a_short_contract_gives_a_short_portability():
    short = replace(HERE, work_from=date(2026, 9, 1), joined_on=date(2026, 9, 1))
    ended = end_stay(short, replace(LEAVE, left_on=date(2026, 11, 10)), GROUP.period)
    assert ended.cover_ends_on == date(2027, 2, 10)  # two months and some days: three
