"""How long a period runs, to the day."""

from datetime import date

import pytest

from rempart.retention.terms import (
    Event,
    Interruption,
    Suspension,
    add_months,
    compute_last_day,
)
from rempart.rights.portability import compute_portability_end

START = date(2024, 1, 31)


@pytest.mark.parametrize(
    ("start", "months", "last"),
    [
        (date(2024, 1, 15), 24, date(2026, 1, 15)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 12, 31), 2, date(2025, 2, 28)),
        (date(2024, 6, 30), 0, date(2024, 6, 30)),
    ],
)
def test_a_month_ends_on_the_day_of_the_same_number_or_on_its_last(start, months, last):
    assert add_months(start, months) == last
    assert compute_last_day(start, months) == last


@pytest.mark.parametrize(
    ("events", "last"),
    [
        ([], date(2026, 1, 31)),
        ([Interruption(on=date(2025, 6, 1))], date(2027, 6, 1)),
        ([Interruption(on=date(2026, 1, 31))], date(2028, 1, 31)),
        # the day after its last, there is nothing to interrupt any more
        ([Interruption(on=date(2026, 2, 1))], date(2026, 1, 31)),
        ([Interruption(on=date(2023, 12, 1))], date(2026, 1, 31)),
        (
            [Interruption(on=date(2025, 6, 1)), Interruption(on=date(2024, 6, 1))],
            date(2027, 6, 1),
        ),
        ([Suspension(starts_on=date(2024, 3, 1), ends_on=date(2024, 3, 10))], date(2026, 2, 10)),
        # the same days said twice are counted once
        (
            [
                Suspension(starts_on=date(2024, 3, 1), ends_on=date(2024, 3, 10)),
                Suspension(starts_on=date(2024, 3, 5), ends_on=date(2024, 3, 10)),
            ],
            date(2026, 2, 10),
        ),
        # it had begun before the fact: only what comes after counts
        ([Suspension(starts_on=date(2024, 1, 1), ends_on=date(2024, 2, 9))], date(2026, 2, 10)),
        ([Suspension(starts_on=date(2026, 2, 1), ends_on=date(2026, 3, 1))], date(2026, 1, 31)),
        ([Suspension(starts_on=date(2025, 1, 1))], None),
        ([Suspension(starts_on=date(2026, 2, 1))], date(2026, 1, 31)),
        # an interruption within a suspension counts from the suspension's end on
        (
            [
                Suspension(starts_on=date(2025, 1, 1), ends_on=date(2025, 12, 31)),
                Interruption(on=date(2025, 7, 1)),
            ],
            add_months(date(2025, 7, 1), 24) + (date(2026, 1, 1) - date(2025, 7, 1)),
        ),
    ],
)
def test_what_interrupts_begins_again_and_what_suspends_stops_the_count(
    events: list[Event], last: date | None
):
    assert compute_last_day(START, 24, events) == last
    assert compute_last_day(START, 24, reversed(events)) == last


def test_a_suspension_does_not_end_before_it_begins():
    with pytest.raises(ValueError, match="ends before"):
        Suspension(starts_on=date(2024, 2, 2), ends_on=date(2024, 2, 1))


@pytest.mark.parametrize(
    ("first", "last", "benefits", "covered"),
    [
        # a long contract: twelve months at most
        (date(2015, 3, 1), date(2024, 6, 30), None, date(2025, 6, 30)),
        # four months and a day count as five
        (date(2024, 3, 1), date(2024, 7, 1), None, date(2024, 12, 1)),
        (date(2024, 3, 1), date(2024, 6, 30), None, date(2024, 10, 30)),
        (date(2024, 6, 1), date(2024, 6, 3), None, date(2024, 7, 3)),
        # a new job ends it
        (date(2015, 3, 1), date(2024, 6, 30), date(2024, 9, 15), date(2024, 9, 15)),
        (date(2015, 3, 1), date(2024, 6, 30), date(2024, 6, 1), date(2024, 6, 30)),
    ],
)
def test_portability_lasts_as_long_as_the_contract_and_a_year_at_most(
    first, last, benefits, covered
):
    assert compute_portability_end(first, last, benefits_end=benefits) == covered
