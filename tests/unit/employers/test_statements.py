"""What an employer is called for, month by month."""

from datetime import date

from rempart.employers.movements import Structure
from rempart.employers.statements import (
    Covered,
    Price,
    StatementLine,
    compute_statement,
    list_months,
)

SINGLE, FAMILY = Structure.SINGLE, Structure.FAMILY
PRICES = [
    Price(structure=SINGLE, starts_on=date(2026, 1, 1), monthly_cents=4_000),
    Price(structure=SINGLE, starts_on=date(2026, 10, 1), monthly_cents=4_200),
    Price(structure=FAMILY, starts_on=date(2026, 1, 1), monthly_cents=9_000),
]
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)


def describe(lines: list[StatementLine]) -> list[tuple[object, ...]]:
    return [(one.about, one.structure, one.active, one.ported, one.amount_cents) for one in lines]


def test_every_month_begun_is_due_and_portability_costs_nothing():
    covered = [
        Covered(structure=SINGLE, joined_on=date(2026, 9, 30)),
        Covered(
            structure=SINGLE,
            joined_on=date(2026, 1, 1),
            left_on=date(2026, 9, 1),
            cover_ends_on=date(2027, 6, 1),
        ),
        Covered(structure=FAMILY, joined_on=date(2026, 10, 1)),
    ]
    assert describe(compute_statement(covered, PRICES, SEPTEMBER, {})) == [
        (SEPTEMBER, SINGLE, 2, 0, 8_000)
    ]
    called = {(SEPTEMBER, SINGLE): (2, 0, 8_000)}
    assert describe(compute_statement(covered, PRICES, OCTOBER, called)) == [
        (OCTOBER, SINGLE, 1, 1, 4_200),
        (OCTOBER, FAMILY, 1, 0, 9_000),
    ]


def test_a_movement_told_late_is_a_line_of_the_next_statement():
    late = [
        Covered(
            structure=SINGLE,
            joined_on=date(2026, 1, 1),
            left_on=date(2026, 8, 31),
            cover_ends_on=date(2026, 8, 31),
        )
    ]
    called = {(SEPTEMBER, SINGLE): (1, 0, 4_000)}
    assert describe(compute_statement(late, PRICES, OCTOBER, called)) == [
        (SEPTEMBER, SINGLE, -1, 0, -4_000)
    ]
    # Once given back, it is not given back again.
    settled = {(SEPTEMBER, SINGLE): (0, 0, 0)}
    assert compute_statement(late, PRICES, OCTOBER, settled) == []


def test_a_statement_is_due_once_its_month_ended():
    first, today = date(2026, 9, 15), date(2026, 11, 30)
    assert list_months(first, issued=None, today=today) == [SEPTEMBER, OCTOBER]
    assert list_months(first, issued=SEPTEMBER, today=today) == [OCTOBER]
    assert list_months(first, issued=OCTOBER, today=date(2026, 12, 1)) == [date(2026, 11, 1)]


def test_who_is_told_late_of_a_month_that_nobody_was_covered_in_is_called_for_it():
    late = [Covered(structure=SINGLE, joined_on=date(2026, 9, 15))]
    lines = compute_statement(late, PRICES, OCTOBER, {}, issued=[SEPTEMBER])
    assert describe(lines) == [(OCTOBER, SINGLE, 1, 0, 4_200), (SEPTEMBER, SINGLE, 1, 0, 4_000)]
